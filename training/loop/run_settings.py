"""The settings of a run: preset values, then a file, then single ones; frozen once there is a checkpoint.

    RUN/config.json            what the run goes by now (written by loop/trainer.py)
    RUN/config_history.json    what was changed on the way: a list of {step, changed: {name: [before, after]}}
"""
import json
from dataclasses import asdict, fields
from pathlib import Path

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from training.baselines import TRAINED
from training.loop.config import PRESETS, TrainingConfig, load_config
from training.loop.precision import PRECISIONS
from training.losses.paper import LOSSES
from training.trainers.baseline import baseline_config

CHANGEABLE = frozenset({"steps", "learning_rate", "warm_up", "flat", "ssim_share",
                        *(item.name for item in fields(TrainingConfig) if item.name.endswith("_weight"))})
"""What may change in mid-run, when asked for: how long, how fast, and what for. Network, data and seed may not."""

HISTORY = "config_history.json"
CONSENT = "--continue-with-new-settings"


def settings_of(run: Path, file: Path | None, single: list[str], is_begun: bool,
                may_change: bool) -> tuple[TrainingConfig, dict[str, list]]:
    """The settings to train by, and what they change in a run that was begun: name -> [before, after].

    Args:
        run: folder of the run. Where it has settings already, those are changed; otherwise the preset ones.
        file: JSON with all or some fields, in place of those.
        single: `name=value`, after the file.
        is_begun: whether there is a checkpoint; where there is none, everything may still change.
        may_change: whether `CHANGEABLE` may differ from those of the checkpoint; `record` such a change.

    Raises InputError for fields that do not exist, values that do not fit, and changes that are not allowed.
    """
    before = _load(run / "config.json") if (run / "config.json").exists() else None
    if before is None and is_begun:
        raise InputError(f"{run.name} holds a checkpoint but no config.json: put it back, or choose a new folder for --run.")
    given = ({} if file is None else _read_file(file)) | dict(map(_single, single))
    config = _checked(asdict(before if is_begun and file is None else _preset(given.get("preset"))) | given)
    changed = _changes(before, config) if is_begun else {}
    if changed:
        _check_changes(run, changed, may_change)
    return config, changed


def record(run: Path, step: int, changed: dict[str, list]) -> None:
    """Add to the history of a run what changes after a step."""
    path = run / HISTORY
    history = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    with replacing(path) as file:
        file.write((json.dumps([*history, {"step": step, "changed": changed}], indent=1) + "\n").encode())


def _changes(before: TrainingConfig, now: TrainingConfig) -> dict[str, list]:
    old, new = asdict(before), asdict(now)
    return {name: [old[name], new[name]] for name in old if old[name] != new[name]}


def _check_changes(run: Path, changed: dict[str, list], may_change: bool) -> None:
    words = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changed.items())
    if forbidden := sorted(set(changed) - CHANGEABLE):
        raise InputError(f"{run.name} was begun with other settings ({words}), and {forbidden[0]} cannot change in a run: "
                         "choose a new folder for --run.")
    if not may_change:
        raise InputError(f"{run.name} was begun with other settings ({words}): add {CONSENT} to go on with the new ones, "
                         "or leave them out.")


def _load(path: Path) -> TrainingConfig:
    try:
        return load_config(path)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError(f"{path} cannot be read or was written by another version: start a new run.") from problem


def _preset(name: object) -> TrainingConfig:
    if name in TRAINED:
        return baseline_config(name)
    return TrainingConfig(**(PRESETS.get(name, {}) if isinstance(name, str) else {}))


def _read_file(path: Path) -> dict:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} cannot be read as JSON: give a file like the config.json of a run.") from problem
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no settings: give a file like the config.json of a run.")
    return values


def _single(text: str) -> tuple[str, object]:
    """`name=value`: numbers and objects as JSON, anything else as text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no setting: write name=value.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _checked(values: dict) -> TrainingConfig:
    """Every field exists, is of the preset value's type, and no count is below 1."""
    preset = asdict(TrainingConfig())
    names = [item.name for item in fields(TrainingConfig)]
    for name, value in values.items():
        if name not in names:
            raise InputError(f"There is no setting {name!r}: choose among {', '.join(names)}.")
        kind = type(preset[name])
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise InputError(f"The setting {name} takes a value like {preset[name]!r}, not {value!r}.")
        if name in ("steps", "batch", "crop", "warm_up", "validate_every", "threads") and value < 1:
            raise InputError(f"The setting {name} must be at least 1.")
    if values["loss"] not in LOSSES:
        raise InputError(f"There is no loss {values['loss']!r}: choose {' or '.join(LOSSES)}.")
    if values["precision"] not in PRECISIONS:
        raise InputError(f"There is no precision {values['precision']!r}: choose {', '.join(PRECISIONS)}.")
    if values["crop"] % 4:
        raise InputError("The setting crop must be a multiple of 4.")
    return TrainingConfig(**{name: float(value) if type(preset[name]) is float else value for name, value in values.items()})
