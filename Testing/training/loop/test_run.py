"""Runs of training and what becomes of them: fit, interruption and resume, export, and the commands."""
import json
import shutil
import sys
import types
from dataclasses import asdict

import pytest
import torch
from training_data import SETTINGS, write_place

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import model_card
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from training import __main__ as command
from training.data.crops import load_split
from training.loop.config import load_config
from training.loop.export import export, load_run
from training.loop.spoken import Spoken
from training.trainers.fusioninn import FusionInnConfig, FusionInnTrainer, validate
from training.trainers.paper import PaperTrainer
from training.trainers.registry import TRAINERS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """data/, prepared/, splits.json and settings.json in one folder."""
    folder = write_place(tmp_path_factory.mktemp("training"))
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture(scope="module")
def run(place):
    """A finished run."""
    assert command.main(_fit(place, place / "run")) == 0
    return place / "run"


def _fit(place, run, *more):
    return ["fit", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run", str(run), "--config",
            str(place / "settings.json"), "--device", "cpu", *more]


def _trainer(place, folder, kind=FusionInnTrainer, **settings):
    return kind(kind.Config(**SETTINGS | settings), place / "prepared", place / "splits.json", folder)


def _same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---- fit ---------------------------------------------------------------------------------------------------------------------------


def test_training_improves_on_the_untrained_network(place, tmp_path):
    trainer = _trainer(place, tmp_path, steps=60, validate_every=30, learning_rate=1e-2, warm_up=5, average=0.9)
    before = validate(trainer.averaged, trainer.validation, torch.device("cpu"))["score"]
    trainer.run(lambda line: None)
    assert trainer.best > before + 0.01
    assert validate(load_run(tmp_path, TRAINERS), trainer.validation, torch.device("cpu"))["score"] == pytest.approx(trainer.best, abs=1e-6)


@pytest.mark.parametrize("weight", sorted(name for name in asdict(FusionInnConfig()) if name.endswith("_weight")))
def test_each_weight_of_the_loss_counts(weight, place, tmp_path):
    """Twice the weight adds to the loss of a batch what that part was; the score of the draws is a part of the estimate's."""
    known = {f"{name}_weight": 1.0 for name in ("fused", "salient", "edge", "background", "texture", "estimate", "crps", "likelihood",
                                               "statistics")}
    losses = []
    for value in (1.0, 2.0):
        trainer = _trainer(place, tmp_path, **known | {weight: value})
        for parameter in trainer.network.parameters():
            torch.nn.init.normal_(parameter, std=0.2)  # a network of which every part has something to say
        torch.manual_seed(0)
        losses.append(trainer.loss(torch.from_numpy(trainer.draw_batch())))
    (once, parts), (twice, _) = losses
    assert once.item() == pytest.approx(sum(parts.values()), rel=1e-5)
    if weight == "crps_weight":
        assert twice.item() > once.item() + 1e-4
    else:
        part = parts[weight.removesuffix("_weight")]
        assert part != 0 and twice.item() - once.item() == pytest.approx(part, rel=1e-3, abs=1e-5)


class Interrupted(FusionInnTrainer):
    """Stops in the middle between two checkpoints."""

    def on_step(self, parts):
        if self.step == 5:
            raise KeyboardInterrupt


def test_an_interrupted_run_ends_with_the_same_weights(place, tmp_path, run):
    with pytest.raises(KeyboardInterrupt):
        _trainer(place, tmp_path, Interrupted).run(lambda line: None)
    said = []
    _trainer(place, tmp_path).run(said.append)
    assert said[0] == "going on after step 3"
    whole, resumed = (torch.load(folder / "last.pt", weights_only=True) for folder in (run, tmp_path))
    assert _same(whole["network"], resumed["network"]) and _same(whole["averaged"], resumed["averaged"]) and resumed["step"] == 6
    assert _same(*(torch.load(folder / "best.pt", weights_only=True) for folder in (run, tmp_path)))
    steps = [[line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()] for folder in (run, tmp_path)]
    assert steps[0] == steps[1] == ["step", "3", "6"]


def test_baselines_train_by_the_same_command(place, tmp_path):
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({name: SETTINGS[name] for name in ("steps", "batch", "crop", "validate_every")}))
    arguments = [str(settings) if argument.endswith("settings.json") else argument for argument in _fit(place, tmp_path / "deep")]
    assert command.main([*arguments, "--set", "preset=deepfuse"]) == 0
    assert load_config(tmp_path / "deep" / "config.json", TRAINERS).learning_rate == 3e-4
    assert load_run(tmp_path / "deep", TRAINERS).fuse(torch.rand(1, 1, 30, 33), torch.rand(1, 1, 30, 33)).shape == (1, 1, 30, 33)


def test_a_run_begins_with_the_weights_of_another(place, tmp_path, run, capsys):
    started = tmp_path / "started"
    assert command.main(_fit(place, started, "--start", str(run), "--set", "learning_rate=0.0", "average=0.0")) == 0
    first, second = (torch.load(folder / "best.pt", weights_only=True) for folder in (run, started))
    assert _same(first, second)  # without a learning rate nothing moves away from them
    assert command.main(_fit(place, tmp_path / "lost", "--start", str(tmp_path))) == 2
    assert "no best.pt" in capsys.readouterr().err and not (tmp_path / "lost").exists()


def test_ctrl_c_ends_with_130_and_keeps_the_last_checkpoint(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Spoken, "on_step", Interrupted.on_step)
    assert command.main(_fit(place, tmp_path / "run")) == 130
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["step"] == 3
    assert "step 3 is kept" in capsys.readouterr().err


def test_ctrl_c_is_answered_before_the_command_is_known(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_parser", interrupted)
    assert command.main(["fit"]) == 130
    assert capsys.readouterr().err == "training: Stopped.\n"


def test_other_settings_are_refused_or_recorded(place, tmp_path, run, capsys):
    shutil.copytree(run, tmp_path / "run")
    before = (tmp_path / "run" / "last.pt").read_bytes()
    for more, words in ((["--set", "batch=3"], "batch 2 -> 3), and batch cannot change"),
                        (["--set", "steps=8"], "--continue-with-new-settings"),
                        (["--set", "steps=8", "seed=1", "--continue-with-new-settings"], "seed cannot change")):
        assert command.main(_fit(place, tmp_path / "run", *more)) == 2
        assert words in capsys.readouterr().err
    assert (tmp_path / "run" / "last.pt").read_bytes() == before and not (tmp_path / "run" / "config_history.json").exists()
    assert command.main(_fit(place, tmp_path / "run", "--set", "steps=8", "fused_weight=3", "--continue-with-new-settings")) == 0
    history = json.loads((tmp_path / "run" / "config_history.json").read_text())
    assert history == [{"step": 6, "changed": {"steps": [6, 8], "fused_weight": [FusionInnConfig().fused_weight, 3.0]}}]
    assert load_config(tmp_path / "run" / "config.json", TRAINERS).steps == 8
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["step"] == 8
    without_config = [word for word in _fit(place, tmp_path / "run") if word not in ("--config", str(place / "settings.json"))]
    assert command.main(without_config) == 0 and "finished" in capsys.readouterr().out


def test_a_damaged_checkpoint_is_an_error(place, tmp_path, run):
    (tmp_path / "last.pt").write_bytes((run / "last.pt").read_bytes()[:2000])
    with pytest.raises(ModelError, match="damaged"):
        _trainer(place, tmp_path).run(lambda line: None)


# ---- export ------------------------------------------------------------------------------------------------------------------------


def test_an_exported_model_gives_what_the_run_gives(place, tmp_path, run):
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"description": "made of made-up heads", "terms": "none"}))
    words = ["export", "--run", str(run), "--out", str(tmp_path / "mine"), "--prepared", str(place / "prepared"), "--splits",
             str(place / "splits.json"), "--facts", str(facts)]
    assert command.main(words) == 0
    card = find_card(str(tmp_path / "mine"))
    assert (card.id, card.architecture, card.normalization, card.description) == ("mine", "default", "volume", "made of made-up heads")
    assert 0.2 < card.typical_bright < 1.5
    whole = json.loads((tmp_path / "mine" / model_card.CARD).read_text())
    assert whole["terms"] == "none" and whole["split"]["brats18"]["val"] == ["c"] and whole["training"]["steps"] == 6
    assert whole["method"] == "fusioninn" and FusionInnTrainer.CARD_KEYS <= set(whole)
    assert whole["validation"]["step"] in (3, 6) and str(place) not in json.dumps(whole)
    sources = torch.rand(1, 2, 32, 32)
    learned = load_run(run, TRAINERS)
    assert torch.allclose(model_folder.load(card).flow(sources)[0], learned.flow(sources)[0], atol=1e-5)
    fused, black = learned.fuse(sources)[0], whole["settings"]["black"]
    assert black == 6 * card.cell > 0
    moved = (model_folder.load(card).fuse(sources)[0] - fused).abs()  # by digits and coring, which training lacks
    assert 0 < moved[fused.abs() > 2 * black + card.cell].max() < card.cell and moved.max() <= black + card.cell
    assert command.main(words) == 2 and command.main([*words, "--overwrite"]) == 0


def test_a_run_of_another_version_is_an_error(tmp_path, run):
    shutil.copytree(run, tmp_path / "run")
    settings = json.loads((run / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(settings | {"l1_weight": 0.5}))
    with pytest.raises(ModelError, match="another version"):
        load_run(tmp_path / "run", TRAINERS)


def test_facts_cannot_contradict_the_run(place, tmp_path, run, capsys):
    (tmp_path / "facts.json").write_text('{"sha256": "0"}')
    assert command.main(["export", "--run", str(run), "--out", str(tmp_path / "mine"), "--prepared", str(place / "prepared"), "--splits",
                         str(place / "splits.json"), "--facts", str(tmp_path / "facts.json")]) == 2
    assert "sha256" in capsys.readouterr().err and not (tmp_path / "mine").exists()


def test_the_paper_preset_exports_with_its_own_normalisation(place, tmp_path):
    _trainer(place, tmp_path / "run", PaperTrainer, settings={"k": 1}, steps=1, validate_every=1).run(lambda line: None)
    cases = load_split(place / "prepared", place / "splits.json", "train")["brats18"]
    export(tmp_path / "run", tmp_path / "paper", cases, {"description": "x"}, TRAINERS)
    assert find_card(str(tmp_path / "paper")).normalization == "slice"


# ---- the command -------------------------------------------------------------------------------------------------------------------


FIT = ["fit", "--prepared", "{p}/prepared", "--splits", "{p}/splits.json", "--run", "{t}/run"]


@pytest.mark.parametrize("words, sentence", [
    (["prepare", "--data", "{t}/nowhere", "--out", "{t}/out"], "holds no cases"),
    (["fit", "--prepared", "{p}/prepared", "--splits", "{t}/nowhere.json", "--run", "{t}/run"], "cannot be read"),
    (["fit", "--prepared", "{t}/nowhere", "--splits", "{p}/splits.json", "--run", "{t}/run"], "run 'python -m training prepare' again"),
    ([*FIT, "--device", "abacus"], "no device 'abacus'"),
    ([*FIT, "--set", "preset=none"], "make no network"),
    ([*FIT, "--set", 'settings={{"depth": 3}}'], "make no network"),
    ([*FIT, "--config", "{t}/none.json"], "read as JSON"),
    (["evaluate", "--model", "nobody", "--data", "{p}/data", "--splits", "{p}/splits.json"], "no model 'nobody'"),
    (["evaluate", "--model", "{m}", "--data", "{t}", "--splits", "{p}/splits.json"], "holds no case to evaluate"),
    (["export", "--run", "{t}/run", "--out", "{t}/model", "--prepared", "{p}/prepared", "--splits", "{p}/splits.json"], "no best.pt"),
])
def test_bad_input_is_one_sentence_and_exit_code_2(place, tmp_path, tiny_model, capsys, words, sentence):
    assert command.main([word.format(t=tmp_path, p=place, m=tiny_model) for word in words]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.startswith("training: ") and said.count("\n") == 1
    assert not (tmp_path / "model").exists() and not (tmp_path / "run" / "config.json").exists()


def test_bench_gets_its_own_arguments(monkeypatch):
    seen = []
    monkeypatch.setitem(sys.modules, "training.speed.bench", types.SimpleNamespace(main=lambda words: seen.append(words)))
    monkeypatch.delattr("training.speed.bench", raising=False)
    assert command.main(["bench", "--threads", "1"]) == 0 and seen == [["--threads", "1"]]
