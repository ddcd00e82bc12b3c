"""The networks of the benchmark, trained one after the other where they are not: a finished run is left alone, a begun one goes on."""
from collections.abc import Callable
from pathlib import Path

from FusionINNLib.errors import FusionINNError
from training.ablation.train import SCHEDULE, train_variant
from training.ablation.trainer import RECORD
from training.ablation.variants import PUBLISHED
from training.benchmark.methods import ALL_TITLES, PAPER
from training.loop.run_settings import settings_of
from training.loop.spoken import spoken
from training.loop.trainer import checkpoint_step
from training.trainers.registry import TRAINERS

_COMMON = {"crop": 64, "batch": 4, "flat": 0.5, "average": 0.99}
_LARGE = _COMMON | {"steps": 2500, "validate_every": 125, "precision": "bfloat16"}
SCHEDULES = {
    "deepfuse": _COMMON | {"steps": 10000, "validate_every": 500},
    "funfuseann": _COMMON | {"steps": 2000, "validate_every": 100, "clip": 1e9},  # its published division makes gradients of 1e5
    "half_unet": _LARGE, "unet": _LARGE, "unet_plus_plus": _LARGE | {"crop": 48},
    "unet_3_plus": _LARGE | {"steps": 1500, "validate_every": 75},
    PAPER: SCHEDULE | {"steps": 24000, "validate_every": 600}}
"""Some 35 minutes of one CPU thread each at the most, where it has bfloat16. Longer runs are begun with `python -m training fit --run
RUNS/NAME`: they are gone on with."""
PAPER_SEED = 1  # the one of three that kept both sources in docs/ablation.md
_SMALLEST = {"crop": 32, "batch": 1, "steps": 4, "validate_every": 2}
QUICK_SCHEDULES = {name: SCHEDULES[name] | _SMALLEST for name in ("deepfuse", "funfuseann", "half_unet", PAPER)}
"""The three large networks would make a quick run minutes longer, so they stay untrained there."""


def train_missing(schedules: dict[str, dict], prepared: Path, splits: Path, runs: Path, device: str,
                  report: Callable[[str], None]) -> dict[str, str]:
    """Train what is not finished of the networks that `schedules` names; returns what could not be trained, title -> reason."""
    failed = {}
    for name, schedule in schedules.items():
        try:
            _train(name, schedule, prepared, splits, runs, device, lambda line, name=name: report(f"{name}: {line}"))
        except FusionINNError as problem:
            failed[ALL_TITLES[name]] = str(problem)
            report(f"{name}: skipped ({problem})")
    return failed


def _train(name: str, schedule: dict, prepared: Path, splits: Path, runs: Path, device: str, report: Callable[[str], None]) -> None:
    run = runs / name
    is_begun = (run / "last.pt").exists()
    if is_begun:  # by its own settings, whoever began it
        config, _ = settings_of(run, None, [], True, False, TRAINERS)
        if checkpoint_step(run) >= config.steps:
            report("finished before")
            return
        if not (run / RECORD).exists():
            spoken(TRAINERS[config.preset])(config, prepared, splits, run, device).run(report)
            return
        schedule = {key: getattr(config, key) for key in schedule}
    if name == PAPER:
        train_variant(PUBLISHED, config.seed if is_begun else PAPER_SEED, schedule, prepared, splits, run, device, report)
        return
    given = [f"preset={name}", *(f"{key}={value}" for key, value in schedule.items())]
    config, _ = settings_of(run, None, given, False, False, TRAINERS)
    spoken(TRAINERS[config.preset])(config, prepared, splits, run, device).run(report)
