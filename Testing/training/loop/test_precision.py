"""Training in 16 bits: close to float32, resumable, and its checkpoints as exact as any."""
import copy
from dataclasses import replace

import pytest
import torch
from training_data import PAPER_RUN, RUN, TINY, write_place

from FusionINNLib.errors import InputError
from FusionINNLib.methods.fusioninn.flow import AffineCoupling
from FusionINNLib.methods.fusioninn.networks import build
from training.loop.config import TrainingConfig
from training.loop.export import load_run
from training.loop.precision import Precision
from training.loop.run_settings import settings_of
from training.trainers.baseline import BaselineConfig
from training.trainers.fusioninn import FusionInnConfig
from training.trainers.fusioninn_subnets import LowPrecisionSubnet, lower_subnets
from training.trainers.registry import TRAINERS

LOW = {"bfloat16": torch.bfloat16, "float16": torch.float16}
LOSS_TOLERANCE = 0.03  # of the loss, over some steps, against float32; seen: 0.015 at most


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("precision"))


def _config(preset: str, **settings) -> TrainingConfig:
    if preset == "deepfuse":
        return BaselineConfig("deepfuse", **{"steps": 2, "batch": 2, "crop": 32, "validate_every": 2} | settings)
    return replace(RUN if preset == "default" else PAPER_RUN, **settings)


def _losses(place, folder, config) -> list[float]:
    """Train, and the loss of each step."""
    seen = []
    trainer = TRAINERS[config.preset](config, place / "prepared", place / "splits.json", folder)
    trainer.on_step = lambda parts: seen.append(sum(value for name, value in parts.items() if name != "norm"))
    trainer.run(lambda line: None)
    return seen


# ---- runs --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["default", pytest.param("paper", marks=pytest.mark.slow), "deepfuse"])
def test_some_steps_in_16_bits_are_close_to_those_in_32(place, tmp_path, preset):
    full = _losses(place, tmp_path / "float32", _config(preset))
    for name in LOW:
        low = _losses(place, tmp_path / name, _config(preset, precision=name))
        assert low != full and low == pytest.approx(full, rel=LOSS_TOLERANCE)
        log = [(tmp_path / run / "log.csv").read_text().splitlines()[0] for run in ("float32", name)]
        assert log[0] == log[1]


@pytest.mark.parametrize("name", LOW)
def test_the_loss_falls_and_the_model_is_exact(place, tmp_path, name):
    config = _config("paper", precision=name, steps=8, validate_every=8, warm_up=0, learning_rate=1e-2)
    trainer = TRAINERS[config.preset](config, place / "prepared", place / "splits.json", tmp_path)
    before = trainer.validation_loss()
    trainer.run(lambda line: None)
    assert -trainer.best < 0.95 * before
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert {tensor.dtype for tensor in state["averaged"].values() if tensor.is_floating_point()} == {torch.float32}
    network = load_run(tmp_path, TRAINERS)
    sources = torch.rand(2, 2, 48, 48, generator=torch.Generator().manual_seed(0))
    assert float((network.decompose(*network.fuse(sources)) - sources).abs().max()) < 1e-5


@pytest.mark.parametrize("name", LOW)
def test_a_run_in_16_bits_goes_on_as_if_nothing_had_happened(place, tmp_path, name):
    config = _config("default", precision=name)
    _losses(place, tmp_path / "whole", config)
    stopped = TRAINERS[config.preset](config, place / "prepared", place / "splits.json", tmp_path / "resumed")

    def stop(parts):
        if stopped.step == 5:
            raise KeyboardInterrupt

    stopped.on_step = stop
    with pytest.raises(KeyboardInterrupt):
        stopped.run(lambda line: None)
    assert len(_losses(place, tmp_path / "resumed", config)) == 3
    whole, resumed = (torch.load(tmp_path / run / "last.pt", weights_only=True) for run in ("whole", "resumed"))
    for part in ("network", "averaged"):
        assert all(torch.equal(tensor, resumed[part][key]) for key, tensor in whole[part].items())
    assert ("scaler" in whole) == (name == "float16") and whole.get("scaler") == resumed.get("scaler")


def test_gradients_that_overflow_are_dropped_and_the_next_ones_are_scaled_less():
    weight = torch.nn.Parameter(torch.ones(()))
    optimizer, precision = torch.optim.SGD([weight], 0.1), Precision("float16", torch.device("cpu"))
    scale = precision.scaler.get_scale()
    for factor, expected, expected_scale in ((float("inf"), 1.0, scale / 2), (1.0, 0.9, scale / 2)):
        optimizer.zero_grad()
        precision.backward(factor * weight, optimizer)
        precision.update(optimizer, bool(torch.isfinite(weight.grad)))
        assert float(weight.detach()) == pytest.approx(expected) and precision.scaler.get_scale() == expected_scale


def test_unknown_precisions_are_refused_and_none_may_change_in_a_run(tmp_path):
    with pytest.raises(InputError, match="choose float32, bfloat16, float16"):
        settings_of(tmp_path, None, ["precision=int8"], False, False, TRAINERS)
    FusionInnConfig().save(tmp_path / "config.json")
    with pytest.raises(InputError, match="precision cannot change in a run"):
        settings_of(tmp_path, None, ["precision=bfloat16"], True, True, TRAINERS)


# ---- what is rounded, and what is not ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset, settings", [("default", TINY), ("paper", {"k": 3})])
@pytest.mark.parametrize("name", LOW)
def test_subnets_alone_compute_in_16_bits(preset, settings, name):
    torch.manual_seed(0)
    full = build(preset, settings)
    low = copy.deepcopy(full)
    lower_subnets(low, LOW[name])
    assert list(low.state_dict()) == list(full.state_dict())
    couplings = [module for module in low.modules() if isinstance(module, AffineCoupling)]
    subnets = [subnet for coupling in couplings for subnet in (coupling.for_first, coupling.for_second)]
    given = []
    for subnet in subnets:
        assert isinstance(subnet, LowPrecisionSubnet)
        subnet.register_forward_hook(lambda module, x, out: given.append((x[0], out)))
    sources = torch.rand(1, 2, 32, 32)
    out = low(sources)
    assert len(given) == len(subnets) and all(tensor.dtype == torch.float32 for tensor in (*out, *(one for pair in given for one in pair)))
    assert all(torch.equal(result, result.to(LOW[name]).float()) for _, result in given)  # rounded
    assert not any(torch.equal(tensor, tensor.to(LOW[name]).float()) for tensor in out[:2])  # not rounded
    with torch.no_grad():
        expected = full(sources)
    for mine, theirs in zip(out, expected):
        assert float((mine - theirs).detach().abs().max()) < 0.02 * float(theirs.abs().max())
