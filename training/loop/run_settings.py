"""The settings of a run: preset values, then a file, then single ones; frozen once there is a checkpoint.

    RUN/config.json            what the run goes by now (written by loop/trainer.py)
    RUN/config_history.json    what was changed on the way: a list of {step, changed: {name: [before, after]}}
"""
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from training.loop.config import Trainers, TrainingConfig, load_config, own_values, trainer_class
from training.loop.precision import PRECISIONS

HISTORY = "config_history.json"
CONSENT = "--continue-with-new-settings"


def settings_of(run: Path, file: Path | None, single: list[str], is_begun: bool, may_change: bool,
                trainers: Trainers) -> tuple[TrainingConfig, dict[str, list]]:
    """The settings to train by, and what they change in a run that was begun: name -> [before, after].

    Args:
        run: folder of the run. Where it has settings already, those are changed; otherwise the preset ones.
        file: JSON with all or some fields, in place of those.
        single: `name=value`, after the file.
        is_begun: whether there is a checkpoint; where there is none, everything may still change.
        may_change: whether `CHANGEABLE` of the config may differ from those of the checkpoint; `record` such a change.
        trainers: which training belongs to the name in `preset`.

    Raises InputError for fields that do not exist, values that do not fit, and changes that are not allowed.
    """
    before = _load(run / "config.json", trainers) if (run / "config.json").exists() else None
    if before is None and is_begun:
        raise InputError(f"{run.name} holds a checkpoint but no config.json: put it back, or choose a new folder for --run.")
    named = dict(map(_single, single))
    given = ({} if file is None else _read_file(file)) | named
    begun = before if before is not None and is_begun and file is None and given.get("preset", before.preset) == before.preset else None
    preset = begun or _preset(given.get("preset"), trainers)
    config = _checked(asdict(preset) | own_values(given, type(preset), trainers) | named, type(preset)(preset.preset))
    changed = _changes(before, config) if before is not None and is_begun else {}
    if changed:
        _check_changes(run, changed, config.CHANGEABLE, may_change)
    return config, changed


def record(run: Path, step: int, changed: dict[str, list]) -> None:
    """Add to the history of a run what changes after a step."""
    path = run / HISTORY
    history = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    with replacing(path) as file:
        file.write((json.dumps([*history, {"step": step, "changed": changed}], indent=1) + "\n").encode())


def _changes(before: TrainingConfig, now: TrainingConfig) -> dict[str, list]:
    old, new = asdict(before), asdict(now)
    return {name: [old.get(name), new.get(name)] for name in old | new if old.get(name) != new.get(name)}


def _check_changes(run: Path, changed: dict[str, list], changeable: frozenset[str], may_change: bool) -> None:
    words = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changed.items())
    if forbidden := sorted(set(changed) - changeable):
        raise InputError(f"{run.name} was begun with other settings ({words}), and {forbidden[0]} cannot change in a run: "
                         "choose a new folder for --run.")
    if not may_change:
        raise InputError(f"{run.name} was begun with other settings ({words}): add {CONSENT} to go on with the new ones, "
                         "or leave them out.")


def _load(path: Path, trainers: Trainers) -> TrainingConfig:
    try:
        return load_config(path, trainers)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError(f"{path} cannot be read or was written by another version: start a new run.") from problem


def _preset(name: str | None, trainers: Trainers) -> TrainingConfig:
    try:
        return trainer_class(name, trainers).Config(next(iter(trainers)) if name is None else name)
    except ValueError as problem:
        raise InputError(f"The settings make no network ({problem}): correct 'preset' or 'settings'.") from problem


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} cannot be read as JSON: give a file like the config.json of a run.") from problem
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no settings: give a file like the config.json of a run.")
    return values


def _single(text: str) -> tuple[str, Any]:
    """`name=value`: numbers and objects as JSON, anything else as text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no setting: write name=value.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _checked(values: dict, preset: TrainingConfig) -> TrainingConfig:
    """Every field exists, is of the preset value's type, and no count is below 1."""
    usual = asdict(preset)
    for name, value in values.items():
        if name not in usual:
            raise InputError(f"There is no setting {name!r} of {preset.preset!r}: choose among {', '.join(usual)}.")
        kind = type(usual[name])
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise InputError(f"The setting {name} takes a value like {usual[name]!r}, not {value!r}.")
        if name in ("steps", "batch", "crop", "warm_up", "validate_every", "threads") and value < 1:
            raise InputError(f"The setting {name} must be at least 1.")
    if values["precision"] not in PRECISIONS:
        raise InputError(f"There is no precision {values['precision']!r}: choose {', '.join(PRECISIONS)}.")
    if values["crop"] % 4:
        raise InputError("The setting crop must be a multiple of 4.")
    fitting: dict[str, Any] = {name: float(value) if type(usual[name]) is float else value for name, value in values.items()}
    config = type(preset)(**fitting)
    config.check()
    return config
