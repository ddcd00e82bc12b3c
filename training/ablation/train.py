"""The networks of Table 2, one after the other, all on one schedule; a training that is finished is not done again."""
import shutil
from collections.abc import Callable
from pathlib import Path

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from training.ablation.trainer import RECORD, AblationTrainer
from training.ablation.variants import Variant
from training.loop.config import TrainingConfig
from training.loop.run_settings import record, settings_of
from training.loop.trainer import checkpoint_step
from training.trainers.paper import PublishedConfig
from training.trainers.registry import TRAINERS

SCHEDULE = {"crop": 64, "batch": 4, "steps": 6000, "learning_rate": 2e-3, "validate_every": 300, "warm_up": 50, "flat": 0.35,
            "average": 0.99, "clip": 1.0, "beta2": 0.99, "precision": "bfloat16"}
"""Of every row. Minutes on one thread of a CPU, some six hours for all rows and seeds, where the published 400 epochs of 132 batches of
64 whole slices take weeks. A rate of 0.005 left some rows without a fused image, one of 0.001 was too slow; both were tried on two seeds
of the published row. Few trainings decompose after 2500 steps. In bfloat16 a step takes two thirds of the time on a CPU that has it."""
LONGER = 3
"""Times the steps: so far go the trainings that have kept both sources by then. A source that is lost does not come back."""
QUICK = SCHEDULE | {"crop": 32, "batch": 2, "steps": 8, "validate_every": 2, "warm_up": 2, "precision": "float32"}


def with_steps(steps: int) -> dict:
    """`SCHEDULE` with so many steps, and as many validations."""
    return SCHEDULE | {"steps": steps, "validate_every": max(1, steps * SCHEDULE["validate_every"] // SCHEDULE["steps"])}


def train_variant(variant: Variant, seed: int, schedule: dict, prepared: Path, splits: Path, run: Path, device: str,
                  report: Callable[[str], None]) -> None:
    """Train one row in the folder `run`, or go on with it. Raises InputError where it was begun on another schedule."""
    is_begun = (run / "last.pt").exists()
    given = [*variant.settings, f"seed={seed}", *(f"{name}={value}" for name, value in schedule.items())]
    config, changed = settings_of(run, None, given, is_begun, True, TRAINERS)
    if changed:
        raise InputError(f"{run.name} was begun on another schedule ({', '.join(changed)}): choose another folder for --runs.")
    if is_begun and checkpoint_step(run) >= config.steps:
        report("finished before")
        return
    AblationTrainer(variant, _published(run, config), prepared, splits, run, device).run(report)


def go_on(begun: Path, variant: Variant, steps: int, prepared: Path, splits: Path, run: Path, device: str,
          report: Callable[[str], None]) -> None:
    """A finished training once more and for more steps, in a folder `run` of its own: the learning rate rises again and falls later."""
    if not (run / "last.pt").exists():
        _copy_run(begun, run)
    config, changed = settings_of(run, None, [f"steps={steps}"], True, True, TRAINERS)
    if checkpoint_step(run) >= config.steps:
        report("finished before")
        return
    if changed:
        record(run, checkpoint_step(run), changed)
    AblationTrainer(variant, _published(run, config), prepared, splits, run, device).run(report)


def _published(run: Path, config: TrainingConfig) -> PublishedConfig:
    """Raises InputError for a run of another training."""
    if not isinstance(config, PublishedConfig):
        raise InputError(f"{run.name} is a run of {config.preset!r}, which is no row of Table 2: choose another folder for --runs.")
    return config


def _copy_run(begun: Path, run: Path) -> None:
    """All that a run needs to go on; the checkpoint comes last and whole, as by it a run counts as begun."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", RECORD, "log.csv", "best.pt"):
            shutil.copyfile(begun / name, run / name)
        with open(begun / "last.pt", "rb") as source, replacing(run / "last.pt") as file:
            shutil.copyfileobj(source, file)
    except OSError as problem:
        raise InputError(f"The run {begun.name} cannot be gone on with ({problem.strerror}): remove it and train again.") from problem
