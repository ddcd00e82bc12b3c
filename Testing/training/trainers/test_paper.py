"""The published training: its losses against slow ones, its data, and runs of it through to fusing with the exported model."""
import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from training_data import write_place

from FusionINNLib.errors import InputError
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.networks import paper_network
from FusionINNLib.methods.fusioninn.record import record_of
from FusionINNLib.pipeline import decompose, fuse
from FusionINNLib.volumes.io import read_volume
from training import __main__ as command
from training.data.crops import load_split
from training.data.paper_slices import SliceSampler, slice_sources
from training.loop.config import load_config
from training.loop.run_settings import settings_of
from training.losses.paper import Passes, ReleasedProgram, discrepancy, passes, printed_loss, released_loss
from training.trainers.fusioninn import FusionInnConfig, FusionInnTrainer
from training.trainers.paper import PaperTrainer, PublishedConfig
from training.trainers.registry import TRAINERS

QUICK = {"preset": "paper", "steps": 6, "batch": 4, "crop": 32, "validate_every": 3}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("paper"))


def _trainer(place, folder, kind=PaperTrainer, **settings):
    return kind(kind.Config(**QUICK | settings), place / "prepared", place / "splits.json", folder)


def _state(folder) -> dict:
    return torch.load(folder / "last.pt", weights_only=True)


# ---- the latent loss ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, 64])
@pytest.mark.parametrize("latent", ["standard", "shifted", "wide", "uniform"])
def test_the_latent_loss_of_images_is_the_same_whatever_the_latent_is(size, latent):
    torch.manual_seed(0)
    noise = torch.randn(size, 57_600)
    z = {"standard": noise, "shifted": noise + 5, "wide": 10 * noise, "uniform": torch.rand(size, 57_600)}[latent].requires_grad_()
    value = discrepancy(z, torch.randn(size, 57_600))
    value.backward()
    assert float(value.detach()) == pytest.approx(6 / size, rel=2e-3) and float(z.grad.norm()) < 1e-4


def test_the_latent_loss_works_where_rows_are_short():
    torch.manual_seed(0)
    a, b = torch.randn(300, 1), torch.randn(300, 1)
    assert float(discrepancy(a, b)) < 0.05 < 0.5 < float(discrepancy(a + 2, b))


def test_latents_that_are_nearly_constant_are_all_that_it_sees():
    assert float(discrepancy(torch.zeros(64, 57_600), torch.randn(64, 57_600))) == pytest.approx(3 + 3 / 64, rel=1e-2)


# ---- the whole loss, against formulas written out ----------------------------------------------------------------------------------


def _slow_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean over images (B, H, W) of structural similarity, with a two-dimensional 11 x 11 window."""
    line = torch.tensor([np.exp(-(n - 5) ** 2 / 4.5) for n in range(11)], dtype=a.dtype)
    window = torch.outer(line, line)[None, None] / line.sum() ** 2

    def smooth(x):
        return F.conv2d(x[:, None], window)[:, 0]

    ma, mb = smooth(a), smooth(b)
    va, vb, cab = smooth(a * a) - ma * ma, smooth(b * b) - mb * mb, smooth(a * b) - ma * mb
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    return ((2 * ma * mb + c1) * (2 * cab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean()


def _slow_discrepancy(a: torch.Tensor, b: torch.Tensor) -> float:
    total = 0.0
    for x, y, sign in ((a, a, 1), (b, b, 1), (a, b, -2)):
        for row in x:
            for other in y:
                distance = float(((row - other) ** 2).sum())
                total += sign * sum(w * w / (w * w + distance) for w in (0.05, 0.2, 0.9))
    return total / len(a) ** 2


def _slow_released_loss(network, x: torch.Tensor) -> float:
    """The released program's loss in one straight line, from the network's own flow."""
    out = network.flow(x)[0]
    f, z = torch.sigmoid(out[:, 0]), out[:, 1]
    x1, x2 = x[:, 0], x[:, 1]
    latent = _slow_discrepancy(z.reshape(len(x), -1), torch.randn(z[:, None].shape, dtype=x.dtype).reshape(len(x), -1))
    fused = 0.8 * (0.5 * (1 - _slow_ssim(f, x1)) + 0.5 * (1 - _slow_ssim(f, x2)))
    fused = fused + 0.2 * (0.5 * ((f - x1) ** 2).mean() + 0.5 * ((f - x2) ** 2).mean())
    back = torch.sigmoid(network.flow.inverse(torch.stack([f, torch.randn(f[:, None].shape, dtype=x.dtype)[:, 0]], 1))[0])
    r1, r2 = back[:, 0], back[:, 1]
    restored = 0.8 * (0.5 * (1 - _slow_ssim(r1, x1)) + 0.5 * (1 - _slow_ssim(r2, x2)))
    restored = restored + 0.2 * (0.5 * ((r1 - x1) ** 2).mean() + 0.5 * ((r2 - x2) ** 2).mean())
    return float(0.5 * (fused + latent) + 0.5 * restored)


def test_the_released_loss_is_the_one_written_out():
    torch.manual_seed(0)
    network, x = paper_network().double(), torch.rand(3, 2, 24, 20, dtype=torch.float64)
    with torch.no_grad():
        torch.manual_seed(1)
        ours = float(sum(released_loss(passes(network, x), 0.8, 0.5).values()))
        torch.manual_seed(1)
        assert ours == pytest.approx(_slow_released_loss(network, x), rel=1e-6)


def _some_passes() -> Passes:
    generator = torch.Generator().manual_seed(0)
    sizes = ((3, 2, 24, 20), *[(3, 1, 24, 20)] * 3, (3, 2, 24, 20))
    return Passes(*(torch.rand(size, generator=generator) for size in sizes))


def test_the_printed_loss_has_sums_where_the_released_one_has_halves():
    seen = _some_passes()
    released, printed = (loss(seen, 1.0, 0.3) for loss in (released_loss, printed_loss))
    for name, times in (("fused", 2), ("estimate", 2), ("latent", 1)):
        assert float(printed[name]) == pytest.approx(times * float(released[name]), rel=1e-5)


def test_the_printed_loss_has_norms_where_the_released_one_has_mean_squares():
    seen = _some_passes()
    released, printed = (loss(seen, 0.0, 0.3) for loss in (released_loss, printed_loss))
    square = ((seen.restored - seen.sources) ** 2).mean((2, 3))  # (B, 2)
    assert float(released["estimate"]) == pytest.approx(0.7 * float(square.mean()), rel=1e-5)
    assert float(printed["estimate"]) == pytest.approx(0.7 * float((24 * 20 * square).sqrt().sum(1).mean()), rel=1e-5)


def test_the_released_program_does_not_undo_itself_but_the_flow_does():
    torch.manual_seed(0)
    network, x = paper_network().double(), torch.rand(1, 2, 24, 24, dtype=torch.float64)
    with torch.no_grad():
        errors = [float((program.decompose(*program.fuse(x)) - x).abs().max()) for program in (network, ReleasedProgram(network))]
    assert errors[0] < 1e-9 and errors[1] > 0.1


# ---- data --------------------------------------------------------------------------------------------------------------------------


def test_slices_are_those_with_both_labels_each_from_0_to_1(place):
    cases = load_split(place / "prepared", place / "splits.json", "train")
    sampler = SliceSampler(cases, 64, seed=0)
    wanted = {(case.name, k) for part in cases.values() for case in part for k in range(len(case.labels))
              if {1, 2} <= set(np.unique(case.labels[k]))}
    assert {(case.name, k) for case, k in sampler.slices} == wanted and len(sampler.slices) == len(wanted)
    whole, cut = (SliceSampler(cases, size, 0).batch(0, 2, np.random.default_rng(0)) for size in (64, 16))
    assert whole.shape == (2, 2, 64, 64) and whole.dtype == np.float32 and cut.shape == (2, 2, 16, 16)
    assert np.array_equal(whole.min((2, 3)), np.zeros((2, 2))) and np.array_equal(whole.max((2, 3)), np.ones((2, 2)))
    (case, k), pair = sampler.slices[0], whole[0]
    source = slice_sources(case, k, [case.index("t1ce"), case.index("flair")])
    assert np.isclose(pair.sum(), source.sum()) and pair[0].sum() != pair[1].sum()


def test_every_epoch_has_the_same_batches_and_none_twice(place):
    sampler = SliceSampler(load_split(place / "prepared", place / "splits.json", "train"), 48, seed=0)
    count = sampler.batches(3)
    batches = [sampler.batch(n, 3, np.random.default_rng(0)) for n in range(count + 1)]
    assert count == len(sampler.slices) // 3 > 1 and np.array_equal(batches[0], batches[count])
    assert len({image.tobytes() for batch in batches[:count] for image in batch}) == 3 * count
    assert len(sampler.batch(5, 1000, np.random.default_rng(0))) == len(sampler.slices)


def test_cases_without_both_labels_are_an_error(place):
    cases = load_split(place / "prepared", place / "splits.json", "train")
    for case in [case for part in cases.values() for case in part]:
        case.labels[case.labels == 1] = 4
    with pytest.raises(InputError, match="labels 1 and 2"):
        SliceSampler(cases, 32, 0)


# ---- settings ----------------------------------------------------------------------------------------------------------------------


def test_the_preset_brings_its_published_values(tmp_path):
    config, _ = settings_of(tmp_path, None, ["preset=paper", "batch=8"], False, False, TRAINERS)
    assert (config.learning_rate, config.batch, config.crop, config.average, config.loss) == (3e-4, 8, 240, 0.0, "released")
    assert isinstance(config, PublishedConfig) and TRAINERS[config.preset] is PaperTrainer
    with pytest.raises(InputError, match="released or printed"):
        settings_of(tmp_path, None, ["preset=paper", "loss=other"], False, False, TRAINERS)


def test_settings_from_before_these_fields_still_load(tmp_path):
    old = {"preset": "default", "steps": 9, "crop": 64, "batch": 2}
    (tmp_path / "config.json").write_text(json.dumps(old))
    config = load_config(tmp_path / "config.json", TRAINERS)
    assert config == FusionInnConfig(**old)
    config.save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()).items() >= old.items()
    assert settings_of(tmp_path, None, [], True, False, TRAINERS) == (config, {})


# ---- runs --------------------------------------------------------------------------------------------------------------------------


def test_the_first_batch_leaves_the_normalisation_with_mean_0_and_deviation_1(place, tmp_path):
    trainer = _trainer(place, tmp_path)
    out = trainer.network.flow.flows[0](torch.from_numpy(trainer.draw_batch()))[0]
    assert torch.allclose(out.mean((0, 2, 3)), torch.zeros(2), atol=1e-5) and torch.allclose(out.std((0, 2, 3)), torch.ones(2), atol=1e-4)


@pytest.mark.parametrize("loss", ["released", "printed"])
def test_a_few_steps_reduce_the_loss(place, tmp_path, loss):
    trainer = _trainer(place, tmp_path, steps=25, validate_every=25, learning_rate=3e-3, loss=loss)
    before = trainer.validation_loss()
    trainer.run(lambda line: None)
    assert -trainer.best < 0.95 * before
    parts = trainer.loss(torch.from_numpy(trainer.draw_batch()))
    assert float(parts[0].detach()) == pytest.approx(sum(parts[1].values()), rel=1e-5)


class Impatient(PaperTrainer):
    """Lowers the learning rate at every validation."""

    PATIENCE = -1


class Interrupted(Impatient):
    """Stops in the middle between two checkpoints."""

    def on_step(self, parts):
        if self.step == 5:
            raise KeyboardInterrupt


def test_an_interrupted_run_ends_with_the_same_weights_and_learning_rate(place, tmp_path):
    settings = {"validate_every": 2, "steps": 8, "learning_rate": 0.1}
    _trainer(place, tmp_path / "whole", Impatient, **settings).run(lambda line: None)
    with pytest.raises(KeyboardInterrupt):
        _trainer(place, tmp_path / "resumed", Interrupted, **settings).run(lambda line: None)
    assert _state(tmp_path / "resumed")["step"] == 4
    _trainer(place, tmp_path / "resumed", Impatient, **settings).run(lambda line: None)
    whole, resumed = _state(tmp_path / "whole"), _state(tmp_path / "resumed")
    for part in ("network", "averaged"):
        assert all(torch.equal(whole[part][name], resumed[part][name]) for name in whole[part])
    assert whole["plateau"] == resumed["plateau"]
    rates = [state["optimizer"]["param_groups"][0]["lr"] for state in (whole, resumed)]
    assert rates[0] == rates[1] == pytest.approx(0.1 * 0.95 ** 4)
    for name, tensor in whole["averaged"].items():  # the average of 0 is the network itself
        assert torch.equal(tensor, whole["network"][name])


def test_a_learning_rate_that_is_changed_on_the_way_counts(place, tmp_path):
    _trainer(place, tmp_path, Impatient, steps=3).run(lambda line: None)
    trainer = _trainer(place, tmp_path, Impatient, steps=6, learning_rate=3e-5)
    trainer.resume()
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(3e-5 * 0.95)


def test_default_runs_save_what_they_saved_before(place, tmp_path):
    _trainer(place, tmp_path, FusionInnTrainer, preset="default", steps=1, validate_every=1, settings={"quarter": 0, "half_width": 4}).run(
        lambda line: None)
    assert set(_state(tmp_path)) == {"network", "averaged", "optimizer", "step", "best", "seconds"}


def test_the_commands_train_and_export_a_model_that_is_exact(place, tmp_path, capsys):
    data = ["--prepared", str(place / "prepared"), "--splits", str(place / "splits.json")]
    values = [f"{name}={value}" for name, value in QUICK.items()]
    assert command.main(["fit", *data, "--run", str(tmp_path / "run"), "--device", "cpu", "--set", *values, "learning_rate=0.003"]) == 0
    header, *rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    row = dict(zip(header.split(","), map(float, rows[-1].split(","))))
    assert len(rows) == 2 and row["score"] == -row["loss"] and row["rate"] == 0.003 and row["raw_error"] < 1e-3
    assert {"t1ce_flair_gain", "t1ce_flair_estimate_1", "raw_estimate_1"} <= set(row) and np.isfinite(list(row.values())).all()
    assert command.main(["export", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "paper"), *data]) == 0
    card = find_card(str(tmp_path / "paper"))
    assert (card.architecture, card.normalization) == ("paper", "slice") and model_folder.load(card).config.k == 3
    first, second = (read_volume(place / "data" / "brats18" / "c" / f"{name}.nii.gz") for name in ("t1ce", "flair"))
    fusion = fuse(first, second, model=str(card.folder), device="cpu")
    back = decompose(fusion.fused, fusion.latent, fusion.recipe, model=str(card.folder), device="cpu")
    assert not any("too extreme" in warning for warning in fusion.warnings) and record_of(fusion.recipe).boxes
    for image, source in zip(back, (first, second)):
        assert np.array_equal(image.array, source.array) and image.array.dtype == source.array.dtype
    capsys.readouterr()
