"""Which training belongs to a name, and which settings: earlier runs, whose settings were one flat table of all trainings, still load."""
import ast
import json
import shlex
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest

import training
from FusionINNLib.errors import InputError, ModelError
from FusionINNLib.methods import registry
from training.__main__ import _parser
from training.baselines import TRAINED
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig, load_config
from training.loop.run_settings import settings_of
from training.trainers.baseline import BaselineTrainer
from training.trainers.registry import TRAINERS

EARLIER = {  # every field of version 0.1.0, in its order
    "preset": "default", "settings": {}, "seed": 3, "steps": 7, "batch": 2, "crop": 32, "learning_rate": 0.002, "beta2": 0.99, "warm_up": 2,
    "flat": 0.35, "clip": 1.0, "average": 0.999, "fused_weight": 0.7, "salient_weight": 0.2, "edge_weight": 0.05, "background_weight": 2.0,
    "texture_weight": 0.1, "estimate_weight": 1.0, "crps_weight": 0.5, "likelihood_weight": 0.005, "statistics_weight": 0.05,
    "noise": 0.001, "coding": 0.006, "ssim_share": 0.8, "lgg_share": 0.3, "validate_every": 3, "threads": 1, "precision": "float32",
    "loss": "printed", "forward_share": 0.4}


def test_every_name_has_its_trainer_and_its_settings():
    assert list(TRAINERS) == ["default", "paper", *TRAINED, "ddfm-unet", "dc2fusion", "lagn-diffusion", "lagn"]
    for name, trainer in TRAINERS.items():
        config = trainer.Config(preset=name)
        assert isinstance(config, TrainingConfig) and sum(p.numel() for p in trainer.network_of(config).parameters()) > 10_000
    assert {item.name for trainer in TRAINERS.values() for item in fields(trainer.Config)} == set(EARLIER) | {
        "weights", "window", "generated", "brightest"}


@pytest.mark.parametrize("row", [row for row in registry.METHODS.values() if row.capabilities.needs_training], ids=lambda row: row.name)
def test_the_command_that_makes_the_weights_of_a_method_is_one(row):
    program, *words = row.training.partition("training ")[::2]
    options = _parser().parse_args(shlex.split(words[0]))
    assert program == "python -m " and options.command in ("fit", "prior")
    assert options.command == "prior" or dict(pair.split("=") for pair in options.set).get("preset", "default") in TRAINERS


@pytest.mark.parametrize("preset", ["default", "paper", "deepfuse"])
def test_a_run_of_an_earlier_version_has_the_settings_it_was_begun_with(tmp_path, preset):
    (tmp_path / "config.json").write_text(json.dumps(EARLIER | {"preset": preset}))
    config = load_config(tmp_path / "config.json", TRAINERS)
    assert type(config) is TRAINERS[preset].Config and asdict(config).items() <= (EARLIER | {"preset": preset}).items()
    assert getattr(config, "fused_weight", None) == (0.7 if preset == "default" else None)
    assert getattr(config, "loss", None) == ("printed" if preset == "paper" else None)
    config.save(tmp_path / "config.json")
    assert load_config(tmp_path / "config.json", TRAINERS) == config
    assert settings_of(tmp_path, None, [], True, False, TRAINERS) == (config, {})


def test_the_settings_of_an_earlier_run_may_be_given_as_a_file(tmp_path):
    (tmp_path / "earlier.json").write_text(json.dumps(EARLIER | {"preset": "paper"}))
    config, _ = settings_of(tmp_path / "run", tmp_path / "earlier.json", ["steps=9"], False, False, TRAINERS)
    assert (config.steps, config.loss, config.learning_rate) == (9, "printed", 0.002) and not hasattr(config, "fused_weight")


@pytest.mark.parametrize("single, words", [
    (["preset=paper", "fused_weight=2.0"], "no setting 'fused_weight' of 'paper'"), (["loss=printed"], "no setting 'loss' of 'default'"),
    (["preset=ddgan"], "no preset 'ddgan': choose default, paper, deepfuse"), (["preset=3"], "no preset 3")])
def test_settings_of_another_training_are_refused(tmp_path, single, words):
    with pytest.raises(InputError, match=words):
        settings_of(tmp_path, None, single, False, False, TRAINERS)


def test_what_is_trained_cannot_change_in_a_run(tmp_path):
    TRAINERS["default"].Config().save(tmp_path / "config.json")
    with pytest.raises(InputError, match="cannot change in a run"):
        settings_of(tmp_path, None, ["preset=paper"], True, True, TRAINERS)


def test_a_network_to_compare_with_becomes_no_model():
    with pytest.raises(ModelError, match="Only a fusion method of this program"):
        BaselineTrainer.card_facts(None, [])


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_facts_of_a_card_are_those_that_are_announced(preset):
    trainer = TRAINERS[preset]
    case = PreparedCase("made up", ["t1ce", "flair"], np.random.default_rng(0).integers(1, 900, (2, 8, 16, 16)).astype(np.int16),
                        np.zeros(2, np.float32), np.full(2, 900, np.float32), np.zeros((8, 16, 16), np.uint8))
    network = trainer.network_of(trainer.Config()).eval().requires_grad_(False)
    facts = trainer.card_facts(network, [case])
    assert set(facts) == trainer.CARD_KEYS and facts["preset"] == preset and facts["spread_scale"] > 0


TABLES = ("benchmark/published.py", "segmentation/rows.py", "speed/")  # tables of results, which name what they compare
WORDS = {"average"}  # mean other things too


def test_no_method_or_training_is_named_where_all_are_meant():
    """In trainers/ and baselines/ alone: elsewhere a name comes from a registry, so that a further method needs no change there."""
    names, root = {*registry.names(), *TRAINERS} - WORDS, Path(training.__file__).parent
    named = {}
    for path in root.rglob("*.py"):
        place = path.relative_to(root).as_posix()
        if not place.startswith(("trainers/", "baselines/", *TABLES)):
            used = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant) and node.value in names}
            named |= {place: used} if used else {}
    assert named == {}
