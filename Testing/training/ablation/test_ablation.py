"""`python -m training ablate`: rows, training, figures, trends, pages."""
import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from training_data import write_data, write_splits

from FusionINNLib.errors import InputError
from FusionINNLib.metrics.ssim import ssim
from training import __main__ as command
from training.ablation import measure, results
from training.ablation.measure import AVERAGE, FIGURES, measure_run
from training.ablation.results import AblationResults, RowResult, Training
from training.ablation.slices import WHOLE, WholeSliceCrops, some_tumour_slices, whole_slice
from training.ablation.text import PUBLISHED_VALUES, SETTLED, TRENDS, Finding, Verdict, clear_difference, finding_of, is_settled
from training.ablation.train import LONGER, QUICK, go_on, train_variant
from training.ablation.trainer import AblationTrainer
from training.ablation.variants import GROUPS, PRIORS, PUBLISHED, TRAININGS, VARIANTS, Variant, family
from training.data.paper_slices import slice_sources
from training.data.prepare import load, prepare
from training.loop.config import load_config
from training.loop.convergence import Convergence
from training.loop.export import load_run
from training.loop.trainer import Trainer, checkpoint_step
from training.losses.paper import ReleasedProgram
from training.trainers.paper import PaperTrainer, PublishedConfig
from training.trainers.registry import TRAINERS

SMALL = PublishedConfig(steps=4, batch=2, crop=48, validate_every=2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """data/, prepared/, splits.json in one folder; openms under the name whose pictures may be shown."""
    folder = tmp_path_factory.mktemp("ablation")
    write_data(folder / "data")
    (folder / "data" / "openms" / "patient").rename(folder / "data" / "openms" / "patient07")
    prepare(folder / "data", folder / "prepared", lambda line: None)
    write_splits(folder)
    return folder


@pytest.fixture(scope="module")
def case(place):
    return load(place / "prepared" / "brats18" / "c.npz")


def _trainer(place, folder, variant=PUBLISHED, config=SMALL, kind=AblationTrainer):
    return kind(variant, config, place / "prepared", place / "splits.json", folder)


# ---- rows --------------------------------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_paper_and_change_one_setting_each():
    assert {variant.key for variant in VARIANTS} == set(PUBLISHED_VALUES)
    assert PUBLISHED_VALUES["k_1"] == (0.914, 0.943, 0.151, 0.093)
    for variant in VARIANTS:
        changed = [name for name in ("k", "alpha", "lam", "prior") if getattr(variant, name) != getattr(PUBLISHED, name)]
        assert len(changed) == (variant is not PUBLISHED)
    assert len(TRAININGS) == len(set(TRAININGS)) == 12 * 3 + 12 and [seed for seed, row in TRAININGS if row.key == "k_1"] == list(range(12))
    assert [variant.k for variant in family("k")] == [1, 2, 3, 4]
    assert [variant.lam for variant in family("lambda")] == [0.8, 0.9, 0.99, 0.999]
    assert [variant.alpha for variant in family("alpha")] == [0.2, 0.5, 0.8, 1.0] and {row.prior for row in family("prior")} == set(PRIORS)


def test_whole_slices_are_as_published(case):
    k = some_tumour_slices(case, 3)[0]
    assert {1, 2} <= set(np.unique(case.labels[k]))
    pair, cut = whole_slice(case, k), slice_sources(case, k, [case.index("t1ce"), case.index("flair")])
    top, left = ((WHOLE - n) // 2 for n in cut.shape[1:])
    np.testing.assert_array_equal(pair[:, top:top + cut.shape[1], left:left + cut.shape[2]], cut)
    assert pair.shape == (2, WHOLE, WHOLE) and pair.sum() == pytest.approx(cut.sum()) and pair.max() == 1
    wide = replace(case, contrasts=np.pad(case.contrasts, ((0, 0), (0, 0), (0, 0), (0, 300))),
                   labels=np.pad(case.labels, ((0, 0), (0, 0), (0, 300))))
    assert whole_slice(wide, k).shape == (2, WHOLE, WHOLE)
    crops = WholeSliceCrops({"x": [case]}, 48, 0).batch(0, 2, np.random.default_rng(0))
    assert crops.shape == (2, 2, 48, 48)


# ---- training ----------------------------------------------------------------------------------------------------------------------


def test_with_a_normal_latent_the_loss_is_that_of_the_published_training(place, tmp_path):
    ours = _trainer(place, tmp_path / "a")
    theirs = PaperTrainer(SMALL, place / "prepared", place / "splits.json", tmp_path / "b")
    theirs.network.load_state_dict(ours.network.state_dict())
    sources = torch.from_numpy(ours.draw_batch())
    values = []
    for trainer in (ours, theirs):
        torch.manual_seed(3)
        values.append(trainer.loss(sources)[1])
    assert values[0] == pytest.approx(values[1])


@pytest.mark.parametrize("prior, value", [("zeros", 0.0), ("ones", 1.0)])
def test_the_latent_on_the_way_back_is_that_of_the_row(place, tmp_path, prior, value):
    trainer = _trainer(place, tmp_path, Variant("x", "prior", prior=prior))
    sources, program = torch.from_numpy(trainer.draw_batch()), ReleasedProgram(trainer.network)
    with torch.no_grad():
        fused, latent = program.fuse(sources)
        restored = program.decompose(fused, torch.full_like(latent, value))
        part = trainer.loss(sources)[1]["estimate"]
        square = [float((restored - sources)[:, n].square().mean()) for n in range(2)]
        share = sum(0.5 * (0.8 * (1 - _ssim(restored, sources, n)) + 0.2 * square[n]) for n in range(2))
    assert part == pytest.approx(0.5 * share, abs=1e-5)


def _ssim(images, sources, n) -> float:
    return float(np.mean([ssim(image, source, 1.0) for image, source in zip(images[:, n].numpy(), sources[:, n].numpy())]))


def test_a_first_batch_of_background_does_not_spoil_the_network(place, tmp_path):
    trainer = _trainer(place, tmp_path, config=replace(SMALL, crop=8, batch=1))
    assert all(torch.isfinite(parameter).all() for parameter in trainer.network.parameters())
    assert any(trainer._batch_of(trainer.sampler, number).max() == 0 for number in range(5))  # which happens at once here


def test_the_learning_rate_falls_by_the_step(place, tmp_path):
    trainer = _trainer(place, tmp_path, config=replace(SMALL, warm_up=1, flat=0.0))
    rates = []
    trainer.on_step = lambda parts: rates.append(trainer.optimizer.param_groups[0]["lr"])
    trainer.run(lambda line: None)
    assert all(late < early for early, late in zip(rates, rates[1:])) and len(rates) == SMALL.steps


def test_a_folder_keeps_its_row_and_its_schedule(place, tmp_path):
    arguments = (place / "prepared", place / "splits.json", tmp_path / "run", "cpu", lambda line: None)
    train_variant(PUBLISHED, 0, QUICK | {"steps": 2}, *arguments)
    with pytest.raises(InputError, match="another row"):
        _trainer(place, tmp_path / "run", VARIANTS[1])
    with pytest.raises(InputError, match="another schedule"):
        train_variant(PUBLISHED, 0, QUICK | {"steps": 9}, *arguments)
    said = []
    train_variant(PUBLISHED, 0, QUICK | {"steps": 2}, *arguments[:-1], said.append)
    assert said == ["finished before"] and load_config(tmp_path / "run" / "config.json", TRAINERS).settings == {"k": 3}


def test_a_training_goes_on_in_a_folder_of_its_own(place, tmp_path, monkeypatch):
    data, begun, run = (place / "prepared", place / "splits.json"), tmp_path / "begun", tmp_path / "longer"
    train_variant(PUBLISHED, 1, QUICK, *data, begun, "cpu", lambda line: None)
    before = {path.name: path.read_bytes() for path in begun.iterdir()}
    steps = LONGER * QUICK["steps"]
    monkeypatch.setattr(AblationTrainer, "validate", lambda self: pytest.fail("interrupted"))
    with pytest.raises(pytest.fail.Exception):
        go_on(begun, PUBLISHED, steps, *data, run, "cpu", lambda line: None)
    monkeypatch.undo()
    monkeypatch.setattr(AblationTrainer, "validate", lambda self: {"loss": 1.0, "score": -1.0})
    said = []
    go_on(begun, PUBLISHED, steps, *data, run, "cpu", said.append)
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == before and checkpoint_step(run) == steps
    lines = [int(float(line["step"])) for line in csv.DictReader((run / "log.csv").open())]
    assert lines == list(range(2, steps + 1, 2)) and load_config(run / "config.json", TRAINERS).seed == 1
    assert json.loads((run / "config_history.json").read_text())[0]["changed"]["steps"] == [QUICK["steps"], steps]
    go_on(begun, PUBLISHED, steps, *data, run, "cpu", said.append)
    assert said[-1] == "finished before"
    (begun / "log.csv").unlink()
    with pytest.raises(InputError, match="remove it and train again"):
        go_on(begun, PUBLISHED, steps, *data, tmp_path / "other", "cpu", said.append)


def test_who_kept_both_sources_goes_on(place, tmp_path, monkeypatch):
    """And the row's figures are those of the longer training; one that lost a source stays as it is."""
    begun = [(0, PUBLISHED), (1, PUBLISHED), (2, PUBLISHED)]
    monkeypatch.setattr(results, "TRAININGS", begun)
    kept = {"seed_0": 0.9, "seed_1": 0.2, "seed_2": 0.9, "seed_0_longer": 0.95, "seed_2_longer": 0.93}
    went = []

    def train(variant, seed, schedule, prepared, split, run, device, say):
        run.mkdir(parents=True)
        (run / "best.pt").touch()

    def longer(first, variant, steps, prepared, split, run, device, say):
        went.append((first.name, steps))
        train(variant, 0, {}, prepared, split, run, device, say)

    monkeypatch.setattr(results, "train_variant", train)
    monkeypatch.setattr(results, "go_on", longer)
    monkeypatch.setattr(results, "convergence_of", lambda run, trainers: REST)
    monkeypatch.setattr(results, "measure_run", lambda run, *rest: {"c": dict.fromkeys(FIGURES + AVERAGE, kept[run.name])})
    arguments = (place / "prepared", place / "splits.json", tmp_path, QUICK, True)
    made = results.ablate(*arguments, True, "cpu", lambda line: None)
    assert went == [("seed_0", LONGER * QUICK["steps"]), ("seed_2", LONGER * QUICK["steps"])]
    assert [round(training.estimate, 2) for training in made.rows["published"].trainings] == [0.95, 0.2, 0.93] and not made.skipped
    (tmp_path / "published/seed_2_longer/best.pt").unlink()
    made = results.ablate(*arguments, False, "cpu", lambda line: None)
    assert [round(training.estimate, 2) for training in made.rows["published"].trainings] == [0.95, 0.2, 0.9]
    assert made.skipped == {"published, seed 2": "seed_2_longer is not trained yet"}


# ---- figures -----------------------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_whole_slices_and_made_once(place, tmp_path, case, monkeypatch):
    train_variant(PUBLISHED, 0, QUICK, place / "prepared", place / "splits.json", tmp_path, "cpu", lambda line: None)
    figures = measure_run(tmp_path, "zeros", [case], 1)["c"]
    pair = torch.from_numpy(whole_slice(case, some_tumour_slices(case, 1)[0]))[None]
    program = ReleasedProgram(load_run(tmp_path, TRAINERS))
    with torch.no_grad():
        fused, latent = program.fuse(pair)
        guess = program.decompose(fused, torch.zeros_like(latent))
    assert figures["fused_2"] == pytest.approx(ssim(fused[0, 0].numpy(), pair[0, 1].numpy(), 1.0), abs=1e-6)
    assert figures["estimate_1"] == pytest.approx(ssim(guess[0, 0].numpy(), pair[0, 0].numpy(), 1.0), abs=1e-6)
    monkeypatch.setattr(measure, "_measure", lambda *arguments: pytest.fail("measured again"))
    assert measure_run(tmp_path, "zeros", [case], 1)["c"] == figures


# ---- trends ------------------------------------------------------------------------------------------------------------------------


REST = Convergence(tuple(range(9)), (1.0,) * 9, 8, 0.0, 1.0)


def _training(seed: int, estimate: float, fused: float = 0.9, convergence: Convergence = REST) -> Training:
    return Training(seed, {"a": dict(zip(FIGURES + AVERAGE, (fused, fused, estimate, estimate, 0.88, 0.88)))}, convergence, Path())


def _results(fused: float = 0.9, seeds: int = 2, **estimates) -> AblationResults:
    """All rows with so many trainings, which end alike."""
    rows = {variant.key: RowResult(variant, tuple(_training(seed, estimates.get(variant.key, 0.95), fused) for seed in range(seeds)))
            for variant in VARIANTS}
    return AblationResults(rows, {}, {"a": 1}, QUICK, {}, False)


def _verdicts(made: AblationResults) -> list[str]:
    return [finding_of(trend, made).words for trend in TRENDS]


def test_which_row_decomposes_better_is_judged_by_the_estimates():
    assert _verdicts(_results(k_2=0.9, k_4=0.9, prior_zeros=0.8, prior_ones=0.8, prior_uniform=0.8, **{"lambda_0.999": 0.7}))[2:] == [
        "confirmed"] * 3
    assert _verdicts(_results())[2:] == ["not seen"] * 3
    assert _verdicts(_results(k_2=0.99, k_4=0.99, prior_zeros=0.99, **{"lambda_0.999": 0.99}))[2:] == ["refuted"] * 3
    assert _verdicts(_results(fused=0.97, k_2=0.8, k_4=0.8))[2] == "open, points to confirmed"
    assert _verdicts(_results(k_2=0.5))[2] == "than two: confirmed; than four: not seen"


def test_which_row_cannot_decompose_is_judged_by_how_many_trainings_do():
    assert _verdicts(_results(k_1=0.1, alpha_1=0.02))[:2] == ["confirmed"] * 2
    assert _verdicts(_results(k_1=0.92))[:2] == ["refuted"] * 2
    found = finding_of(TRENDS[0], _results(k_1=0.89))  # gives the fused image back
    assert found.words == "confirmed" and "takes nothing apart: k_1" in found.why and "0 of 2 trainings decompose" in found.why
    assert _verdicts(_results(fused=0.8, k_1=0.87))[0] == "confirmed", "nearer than its fused image, but the plain average is too"
    assert _verdicts(_results(alpha_1=0.7))[1] == "refuted", "nothing is lost"
    few = _results(seeds=1, k_1=0.1)
    few.rows["prior_zeros"] = RowResult(few.rows["prior_zeros"].variant, (_training(0, 0.3),))
    found = finding_of(TRENDS[0], few)
    assert found.words == "open, points to confirmed" and "0 of 1 trainings decompose" in found.why and "8 of 9" in found.why
    some = _results()
    some.rows["k_1"] = RowResult(some.rows["k_1"].variant, (*[_training(seed, 0.1) for seed in range(5)], _training(5, 0.92)))
    assert finding_of(TRENDS[0], some).verdicts == {"": Verdict.RARELY}


def test_a_training_without_a_fused_image_or_with_one_source_lost_has_not_succeeded():
    assert _training(0, 0.9).has_succeeded and not _training(0, 0.99, fused=0.2).has_succeeded
    lost = Training(0, {"a": dict(zip(FIGURES + AVERAGE, (0.9, 0.9, 0.95, 0.1, 0.88, 0.88)))}, REST, Path())
    assert lost.estimate > 0.5 and not lost.has_succeeded
    made = _results()
    made.rows["k_1"] = RowResult(made.rows["k_1"].variant, (_training(0, 0.99, fused=0.2),) * 3)
    found = finding_of(TRENDS[0], made)
    assert found.words == "confirmed" and "no fused image: k_1 (0.20)" in found.why


def test_rows_whose_loss_still_falls_decide_nothing():
    made = _results(k_1=0.1)
    falling = Convergence(tuple(range(9)), (1.0,) * 8 + (1.0 - 2 * SETTLED,), 8, 0.0, 1.0)
    made.rows["k_1"] = RowResult(made.rows["k_1"].variant, (_training(0, 0.1, convergence=falling),) * 3)
    assert finding_of(TRENDS[0], made).words == "open, points to confirmed" and "not settled: k_1" in finding_of(TRENDS[0], made).why
    assert not is_settled(_training(0, 0.1, convergence=Convergence((1,), (1.0,), 9, 0.0, 1.0)))
    del made.rows["alpha_1"]
    assert finding_of(TRENDS[1], made) == Finding({"": Verdict.NOT_MEASURED}, "needs alpha_1")


def test_a_row_is_its_training_with_the_least_loss():
    better = Convergence(REST.steps, (0.5,) * 9, 8, 0.0, 1.0)
    row = RowResult(PUBLISHED, (_training(0, 0.99), _training(1, 0.7, convergence=better), _training(2, 0.98)))
    assert row.best.seed == 1


def test_what_trainings_of_one_row_differ_by_is_not_read():
    row = RowResult(PUBLISHED, tuple(_training(seed, value) for seed, value in enumerate((0.95, 0.75, 0.1))))
    made = replace(_results(), rows={"published": row})
    assert clear_difference(made) == pytest.approx(8 ** 0.5 * np.std([0.95, 0.75], ddof=1))
    assert clear_difference(_results()) == 0.02 and clear_difference(_results(seeds=1)) == float("inf")


# ---- the whole way -----------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_way(place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["ablate", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--runs", "runs", "--out", "docs",
             "--device", "cpu", "--quick"]
    assert command.main(words) == 0
    said, page = capsys.readouterr(), (tmp_path / "docs" / "ablation.md").read_text()
    assert said.out.strip() == page.strip() and "Quick run" in page and str(place) not in page
    assert f"[{len(TRAININGS)} of {len(TRAININGS)}]" in said.err
    assert all(group.title[1:] in page for group in GROUPS.values()) and all(trend.claim in page for trend in TRENDS)
    assert "Nothing was skipped" in page
    lines = {line["row"]: line for line in csv.DictReader((tmp_path / "docs" / "ablation.csv").open()) if line["is_best"] == "True"}
    assert set(lines) == set(PUBLISHED_VALUES) and float(lines["alpha_1"]["published_estimate_2"]) == 0.004
    table = json.loads((tmp_path / "docs" / "ablation.json").read_text())
    assert set(table["other_latents_in_the_test"]) == set(PRIORS) and table["schedule"] == QUICK and list(table["slices"]) == ["c"]
    assert float(lines["k_2"]["fused_1"]) == pytest.approx(
        table["rows"]["k_2"]["trainings"][lines["k_2"]["seed"]]["means_over_patients"]["fused_1"])
    pictures = sorted(path.name for path in (tmp_path / "docs" / "pictures").iterdir())
    assert pictures == ["ablation_curves.png", "ablation_lambda.png", "ablation_settings.png"]
    assert all(f"(pictures/{name})" in page and Image.open(tmp_path / "docs" / "pictures" / name).size[0] > 300 for name in pictures)
    assert checkpoint_step(tmp_path / "runs" / "quick" / "k_4" / "seed_2") == QUICK["steps"]

    monkeypatch.setattr(Trainer, "train_step", lambda self: pytest.fail("a finished row was trained again"))
    for seed in range(12):
        (tmp_path / "runs" / "quick" / "k_1" / f"seed_{seed}" / "best.pt").write_bytes(b"damaged")
    assert command.main(words) == 0
    again = capsys.readouterr()
    assert "12 skipped:\n  k_1, seed 0:" in again.err and "needs k_1" in again.out and "Traceback" not in again.err


def test_nothing_to_measure_is_said(place, tmp_path, capsys):
    words = ["ablate", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--runs", str(tmp_path / "runs"),
             "--out", str(tmp_path / "docs"), "--no-train"]
    assert command.main(words) == 2 and "--no-train" in capsys.readouterr().err and not (tmp_path / "docs").exists()
    (tmp_path / "splits.json").write_text(json.dumps({"brats18": {"train": ["a"], "val": ["gone"]}}))
    words[words.index("--splits") + 1] = str(tmp_path / "splits.json")
    assert command.main(words) == 2 and "No validation case" in capsys.readouterr().err
