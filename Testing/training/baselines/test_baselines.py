"""The methods that FusionINN is compared with: that they are the ones of the paper, work at all sizes, learn, and resume."""
import json

import numpy as np
import pytest
import torch
from training_data import write_data, write_splits

from FusionINNLib.errors import InputError, ModelError
from training.baselines import ROWS, TRAINED, build
from training.data.prepare import prepare
from training.loop.export import load_run
from training.trainers.baseline import BaselineConfig, BaselineTrainer
from training.trainers.registry import TRAINERS

PUBLISHED_PARAMETERS = {"deepfuse": 89_155, "funfuseann": 122_209, "half_unet": 337_729, "unet": 31_042_945, "unet_plus_plus": 36_629_057,
                        "unet_3_plus": 26_971_201}
BOUNDS = {"deepfuse": (-1, 1), "funfuseann": (0, 1), "half_unet": (0, 1), "unet": (-np.inf, np.inf), "unet_plus_plus": (0, 1),
          "unet_3_plus": (0, 1)}


def pair(height: int, width: int, batch: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(batch, 1, height, width, generator=generator) for _ in range(2))


@pytest.fixture(scope="module", params=TRAINED)
def named(request):
    """A network and its name."""
    torch.manual_seed(0)
    return request.param, build(request.param)


def test_every_method_has_a_title_and_a_wrong_name_is_refused():
    assert [row.name for row in ROWS] == list(TRAINED) == list(PUBLISHED_PARAMETERS)
    assert all(row.title and row.citation and row.doi.startswith("10.") and row.capabilities.needs_training for row in ROWS)
    with pytest.raises(ValueError, match="there is no network 'ddfm'"):
        build("ddfm")


def test_parameters_are_as_many_as_published(named):
    name, network = named
    assert network.parameter_count == PUBLISHED_PARAMETERS[name]


def test_odd_multiples_of_16_go_through_and_gradients_come_back(named):
    name, network = named
    network.train().zero_grad()
    first, second = pair(48, 80)  # 3 and 5 times 16
    first.requires_grad_(), second.requires_grad_()
    fused = network(first, second)
    low, high = BOUNDS[name]
    assert fused.shape == first.shape and fused.detach().min() >= low and fused.detach().max() <= high
    (fused - 0.3).square().mean().backward()
    assert all(image.grad.abs().sum() > 0 for image in (first, second))
    unreached = [key for key, parameter in network.named_parameters()
                 if parameter.grad is None or not torch.isfinite(parameter.grad).all()
                 or (key.endswith("weight") and not parameter.grad.abs().sum() > 0)]
    assert unreached == []


def test_any_size_is_fused_and_both_sources_count(named):
    _, network = named
    network.eval()
    first, second = pair(45, 37, seed=1)
    fused = network.fuse(first, second)
    assert fused.shape == first.shape and not fused.requires_grad
    assert not torch.equal(fused, network.fuse(first, 1 - second)) and not torch.equal(fused, network.fuse(1 - first, second))
    assert torch.equal(fused, network.fuse(first, second))


# ---- training ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """prepared/ and splits.json in one folder."""
    folder = tmp_path_factory.mktemp("baselines")
    prepare(write_data(folder / "data"), folder / "prepared", lambda line: None)
    write_splits(folder)
    return folder


def trainer(place, run, kind=BaselineTrainer, name="deepfuse", **settings) -> BaselineTrainer:
    config = BaselineConfig(name, **{"steps": 6, "batch": 2, "crop": 32, "validate_every": 3, "warm_up": 2} | settings)
    return kind(config, place / "prepared", place / "splits.json", run)


def test_a_few_steps_reduce_the_validation_loss(place, tmp_path):
    run = trainer(place, tmp_path, steps=60, validate_every=20, learning_rate=1e-2, average=0.8)
    before = run.validate()
    run.run(lambda line: None)
    assert -run.best < before["t1ce_flair_loss"] - 0.1
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert {"t1ce_flair_loss", "t1ce_flair_q_ssim", "t1ce_flair_gain", "t2_flair_loss"} <= set(rows[0].split(",")) and len(rows) == 4
    best = load_run(tmp_path, TRAINERS)
    run.averaged.load_state_dict(best.state_dict())
    assert run.validate()["score"] == pytest.approx(run.best, abs=1e-6)


class Interrupted(BaselineTrainer):
    """Stops in the middle between two checkpoints."""

    def on_step(self, parts):
        if self.step == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["deepfuse", "half_unet"])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(place, tmp_path, name):
    trainer(place, tmp_path / "whole", name=name).run(lambda line: None)
    with pytest.raises(KeyboardInterrupt):
        trainer(place, tmp_path / "resumed", Interrupted, name).run(lambda line: None)
    said = []
    trainer(place, tmp_path / "resumed", name=name).run(said.append)
    assert said[0] == "going on after step 3"
    for file in ("last.pt", "best.pt"):
        whole, resumed = (torch.load(tmp_path / run / file, weights_only=True) for run in ("whole", "resumed"))
        for a, b in [(whole, resumed)] if file == "best.pt" else [(whole[key], resumed[key]) for key in ("network", "averaged")]:
            assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_a_step_that_is_no_number_leaves_the_network_as_it_was(place, tmp_path):
    run = trainer(place, tmp_path)
    run.train_step()
    before = {key: value.clone() for key, value in run.network.state_dict().items()}
    run.sampler.batch = lambda rows, key: np.full((len(rows), 2, 32, 32), np.inf, np.float32)
    assert not np.isfinite(run.train_step()["norm"])
    assert all(torch.equal(value, before[key]) for key, value in run.network.state_dict().items())
    assert all(torch.isfinite(value).all() for value in run.averaged.state_dict().values())


def test_settings_that_do_not_fit_are_refused(place, tmp_path):
    with pytest.raises(InputError, match="multiple of 16 for unet"):
        trainer(place, tmp_path, name="unet", crop=40)
    with pytest.raises(InputError, match="no network 'average'"):
        trainer(place, tmp_path, name="average")
    assert BaselineConfig("unet").learning_rate == 3e-4 and BaselineConfig("unet", steps=7).steps == 7


def test_a_run_without_weights_or_of_another_network_is_an_error(place, tmp_path):
    with pytest.raises(ModelError, match="no best.pt"):
        load_run(tmp_path, TRAINERS)
    trainer(place, tmp_path, steps=1).run(lambda line: None)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"preset": "funfuseann"}))
    with pytest.raises(ModelError, match="another network"):
        load_run(tmp_path, TRAINERS)
