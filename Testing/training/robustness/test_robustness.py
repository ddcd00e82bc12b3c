"""The matrix of damages: each does what its row says, and the whole command on a made-up case."""
import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from making import head, volume
from training_data import write_data, write_splits

from FusionINNLib.pipeline import fuse
from FusionINNLib.registration.resampling import reordered
from FusionINNLib.volumes.volume import Volume, transform_points
from training import __main__ as command
from training.robustness.damages import DAMAGES
from training.robustness.measure import Subject, chosen_slices, heads_of, measure
from training.robustness.results import Results

BY_KEY = {damage.key: damage for damage in DAMAGES}


@pytest.fixture(scope="module")
def subject(tiny_model):
    """A small fusion, and its middle slices."""
    fusion = fuse(volume(head(shape=(5, 48, 44), seed=0)), volume(head(shape=(5, 48, 44), seed=1)), model=tiny_model, device="cpu")
    return Subject("made-up", fusion, [1, 2])


@pytest.fixture
def image():
    """A volume whose voxels are all unlike, on an oblique grid."""
    array = np.random.default_rng(0).random((4, 12, 10), dtype=np.float32)
    affine = np.diag([0.9, 1.1, 3.0, 1.0])
    affine[:3, :3] = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]]) @ affine[:3, :3]
    affine[:3, 3] = (5, -7, 11)
    return Volume(array, affine, "fused")


@pytest.mark.parametrize("key", ["flipped", "flipped_through", "turned", "permuted"])
def test_turned_files_show_the_same_voxels_in_the_same_places(key, image):
    turned = BY_KEY[key].apply(image)
    assert turned.shape != image.shape or not np.array_equal(turned.array, image.array)
    np.testing.assert_array_equal(reordered(turned, image).array, image.array)


@pytest.mark.parametrize("key, shape", [("cropped", (4, 7, 5)), ("padded", (4, 19, 17))])
def test_cropped_and_padded_files_keep_their_voxels_in_place(key, shape, image):
    changed = BY_KEY[key].apply(image)
    assert changed.shape == shape
    point = transform_points(image.affine, np.array([[5, 4, 2.0]]))
    i, j, k = np.rint(transform_points(np.linalg.inv(changed.affine), point))[0].astype(int)
    assert changed.array[k, j, i] == image.array[2, 4, 5]


@pytest.mark.parametrize("bits, dtype", [(16, "uint16"), (12, "uint16"), (10, "uint16"), (8, "uint8")])
def test_integers_are_within_half_a_step_and_use_all_steps(bits, dtype, image):
    stored = BY_KEY[f"bits{bits}"].apply(image)
    assert stored.array.dtype == dtype and (stored.array.min(), stored.array.max()) == (0, 2 ** bits - 1)
    assert np.abs(stored.values - image.array).max() <= 0.51 * np.ptp(image.array) / (2 ** bits - 1)


def test_a_case_that_nothing_happened_to_comes_out_as_it_was(subject, tiny_model):
    outcome = measure(subject, BY_KEY["none"], tiny_model, "cpu")
    assert outcome.told == () and outcome.refused == "" and outcome.figures["q_1"] > outcome.figures["floor_1"]


def test_figures_are_those_of_the_damaged_file(subject, tiny_model):
    """Painted white, the floor falls and the error grows."""
    white = replace(BY_KEY["none"], apply=lambda fused: replace(fused, array=np.where(fused.array > 0.05, 1, fused.array)))
    before, after = (measure(subject, damage, tiny_model, "cpu").figures for damage in (BY_KEY["none"], white))
    assert after["floor_1"] < before["floor_1"] - 0.005 and after["error_1"] > before["error_1"]
    assert 0 <= after["held_1"] <= 1 and after["largest_1"] >= before["largest_1"] / 2


def test_the_middle_slice_is_always_measured():
    assert chosen_slices(list(range(10, 90)), 100, 3) == [10, 50, 89] and chosen_slices([7], 100, 3) == [7]
    assert len(chosen_slices(list(range(100)), 99, 4)) == 4


def test_heads_are_as_deep_as_the_stack(subject):
    assert heads_of(subject.fusion).shape == (5, 48, 44)


def test_the_command_on_the_made_up_case(tmp_path, monkeypatch, capsys, tiny_model):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.robustness.results.MADE_UP_SHAPE", (4, 48, 44))
    assert command.main(["robustness", "--quick", "--model", tiny_model, "--device", "cpu", "--out", "docs"]) == 0
    page = (tmp_path / "docs" / "robustness.md").read_text()
    assert all(f"| {damage.title} |" in page for damage in DAMAGES) and "python -m training robustness" in page
    assert capsys.readouterr().out.strip() == page.strip()
    lines = list(csv.DictReader((tmp_path / "docs" / "robustness.csv").open()))
    cases = json.loads((tmp_path / "docs" / "robustness.json").read_text())["cases"]
    assert len(lines) == len(DAMAGES) and float(lines[0]["q_1"]) == pytest.approx(cases[0]["damages"]["none"]["figures"]["q_1"], rel=1e-5)
    assert (tmp_path / "docs" / "pictures" / "robustness.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_on_a_folder_of_cases(tmp_path, tiny_model, monkeypatch, capsys):
    write_data(tmp_path / "data")
    write_splits(tmp_path)
    monkeypatch.setattr("training.cli.robustness.measure_all", lambda request, say: few(request, say))
    words = ["robustness", "--model", tiny_model, "--data", str(tmp_path / "data"), "--splits", str(tmp_path / "splits.json"), "--device",
             "cpu", "--slices", "1", "--columns", "t1ce_flair"]
    assert command.main([*words, "--out", str(tmp_path / "docs")]) == 0
    table = json.loads((tmp_path / "docs" / "robustness.json").read_text())
    assert [case["case"] for case in table["cases"]] == ["c"] and set(table["cases"][0]["damages"]) == {"none", "bits8"}
    assert command.main([*words[:-1], "t3", "--out", str(tmp_path / "docs")]) == 2 and "no column 't3'" in capsys.readouterr().err
    assert command.main(["robustness", "--out", str(tmp_path / "docs")]) == 2 and "--quick" in capsys.readouterr().err


def few(request, say) -> Results:
    """Two damages in place of all."""
    from training.robustness.results import robustness

    return robustness(request, say, (BY_KEY["none"], BY_KEY["bits8"]))
