"""What a fused image keeps of a tumour: the canvas shows one image or what came out of it, and the table compares patient by patient."""
import json

import numpy as np
import pytest
from training_data import SPLIT, write_place

from FusionINNLib.errors import InputError
from training import __main__ as command
from training.data.prepare import load
from training.segmentation.rows import Row
from training.segmentation.shown import prepare
from training.segmentation.worth_page import page

TINY = {"steps": 2, "validate_every": 2, "batch": 2, "warm_up": 1}
ROWS = {"unet": Row("small U-Net", {"settings": {"architecture": "unet", "slices": 1, "channels": [2, 4], "residual": 1}, **TINY})}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """prepared/, splits.json, and canvas/ with folders of what is shown."""
    folder = write_place(tmp_path_factory.mktemp("worth"))
    where = ["segment-prepare", "--prepared", folder / "prepared", "--out"]
    assert run(*where, folder / "canvas" / "sources") == 0
    assert run(*where, folder / "canvas", "--shown", "exact", "average", "second") == 0
    return folder


def canvas(place, shown):
    return load(place / "canvas" / shown / "lgg" / "d.npz")


def test_what_is_shown_differs_and_labels_do_not(place):
    sources, exact, average, second = (canvas(place, shown) for shown in ("sources", "exact", "average", "second"))
    assert np.array_equal(exact.contrasts, sources.contrasts), "exact is exact"
    assert np.array_equal(average.contrasts[0], average.contrasts[1])
    assert np.array_equal(second.contrasts[0], sources.contrasts[1]) and np.array_equal(second.contrasts[1], sources.contrasts[1])
    assert not np.array_equal(average.contrasts, second.contrasts)
    assert all(np.array_equal(one.labels, sources.labels) for one in (exact, average, second))


def test_estimates_come_from_the_file_as_it_was_stored(place, tmp_path):
    sources = place / "prepared" / "lgg" / "d.npz"
    few = tmp_path / "prepared" / "lgg"
    few.mkdir(parents=True)
    (few / "d.npz").write_bytes(sources.read_bytes())
    prepare(tmp_path / "prepared", tmp_path / "canvas", ["estimated", "estimated-8bit"], lambda line: None)
    true = canvas(place, "sources").contrasts.astype(np.float32)
    errors = {shown: float(np.abs(load(tmp_path / "canvas" / shown / "lgg" / "d.npz").contrasts - true).mean())
              for shown in ("estimated", "estimated-8bit")}
    assert 0 < errors["estimated"] < errors["estimated-8bit"]


def test_what_cannot_be_shown_is_refused_by_name(place, tmp_path):
    with pytest.raises(InputError, match="'latent' cannot be shown"):
        prepare(place / "prepared", tmp_path, ["latent"])
    assert not list(tmp_path.iterdir())


def test_the_table_compares_what_is_trained_and_shown(place, tmp_path, monkeypatch, capsys):
    for module in ("training.segmentation.rows", "training.segmentation.fit", "training.cli.outlines"):
        monkeypatch.setattr(f"{module}.ROWS", ROWS)
    where = ["--splits", place / "splits.json", "--device", "cpu"]
    worth = ["segment-worth", *where, "--canvas", place / "canvas", "--runs", tmp_path / "runs", "--prepared", place / "prepared",
             "--out", tmp_path / "docs"]
    assert run(*worth) == 2
    assert "both sources" in capsys.readouterr().err and not (tmp_path / "docs").exists()
    for shown in ("sources", "average"):
        assert run("segment-fit", *where, "--canvas", place / "canvas" / shown, "--runs", tmp_path / "runs" / shown, "--folds", "0") == 0
    assert run(*worth) == 0
    rows = json.loads((tmp_path / "docs" / "worth.json").read_text())["rows"]
    assert set(rows) == {"sources", "exact", "average"}, "what was neither trained nor prepared is not there"
    assert {one["case"] for one in rows["average"]} == set(SPLIT["brats18"]["val"] + SPLIT["lgg"]["val"])
    assert [one["dice"] for one in rows["exact"]] == [one["dice"] for one in rows["sources"]]
    text = (tmp_path / "docs" / "worth.md").read_text()
    assert "the plain average alone" in text and "| FLAIR alone |" not in text and f" {tmp_path}" not in text


def test_differences_are_of_the_same_patients():
    from training.segmentation.measure import Figures

    def one(shown, case, dice):
        return Figures(shown, 0, "lgg", case, dice, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0)

    found = {"sources": [one("sources", "a", 0.9), one("sources", "b", 0.5)], "fused": [one("fused", "b", 0.4)]}
    assert "-0.100" in page(found, "x"), "b against b, not against the mean of both"


def run(*words) -> int:
    return command.main([str(word) for word in words])
