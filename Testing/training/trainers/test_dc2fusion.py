"""Training of DC2Fusion: blocks, an interrupted run that goes on, the plain average beside its loss, a model that fuses."""
import json

import numpy as np
import pytest
import torch
from making import head, volume
from training_data import write_place

from FusionINNLib.errors import InputError
from FusionINNLib.pipeline import fuse
from training import __main__ as command
from training.data.blocks import BlockSampler, augmented
from training.data.prepare import PreparedCase
from training.trainers.dc2fusion import DC2FusionConfig, DC2FusionTrainer

TINY = {"settings": {"width": 24, "depths": [1], "residual": True}, "steps": 4, "crop": 16, "validate_every": 2, "warm_up": 1}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("volumes"))


def trainer(place, folder, **settings):
    return DC2FusionTrainer(DC2FusionConfig("dc2fusion", **TINY | settings), place / "prepared", place / "splits.json", folder)


def test_blocks_hold_both_contrasts_at_the_same_place():
    values = np.arange(1, 1 + 20 * 24 * 28, dtype=np.float32).reshape(20, 24, 28)
    case = PreparedCase("made up", ["flair", "t2", "t1ce"], np.stack([values, -values, 2 * values]), np.zeros(3, np.float32),
                        np.full(3, values.max(), np.float32), np.zeros(values.shape, np.uint8))
    block = BlockSampler({"brats18": [case]}, 16).block(np.random.default_rng(0))
    assert block.shape == (2, 16, 16, 16) and block.dtype == np.float32
    np.testing.assert_allclose(block[0], 2 * block[1], rtol=1e-6)  # T1ce is the first
    assert BlockSampler({"brats18": [case]}, 32).block(np.random.default_rng(0)).shape == (2, 32, 32, 32)
    with pytest.raises(InputError, match="T1ce and FLAIR"):
        BlockSampler({"lgg": [case]}, 16)


def test_augmentation_keeps_background_and_changes_the_rest():
    block = np.zeros((2, 8, 8, 8), np.float32)
    block[:, 2:6, 2:6, 2:6] = 0.5
    changed = [augmented(block.copy(), np.random.default_rng(n)) for n in range(20)]
    assert all((one[0, 0] == 0).all() for one in changed) and any((one != block).any() for one in changed)


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(place, tmp_path):
    whole, halted = trainer(place, tmp_path / "whole"), trainer(place, tmp_path / "halted")
    whole.run(lambda line: None)
    halted.folder.mkdir()
    for _ in range(2):
        halted.on_step(halted.train_step())
    halted.save()
    again = trainer(place, tmp_path / "halted")
    again.run(lambda line: None)
    states = whole.averaged.state_dict(), again.averaged.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0]), "batch statistics too"
    assert set(whole.validate()) == {"loss", "average", "score"}


def test_a_run_goes_on_with_fewer_steps_and_loss_weights_are_set_by_name(place, tmp_path):
    where = ["fit", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run", str(tmp_path / "run"),
             "--device", "cpu", "--set"]
    settings = [f"{name}={json.dumps(value)}" for name, value in (TINY | {"steps": 2, "validate_every": 1}).items()]
    assert command.main([*where, "preset=dc2fusion", "weights=[2, 1]", *settings]) == 0
    assert command.main([*where, "steps=3", "--continue-with-new-settings"]) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["weights"] == [2, 1]


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="two numbers"):
        DC2FusionConfig("dc2fusion", window=8).check()
    with pytest.raises(ValueError, match="multiple of 32"):
        DC2FusionTrainer.network_of(DC2FusionConfig("dc2fusion", crop=48))


def test_a_run_becomes_a_model_that_fuses(place, tmp_path, capsys):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"preset": "dc2fusion", **TINY}))
    where = ["--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run", str(tmp_path / "run")]
    assert command.main(["fit", *where, "--config", str(config), "--device", "cpu"]) == 0
    assert command.main(["export", *where, "--out", str(tmp_path / "mine")]) == 0, capsys.readouterr().err
    first, second = volume(head(), "first"), volume(head(seed=2), "second")
    fusion = fuse(first, second, method="dc2fusion", model=str(tmp_path / "mine"), device="cpu")
    average = fuse(first, second, method="average").fused.array
    assert np.corrcoef(fusion.fused.array.ravel(), average.ravel())[0, 1] > 0.9
