"""The networks of the benchmark, trained one after the other where they are not: a finished run is left alone, a begun one goes on."""
from collections.abc import Callable
from pathlib import Path

from FusionINNLib.errors import FusionINNError
from training.ablation.train import SCHEDULE, train_variant
from training.ablation.trainer import RECORD
from training.ablation.variants import PUBLISHED
from training.baselines.schedules import SCHEDULES as BASELINE_SCHEDULES
from training.baselines.schedules import SMALL
from training.benchmark.methods import rows
from training.benchmark.published import PROPOSED
from training.loop.run_settings import settings_of
from training.loop.spoken import spoken
from training.loop.trainer import checkpoint_step
from training.trainers.registry import TRAINERS

SCHEDULES = BASELINE_SCHEDULES | {PROPOSED: SCHEDULE | {"steps": 24000, "validate_every": 600}}
"""Some 35 minutes of one CPU thread each at the most, where it has bfloat16. Longer runs are begun with `python -m training fit --run
RUNS/NAME`: they are gone on with."""
PROPOSED_SEED = 1  # the one of three that kept both sources in docs/ablation.md
_SMALLEST = {"crop": 32, "batch": 1, "steps": 4, "validate_every": 2}
QUICK_SCHEDULES = {name: SCHEDULES[name] | _SMALLEST for name in (*SMALL, PROPOSED)}
"""The three large networks would make a quick run minutes longer, so they stay untrained there."""


def train_missing(schedules: dict[str, dict], prepared: Path, splits: Path, runs: Path, device: str,
                  report: Callable[[str], None]) -> dict[str, str]:
    """Train what is not finished of the networks that `schedules` names; returns what could not be trained, title -> reason."""
    failed = {}
    for name, schedule in schedules.items():
        try:
            _train(name, schedule, prepared, splits, runs, device, lambda line, name=name: report(f"{name}: {line}"))
        except FusionINNError as problem:
            failed[rows()[name].title] = str(problem)
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
    if name == PROPOSED:
        train_variant(PUBLISHED, config.seed if is_begun else PROPOSED_SEED, schedule, prepared, splits, run, device, report)
        return
    given = [f"preset={name}", *(f"{key}={value}" for key, value in schedule.items())]
    config, _ = settings_of(run, None, given, False, False, TRAINERS)
    spoken(TRAINERS[config.preset])(config, prepared, splits, run, device).run(report)
