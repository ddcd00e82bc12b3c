"""Training of DDFM's U-Net prior: what it draws, whether it learns, that an interrupted run goes on, and what is exported."""
import json

import numpy as np
import pytest
import torch
from training_data import write_place

from training import __main__ as command
from training.data.prepare import PreparedCase
from training.data.windows import WindowSampler
from training.loop.export import load_run
from training.trainers.ddfm_unet import DdfmUnetConfig, DdfmUnetTrainer
from training.trainers.registry import TRAINERS

TINY = {"settings": {"channels": [8, 16]}, "steps": 6, "batch": 2, "crop": 16, "validate_every": 3, "warm_up": 2}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("prior"))


def _trainer(place, folder, **settings):
    return DdfmUnetTrainer(DdfmUnetConfig("ddfm-unet", **TINY | settings), place / "prepared", place / "splits.json", folder)


def test_windows_are_of_t1ce_and_flair_alone_and_of_all_sizes():
    """A case whose T2 is brighter than anything: no window shows it. A window is a part of a slice, or the whole of it made small."""
    rows = np.linspace(1, 99, 60, dtype=np.float32)[:, None] * np.ones(48, np.float32)
    contrasts = np.stack([rows[None] * np.ones((2, 1, 1), np.float32)] * 3)
    contrasts[1] += 1000
    case = PreparedCase("made up", ["t1ce", "t2", "flair"], contrasts, np.zeros(3, np.float32), np.full(3, 100, np.float32),
                        np.zeros((2, 60, 48), np.uint8))
    windows = WindowSampler({"set": [case]}, {"set": 1.0}, 16).batch(range(64), [0])
    assert windows.shape == (64, 1, 16, 16) and windows.dtype == np.float32 and windows.max() <= 1
    spans = np.ptp(windows, axis=(1, 2, 3))
    assert spans.min() < 0.3 and spans.max() > 0.85  # 15 of 59 rows, and next to all of them


def test_it_learns_to_see_noise(place, tmp_path):
    """The error of one that sees none is 1."""
    trainer = _trainer(place, tmp_path, steps=60, validate_every=30, learning_rate=5e-3, average=0.9)
    before = trainer.validate()["loss"]
    trainer.run(lambda line: None)
    assert before == pytest.approx(1, abs=0.05) and -trainer.best < 0.7
    assert trainer.validate() == trainer.validate()


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(place, tmp_path):
    whole, halted = _trainer(place, tmp_path / "whole"), _trainer(place, tmp_path / "halted")
    whole.run(lambda line: None)
    halted.folder.mkdir()
    for _ in range(3):
        halted.train_step()
    halted.save()
    again = _trainer(place, tmp_path / "halted")
    again.run(lambda line: None)
    assert all(torch.equal(a, b) for a, b in zip(whole.averaged.parameters(), again.averaged.parameters()))


def test_what_is_exported_is_a_model_of_ddfm_in_half_the_bytes(place, tmp_path):
    assert command.main(["fit", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run",
                         str(tmp_path / "run"), "--device", "cpu", "--set", "preset=ddfm-unet",
                         *(f"{name}={json.dumps(value)}" for name, value in TINY.items())]) == 0
    assert command.main(["export", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "prior"), "--prepared",
                         str(place / "prepared"), "--splits", str(place / "splits.json")]) == 0
    card = json.loads((tmp_path / "prior/card.json").read_text())
    assert (card["method"], card["prior"]) == ("ddfm", {"kind": "unet", "channels": [8, 16]})
    stored = torch.load(tmp_path / "prior/weights.pt", weights_only=True)
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    trained = load_run(tmp_path / "run", TRAINERS).state_dict()
    for name, weight in stored.items():
        torch.testing.assert_close(weight.float(), trained[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("words", ["settings={\"channels\":[7,16]}", "settings={\"channels\":8}", "settings={\"widths\":[8,16]}",
                                   "settings={\"channels\":[8,16,16,16]}"])
def test_settings_that_make_no_network(place, tmp_path, capsys, words):
    assert command.main(["fit", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run",
                         str(tmp_path / "run"), "--set", "preset=ddfm-unet", "crop=12", words]) == 2
    assert "make no network" in capsys.readouterr().err
