"""Fitting DDFM's Gaussian prior, and measuring what priors matter, on made-up cases."""
import json
from dataclasses import replace

import numpy as np
import pytest
from training_data import write_place

from FusionINNLib.methods import model_card
from FusionINNLib.methods.ddfm import prior as priors
from FusionINNLib.volumes.io import read_volume, write_nifti
from training import __main__ as command


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Cases with square slices."""
    folder = write_place(tmp_path_factory.mktemp("prior"))
    for path in (folder / "data/brats18").glob("*/*.nii.gz"):
        volume = read_volume(path)
        write_nifti(replace(volume, array=np.pad(volume.array, ((0, 0), (0, 0), (2, 2)))), path)
    return folder


@pytest.fixture(scope="module")
def model(place):
    (place / "facts.json").write_text(json.dumps({"terms": "for tests"}))
    assert command.main(["prior", "--data", str(place / "data"), "--splits", str(place / "splits.json"), "--out", str(place / "gauss"),
                         "--facts", str(place / "facts.json")]) == 0
    return place / "gauss"


def test_the_fitted_prior_is_a_model_of_the_method(model):
    card = model_card.find(str(model))
    assert (card.id, card.method, card.data["prior"], card.data["terms"]) == ("gauss", "ddfm", {"kind": "gaussian"}, "for tests")
    assert card.data["split"]["brats18"]["train"] == ["a", "b"] and card.data["slices"]["train"] > 4
    errors = [value for name, value in card.data["validation"].items() if name.startswith("step")]
    assert len(errors) == 8 and all(0 < error < 1 for error in errors) and errors == sorted(errors, reverse=True)
    assert priors.load(card).placed((48, 48), (slice(0), slice(0)))[1].mean.shape == (48, 48)


def test_the_table_of_priors(place, model, monkeypatch):
    monkeypatch.chdir(place)
    assert command.main(["priors", "--data", str(place / "data"), "--splits", str(place / "splits.json"), "--out", str(place / "table.md"),
                         "--slices", "1", "--steps", "2", "40", "--models", str(model)]) == 0
    text = (place / "table.md").read_text()
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(lines) == 3 * 2 * 2 and str(place) not in text and "--steps 2 40 --models gauss" in text
    far = {tuple(line[:3]): float(line[3]) for line in lines}
    assert far["| released", "gauss", "40"] < far["| released", "gauss", "2"], "more steps come nearer to the average"
    assert far["| released", "gauss", "40"] < far["| paper, scales learned", "gauss", "40"]


def test_slices_that_are_not_square_are_refused(place, tmp_path, capsys):
    write_place(tmp_path)
    assert command.main(["prior", "--data", str(tmp_path / "data"), "--splits", str(tmp_path / "splits.json"), "--out",
                         str(tmp_path / "gauss")]) == 2
    assert "needs square slices of one size" in capsys.readouterr().err and not (tmp_path / "gauss").exists()
