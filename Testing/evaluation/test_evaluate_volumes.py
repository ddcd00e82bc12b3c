"""`fusioninn evaluate` on volumes: they are seen as `fuse` sees them, what was done is said, and bad input is refused."""
import csv
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import as_json, assert_one_sentence, evaluate
from golden import HEAD
from making import affine_from, head, volume

from FusionINNLib.cli.__main__ import main
from FusionINNLib.methods import model_card
from FusionINNLib.methods.fusioninn import model_folder, networks
from FusionINNLib.metrics import evaluate_volume
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.io import read_volume, write_nifti

THICK = affine_from(np.diag([-1, -1, 1]), (1, 1, 3))


def nominal(array: np.ndarray) -> np.ndarray:
    return np.clip(fit_volume(array).apply(array), -0.5, 1.5)


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Path:
    """first, second (int16), fused (the average on the nominal scale) and mask; slices 0 and 5 of the first are empty."""
    folder = tmp_path_factory.mktemp("evaluate")
    first, second = head(shape=(6, 48, 44)), head(shape=(6, 48, 44), seed=1)
    first[[0, 5]] = 0
    mask = np.zeros(first.shape, np.float32)
    mask[1:4, 12:36, 12:30] = 0.3
    arrays = {"first": first, "second": second, "fused": (nominal(first) + nominal(second)) / 2, "mask": mask}
    for name, array in arrays.items():
        write_nifti(volume(array, name, THICK), folder / f"{name}.nii.gz")
    return folder


def files(folder: Path, *names: str) -> list[Path]:
    return [folder / f"{name}.nii.gz" for name in names or ("first", "second", "fused")]


def test_sources_are_normalised_as_fuse_does_and_the_fused_image_is_taken_as_it_is(case, capsys):
    first, second, fused = (read_volume(path).array for path in files(case))
    mask = read_volume(case / "mask.nii.gz").array
    expected = evaluate_volume(nominal(first), nominal(second), fused, mask)
    found = as_json(capsys, *files(case), "--mask", case / "mask.nii.gz")
    for key, value in expected.volume.items():
        assert found["volume"][key] == pytest.approx(value, abs=1e-12), key
    assert [row["slice"] for row in found["slices"]] == [1, 2, 3, 4]
    assert found["left_out"] == [{"slice": k, "reason": expected.left_out[k]} for k in (0, 5)] and "constant" in expected.left_out[0]
    assert found["slices"][3]["q_p_masked"] is None and found["slices"][0]["q_p_masked"] is not None
    assert "normalised as 'fuse' does" in found["scales"]["first"] and "as it is" in found["scales"]["fused"]
    code, out, _ = evaluate(capsys, *files(case))
    assert code == 0 and "2 slices left out\n  0, 5: The first image is constant" in out and "mean over the 4 measured of 6 slices" in out
    rows = list(csv.DictReader(io.StringIO(evaluate(capsys, *files(case), "--csv")[1])))
    assert [row["slice"] for row in rows] == ["volume", *"012345"] and "constant" in rows[1]["left_out"] and rows[2]["left_out"] == ""
    assert float(rows[0]["q_xy"]) == found["volume"]["q_xy"]


def test_what_fuse_wrote_can_be_measured(case, tmp_path, capsys, tiny_model):
    card = json.loads((Path(tiny_model) / model_card.CARD).read_text())
    model, out = tmp_path / "fresh", tmp_path / "out"
    model.mkdir()
    model_folder.write(model, networks.build("default", card["settings"]), {**card, "id": "fresh"})  # untrained, it fuses by averaging
    assert main(["fuse", *map(str, files(case)[:2]), "--out", str(out), "--model", str(model), "--device", "cpu"]) == 0
    capsys.readouterr()
    found, average = (as_json(capsys, *files(case)[:2], fused) for fused in (out / "fused.nii.gz", case / "fused.nii.gz"))
    assert found["volume"]["q_ssim"] == pytest.approx(average["volume"]["q_ssim"], abs=0.02) and len(found["slices"]) >= 4


def test_axes_stored_in_another_order_are_the_same_grid(case, tmp_path, capsys):
    mirrored = THICK.copy()
    mirrored[:3, 0] *= -1
    mirrored[:3, 3] += THICK[:3, 0] * 43
    write_nifti(volume(np.ascontiguousarray(read_volume(case / "second.nii.gz").array[:, :, ::-1]), "second", mirrored),
                tmp_path / "second.nii.gz")
    code, out, err = evaluate(capsys, case / "first.nii.gz", tmp_path / "second.nii.gz", case / "fused.nii.gz", "--json")
    assert code == 0 and "second was stored with other axes" in err
    assert json.loads(out)["volume"] == as_json(capsys, *files(case))["volume"]


def test_scaled_sources_and_8_bit_volumes(case, tmp_path, capsys):
    first, second, fused = (read_volume(path).array for path in files(case))
    scaled, levels = tmp_path / "scaled", tmp_path / "levels"
    for folder in (scaled, levels):
        folder.mkdir()
        for name, array in {"first": nominal(first), "second": nominal(second), "fused": fused}.items():
            array = array if folder is scaled else np.clip(np.floor(array * 256), 0, 255).astype(np.uint8)
            write_nifti(volume(array, name, THICK), folder / f"{name}.nii.gz")
    expected = as_json(capsys, *files(case))["volume"]
    assert as_json(capsys, *files(scaled), "--scaled")["volume"] == pytest.approx(expected, abs=1e-6)
    as_bytes = as_json(capsys, *files(levels))
    assert as_bytes["volume"]["q_fmi"] == expected["q_fmi"] and "0..255" in as_bytes["scales"]["first"]
    assert as_bytes["volume"]["q_ssim"] == pytest.approx(expected["q_ssim"], abs=0.01)


def test_voxels_that_are_cut_or_missing_are_said(case, tmp_path, capsys):
    holes = head("f4", shape=(6, 48, 44))
    holes[2, 20, 20], holes[3, 20, 20:22] = np.nan, 1e4
    write_nifti(volume(holes, "holes", THICK), tmp_path / "holes.nii.gz")
    code, _, err = evaluate(capsys, tmp_path / "holes.nii.gz", *files(case, "second", "fused"))
    assert code == 0 and "1 NaN" in err and "holes: 2 voxels beyond -0.5..1.5 cut" in err


@pytest.mark.slow
def test_a_whole_brain_takes_less_than_a_minute(tmp_path, capsys):
    first, second = head(shape=(155, 240, 240)), head(shape=(155, 240, 240), seed=1)
    for name, array in {"first": first, "second": second, "fused": (nominal(first) + nominal(second)) / 2}.items():
        write_nifti(volume(array, name), tmp_path / f"{name}.nii.gz")
    started = time.perf_counter()
    assert len(as_json(capsys, *files(tmp_path), "--mask", tmp_path / "first.nii.gz")["slices"]) > 130
    assert time.perf_counter() - started < 60


# ---- bad input ---------------------------------------------------------------------------------------------------------------------


def bad_volumes(folder: Path, case: Path) -> list[tuple[list[Path], str]]:
    """(arguments, words of the sentence)"""
    shape = (6, 48, 44)
    moved = THICK.copy()
    moved[0, 3] += 10
    made = {"fewer": head(shape=(5, 48, 44)), "counts": head(seed=1, shape=shape), "constant": np.full(shape, 7), "empty": np.zeros(shape),
            "nan": np.full(shape, np.nan, np.float32), "flat": head("f4", shape) / 1e6, "small": head(shape=(6, 10, 12))}
    for name, array in made.items():
        write_nifti(volume(array.astype(np.float32) if array.dtype == np.float64 else array, name, THICK), folder / f"{name}.nii.gz")
    write_nifti(volume(head(shape=shape), "moved", moved), folder / "moved.nii.gz")
    rim = np.zeros(shape, np.uint8)
    rim[:, :3] = 1
    write_nifti(volume(rim, "rim", THICK), folder / "rim.nii.gz")
    (folder / "letter.nii.gz").write_text("Dear colleague")
    first, second, fused = files(case)

    def mask(name):
        return [first, second, fused, "--mask", folder / f"{name}.nii.gz"]

    def image(name):
        return folder / f"{name}.nii.gz"

    return [([image("fewer"), second, fused], "different grids"), ([first, image("moved"), fused], "decompose"),
            ([first, second, image("fewer")], "different grids"), ([first, second, image("counts")], "not the nominal 0..1 scale"),
            ([first, second, fused, "--scaled"], "leave out --scaled"), ([first, image("constant"), fused], "same value"),
            ([image("nan"), second, fused], "NaN"), ([first, second, image("none")], "no such file"),
            ([image("letter"), second, fused], "not a NIfTI"), ([first, second, image("flat")], "No slice"),
            ([image("small"), image("small"), image("small")], "nominal"), (mask("empty"), "mask empty.nii.gz is empty"),
            (mask("moved"), "mask on the images' own grid"), (mask("rim"), "border"), (mask("none"), "no such file"),
            (mask("nan"), "is empty"), ([HEAD[0], second, fused], "is a picture")]


def test_bad_volumes_are_refused_with_one_sentence(case, tmp_path, capsys):
    for words, sentence in bad_volumes(tmp_path, case):
        code, out, err = evaluate(capsys, *words)
        assert_one_sentence(code, err, sentence)
        assert out == "", sentence
