"""From prepared cases to a table and a model that suggests: segment-prepare, segment-fit, segment-evaluate; folds by patient."""
import csv
import json

import numpy as np
import pytest
import torch
from training_data import SPLIT, write_place

from FusionINNLib.errors import InputError
from FusionINNLib.outlining.canvas import SIDE
from FusionINNLib.outlining.suggest import suggest_outline
from FusionINNLib.volumes.io import read_volume
from training import __main__ as command
from training.data.prepare import load
from training.segmentation import rows
from training.segmentation.folds import NUMBER, folds
from training.segmentation.rows import Row
from training.segmentation.trainer import OutlineConfig, OutlineTrainer

TINY = {"steps": 2, "validate_every": 2, "batch": 2, "warm_up": 1}
ROWS = {"suggest": Row("small", {"settings": {"architecture": "csad", "unit": 2, "slices": 3, "skips": True}, "distill": 0.1, **TINY}),
        "unet": Row("small U-Net", {"settings": {"architecture": "unet", "slices": 1, "channels": [2, 4], "residual": 1}, **TINY})}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """prepared/, splits.json and canvas/ in a folder."""
    folder = write_place(tmp_path_factory.mktemp("outlines"))
    assert command.main(["segment-prepare", "--prepared", str(folder / "prepared"), "--out", str(folder / "canvas")]) == 0
    return folder


def test_each_patient_is_held_back_once_and_the_first_fold_is_the_split(tmp_path):
    table = {"brats18": {"train": list("abcdefgh"), "val": ["x", "y"]}, "lgg": {"train": list("ijklmno"), "val": ["z"]},
             "openms": SPLIT["lgg"]}
    (tmp_path / "splits.json").write_text(json.dumps(table))
    found = folds(tmp_path / "splits.json")
    assert len(found) == NUMBER and set(found[0]) == {"brats18", "lgg"}
    for name in found[0]:
        everyone = sorted(table[name]["train"] + table[name]["val"])
        assert sorted(case for fold in found for case in fold[name]["val"]) == everyone
        assert all(sorted(fold[name]["train"] + fold[name]["val"]) == everyone for fold in found)
        assert found[0][name]["val"] == table[name]["val"]


def test_cases_on_the_canvas_show_the_lesion_where_it_is(place):
    case = load(place / "canvas" / "lgg" / "d.npz")
    assert case.names == ["t1ce", "flair"] and case.contrasts.shape[2:] == (SIDE, SIDE) and case.labels.any()
    assert not (place / "canvas" / "openms").exists(), "another disease"
    flair = case.contrasts[1].astype(np.float32)
    whole = load(place / "prepared" / "lgg" / "d.npz")
    drawn = whole.contrasts[whole.index("flair")][:, ::-1, ::-1][whole.labels[:, ::-1, ::-1] > 0]
    everything = whole.contrasts[whole.index("flair")]
    assert (flair[case.labels > 0].mean() > flair.mean()) == (drawn.mean() > everything.mean())


def test_a_run_on_cases_of_another_kind_is_refused(place, tmp_path):
    with pytest.raises(InputError, match="segment-prepare"):
        OutlineTrainer(OutlineConfig("outline", **TINY), place / "prepared", place / "splits.json", tmp_path)
    with pytest.raises(InputError, match="attention"):
        OutlineConfig("outline", attention="max").check()


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(place, tmp_path):
    def trainer(name):
        settings = {"settings": {"architecture": "csad", "unit": 2}, "distill": 0.1, "steps": 4, "batch": 2, "validate_every": 2}
        return OutlineTrainer(OutlineConfig("outline", **settings), place / "canvas", place / "splits.json", tmp_path / name)

    whole, halted = trainer("whole"), trainer("halted")
    whole.run(lambda line: None)
    halted.folder.mkdir()
    for _ in range(2):
        halted.on_step(halted.train_step())
    halted.save()
    again = trainer("halted")
    again.run(lambda line: None)
    assert again.step == 4
    assert all(torch.equal(value, again.averaged.state_dict()[name]) for name, value in whole.averaged.state_dict().items())


def test_rows_are_trained_measured_and_exported(place, tmp_path, monkeypatch, capsys):
    for module in ("training.segmentation.rows", "training.segmentation.fit", "training.segmentation.page", "training.cli.outlines"):
        monkeypatch.setattr(f"{module}.ROWS", ROWS)
    where = ["--canvas", place / "canvas", "--splits", place / "splits.json", "--runs", tmp_path / "runs", "--device", "cpu"]
    assert run("segment-evaluate", *where, "--prepared", place / "prepared", "--out", tmp_path / "docs") == 2
    assert "segment-fit" in capsys.readouterr().err
    assert run("segment-fit", *where, "--rows", "resnet") == 2
    assert run("segment-fit", *where, "--rows", "suggest", "--folds", "0", "1") == 0
    assert run("segment-fit", *where, "--rows", "unet", "--folds", "0") == 0
    evaluate = ["segment-evaluate", *where, "--prepared", place / "prepared", "--out", tmp_path / "docs", "--model", tmp_path / "model"]
    assert run(*evaluate) == 0
    lines = list(csv.DictReader((tmp_path / "docs" / "outlines.csv").open()))
    held_back = SPLIT["brats18"]["val"] + SPLIT["lgg"]["val"]
    assert {line["case"] for line in lines if line["row"] == "unet"} == set(held_back) == {
        line["case"] for line in lines if line["row"] == "suggest" and line["fold"] == "0"}
    assert {line["case"] for line in lines if line["row"] == "threshold"} == {line["case"] for line in lines if line["row"] == "suggest"}
    assert all(0 <= float(line["dice"]) <= 1 for line in lines)
    text = (tmp_path / "docs" / "outlines.md").read_text()
    assert "small U-Net" in text and "calibration error" in text and f" {tmp_path}" not in text
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["method"] == "outlines" and card["split"]["brats18"]["val"] == SPLIT["brats18"]["val"] and "norm 1" in card["gradients"]
    pair = [read_volume(place / "data" / "brats18" / "c" / f"{name}.nii.gz") for name in ("t1ce", "flair")]
    assert suggest_outline(*pair, model=str(tmp_path / "model"), device="cpu").probability.array.max() > 0
    assert "metrics" in card and rows.THRESHOLD in text.lower()
    earlier = tmp_path / "docs" / "outlines.json"
    again = ["segment-evaluate", *where, "--prepared", place / "prepared", "--out", tmp_path / "again", "--rows", "unet", "--keep", earlier]
    kept = json.loads(earlier.read_text())
    for one in kept["figures"]:
        one["dice"] = 0.125
    earlier.write_text(json.dumps(kept))
    assert run(*again) == 0
    after = list(csv.DictReader((tmp_path / "again" / "outlines.csv").open()))
    assert len(after) == len(lines) and {line["row"] for line in after if line["dice"] == "0.125"} == {"suggest", "threshold"}
    assert "small: fold" in (tmp_path / "again" / "outlines.md").read_text(), "how it was trained"
    earlier.write_text("{}")
    assert run(*again) == 2
    assert "no file of figures" in capsys.readouterr().err


def run(*words) -> int:
    return command.main([str(word) for word in words])
