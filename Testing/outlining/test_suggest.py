"""A suggestion from two volumes: any grid, geometry kept, cancelled, empty, doubted; with small untrained networks."""
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from making import AFFINES, head, volume

from FusionINNLib.errors import Cancelled, GeometryError, InputError, ModelError
from FusionINNLib.outlining.csad import Answer
from FusionINNLib.outlining.doubts import KNOWS, LARGEST_ML, LEAST_SURE, doubts
from FusionINNLib.outlining.logits import logits_of
from FusionINNLib.outlining.model import load
from FusionINNLib.outlining.suggest import suggest_outline
from FusionINNLib.progress import Progress
from FusionINNLib.results.segments import DEFAULT_COLOR, SAMPLE_COLORS
from FusionINNLib.volumes.orientation import from_ras, to_ras
from FusionINNLib.volumes.suggested import COLOR, NAME
from FusionINNLib.volumes.volume import Volume


def pair(shape=(9, 40, 44), affine=AFFINES["lps"]):
    return volume(head(shape=shape), "t1ce", affine), volume(head(shape=shape, seed=2), "flair", affine)


def suggested(first, second, model, **given):
    return suggest_outline(first, second, model=model, device="cpu", **given)


def test_a_suggestion_lies_on_the_grid_of_the_reference(outline_model):
    first, second = pair()
    found = suggested(first, second, outline_model)
    assert found.labels.same_grid(second) and found.probability.same_grid(second)
    assert found.labels.array.dtype == np.uint8 and found.probability.array.dtype == np.float32
    assert 0 < found.probability.array.max() <= 1 and found.probability.array.min() >= 0
    np.testing.assert_array_equal(found.labels.array > 0, found.probability.array >= 0.5)
    assert found.volume_ml == pytest.approx(found.labels.array.sum() / 1000)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_flipping_an_axis_of_the_array_flips_the_result_alone(axes, outline_model):
    first, second = pair()
    plain = suggested(first, second, outline_model)
    turn = np.eye(4)
    for axis in axes:
        turn[2 - axis, 2 - axis], turn[2 - axis, 3] = -1, first.shape[axis] - 1
    flipped = [replace(one, array=np.ascontiguousarray(np.flip(one.array, axes)), affine=one.affine @ turn) for one in (first, second)]
    found = suggested(*flipped, outline_model)
    assert plain.labels.array.any()
    np.testing.assert_array_equal(np.flip(found.labels.array, axes), plain.labels.array)
    np.testing.assert_array_equal(np.flip(found.probability.array, axes), plain.probability.array)
    assert found.labels.same_grid(flipped[1])


@pytest.mark.parametrize("grid", ["plain", "permuted"])
def test_axes_may_be_in_any_order(grid, outline_model):
    edges = np.linalg.norm(AFFINES[grid][:3, :3], axis=0)
    order = np.argmax(np.abs(AFFINES[grid][:3, :3]), axis=0)  # i, j, k run along these of R, A, S
    affine = np.diag([*[edges[list(order).index(axis)] for axis in range(3)], 1.0])
    first, second = pair(affine=affine)
    plain = suggested(first, second, outline_model)
    turned = [Volume(from_ras(one.array, AFFINES[grid]), AFFINES[grid], one.name) for one in (first, second)]
    found = suggested(*turned, outline_model)
    np.testing.assert_array_equal(to_ras(found.probability.array, AFFINES[grid]), plain.probability.array)


def test_left_and_right_are_alike_to_the_model(outline_model):
    model = load(outline_model)
    images = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    plain, mirrored = (logits_of(model.network, model.slices, one, torch.device("cpu")) for one in (images, images[..., ::-1].copy()))
    np.testing.assert_allclose(mirrored[..., ::-1], plain, atol=1e-5)


def test_the_second_may_lie_on_a_grid_of_its_own(outline_model):
    first, second = pair((12, 40, 44))
    other = replace(second, array=second.array[1:, 2:], affine=second.affine @ np.array(
        [[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 1, 1], [0, 0, 0, 1.0]]))
    found = suggested(first, other, outline_model, alignment="header")
    assert found.labels.same_grid(other) and found.alignment.resampled
    with pytest.raises(GeometryError, match="different grids"):
        suggested(first, other, outline_model, alignment="none")


def test_nothing_found_is_a_result_that_says_so(silent_model):
    found = suggested(*pair(), silent_model)
    assert not found.labels.array.any() and found.volume_ml == 0
    assert any("does not say that there is none" in sentence for sentence in found.warnings)


def test_a_suggestion_larger_than_tumours_is_doubted(outline_model):
    first, second = pair(affine=AFFINES["lps"] @ np.diag([6.0, 6.0, 6.0, 1.0]))
    found = suggested(first, second, outline_model)
    assert found.volume_ml > LARGEST_ML and any("more than tumours do" in sentence for sentence in found.warnings)


def test_a_suggestion_of_which_the_network_is_unsure_is_doubted():
    one = pair()[0]
    marked = np.zeros(one.shape, bool)
    marked[2:5] = True

    def said(inside):
        grids = one, replace(one, array=one.array + 1)
        return doubts(*grids, grids, np.where(marked, inside, 0), marked, 9.0, 5.0)

    assert any("may be no lesion" in sentence for sentence in said(LEAST_SURE - 0.01)) and not said(LEAST_SURE + 0.01)


def test_the_same_image_twice_and_diffusion_maps_are_warned_of(outline_model):
    first, second = pair()
    assert any("one contrast is missing" in sentence for sentence in suggested(first, first, outline_model).warnings)
    adc = replace(first, unit="1e-3 mm2/s")
    assert any(KNOWS in sentence for sentence in suggested(adc, second, outline_model).warnings)
    assert not any(KNOWS in sentence for sentence in suggested(first, second, outline_model).warnings)


def test_an_empty_contrast_is_refused_and_so_is_a_wrong_model(outline_model):
    first, second = pair()
    with pytest.raises(InputError, match="same value"):
        suggested(replace(first, array=np.zeros_like(first.array)), second, outline_model)
    with pytest.raises(ModelError, match="fuses images"):
        suggested(first, second, "default")
    with pytest.raises(InputError, match="reference"):
        suggested(first, second, outline_model, reference="third")


def test_weights_that_do_not_fit_their_card_are_refused(outline_model, tmp_path):
    source = Path(outline_model)
    for name in ("card.json", "weights.pt"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(card | {"network": card["network"] | {"unit": 8}}))
    with pytest.raises(ModelError, match="do not fit its card"):
        suggested(*pair(), str(tmp_path))


def test_progress_is_told_and_stops_the_work(outline_model):
    told = []

    def report(task, done, total):
        told.append((task, done, total))
        if task == "looking for a lesion":
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        suggested(*pair((40, 40, 44)), outline_model, progress=progress)
    assert told[-1][0] == "looking for a lesion"


def test_name_and_colour_are_those_of_no_drawn_segment(outline_model):
    one, = suggested(*pair(), outline_model).segments.segments
    assert one.name == NAME and "SUGGESTED" in NAME
    assert all(np.abs(np.subtract(COLOR, drawn)).max() > 0.5 for drawn in (DEFAULT_COLOR, *SAMPLE_COLORS.values()))


def test_importing_the_library_does_not_load_this_room():
    assert importlib.util.find_spec("FusionINNLib.outlining.suggest")
    import subprocess

    code = "import sys, FusionINNLib, FusionINNLib.cli.parser; sys.exit('torch' in sys.modules or 'FusionINNLib.outlining' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2]).returncode == 0


def test_contrasts_that_look_exchanged_are_doubted(outline_model, monkeypatch):
    """As the network that knows them would: one that is surer where the first image is the brighter one."""
    class Brighter(torch.nn.Module):
        def forward(self, first, second):
            return Answer(5 * (first - second)[:, :1], [], [])

    loaded = replace(load(outline_model), network=Brighter())
    monkeypatch.setattr("FusionINNLib.outlining.suggest.models.load", lambda model: loaded)
    first, second = pair()
    hot = first.array.copy()
    hot[2:6, 12:22, 14:24] = 10 * hot.max()  # some hundredths of the head, far above all else
    first = replace(first, array=hot)
    as_given, exchanged = suggested(first, second, outline_model), suggested(second, first, outline_model)
    word = "surer of these images in the other order"
    assert not any(word in one for one in as_given.warnings) and any(word in one for one in exchanged.warnings)
