"""Training of LAGN: pairs of the Harvard atlas, the joint diffusion, the blending on top of it, and the model that comes out."""
import json

import numpy as np
import pytest
import torch
from PIL import Image
from training_data import write_place

from FusionINNLib.methods import registry
from FusionINNLib.methods.lagn.network import Lagn
from training import __main__ as command
from training.data.harvard import harvard_cases, prepare_harvard
from training.data.pairs import PairSampler

DIFFUSION = {"preset": "lagn-diffusion", "settings": {"channels": [8, 16]}, "steps": 4, "batch": 2, "crop": 16, "validate_every": 2,
             "warm_up": 2}
BLEND = {"preset": "lagn", "settings": {"channels": [8, 16], "widths": [8, 8], "steps": [5, 100]}, "steps": 30, "batch": 2, "crop": 16,
         "validate_every": 15, "warm_up": 2, "learning_rate": 5e-3, "average": 0.9}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = write_place(tmp_path_factory.mktemp("lagn"))
    write_pairs(folder / "data")
    assert prepare_harvard(folder / "data", folder / "prepared") == 3
    return folder


def write_pairs(data):
    """MR that grows brighter to the right with PET in colour; case 3 is on both sides of the split."""
    kind = data / "harvard" / "pet-mri"
    kind.mkdir(parents=True)
    ids = {"train": ["3001", "3002", "12001"], "val": ["3005"]}
    ramp = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))
    for name in sum(ids.values(), []):
        Image.fromarray(ramp).save(kind / f"{name}_a.png")
        Image.fromarray(np.stack([ramp, ramp.T, np.full_like(ramp, int(name[-3:]))], -1)).save(kind / f"{name}_b.png")
    parts = {part: {"cases": sorted({name[:-3] for name in names}), "ids": names} for part, names in ids.items()}
    (data / "harvard" / "splits.json").write_text(json.dumps({"pet-mri": parts}))


def fit(place, run, settings, *more) -> int:
    return command.main(["fit", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run", str(run),
                         "--device", "cpu", *more, "--set", *(f"{name}={value if name == 'preset' else json.dumps(value)}"
                                                              for name, value in settings.items())])


def test_pairs_are_prepared_by_case_and_part_and_colour_by_its_luminance(place):
    train, val = harvard_cases(place / "prepared", "train"), harvard_cases(place / "prepared", "val")
    assert [case.contrasts.shape for case in train] == [(2, 1, 32, 32), (2, 2, 32, 32)] and len(val) == 1
    assert val[0].names == ["mr", "pet"] and prepare_harvard(place / "data", place / "prepared") == 0
    ramp = val[0].contrasts[0, 0].astype(float)
    np.testing.assert_allclose(val[0].contrasts[1, 0], 0.299 * ramp + 0.587 * ramp.T + 0.114 * 5, atol=1)


def test_windows_hold_mr_first_and_both_of_one_place(place):
    windows = PairSampler({"harvard": harvard_cases(place / "prepared", "train")}, {"harvard": 1.0}, 16).batch(range(8), [0])
    assert windows.shape == (8, 2, 16, 16) and windows.dtype == np.float32
    for mr, pet in windows:
        inside = mr > 0.05
        assert np.corrcoef(mr[inside], pet[inside])[0, 1] < 0.999 and inside.any()
        np.testing.assert_array_less(np.abs(np.diff(mr[4:12, 4:12], axis=0)).max(), 0.1)  # MR grows to the right alone


def test_from_nothing_to_a_model_that_beats_the_average_by_its_own_loss(place, tmp_path, capsys):
    assert fit(place, tmp_path / "lagn", BLEND) == 2
    assert "--start" in capsys.readouterr().err and not (tmp_path / "lagn" / "last.pt").exists()
    assert fit(place, tmp_path / "diffusion", DIFFUSION) == 0
    assert fit(place, tmp_path / "lagn", BLEND, "--start", str(tmp_path / "diffusion")) == 0
    rows = (tmp_path / "lagn" / "log.csv").read_text().splitlines()
    assert float(rows[-1].split(",")[rows[0].split(",").index("score")]) > 0.01
    before = torch.load(tmp_path / "diffusion" / "best.pt", weights_only=True)
    after = torch.load(tmp_path / "lagn" / "best.pt", weights_only=True)
    assert all(torch.equal(tensor, after[f"unet.{name}"]) for name, tensor in before.items())
    assert command.main(["export", "--run", str(tmp_path / "lagn"), "--out", str(tmp_path / "model"), "--prepared",
                         str(place / "prepared"), "--splits", str(place / "splits.json")]) == 0
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["method"] == "lagn" and card["network"]["steps"] == [5, 100]
    assert isinstance(registry.create("lagn", str(tmp_path / "model"))._network, Lagn)


def test_a_diffusion_alone_is_no_model(place, tmp_path, capsys):
    assert fit(place, tmp_path / "diffusion", DIFFUSION) == 0
    assert command.main(["export", "--run", str(tmp_path / "diffusion"), "--out", str(tmp_path / "model"), "--prepared",
                         str(place / "prepared"), "--splits", str(place / "splits.json")]) != 0
    assert "becomes a model" in capsys.readouterr().err and not (tmp_path / "model").exists()
