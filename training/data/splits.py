"""The file that says who is trained on and who is validated on: JSON, set -> part (`train`, `val`) -> case names."""
import json
from pathlib import Path

from FusionINNLib.errors import InputError

PARTS = ("train", "val")


def read_splits(path: Path) -> dict[str, dict[str, list[str]]]:
    """Raises InputError for a file that is missing or no split, and where a case is on both sides: its result would mean nothing."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror}): give the JSON file with the split.") from problem
    except ValueError as problem:
        raise InputError(f"{path} is not JSON: give a file of the form {{\"set\": {{\"train\": [names], \"val\": [names]}}}}.") from problem
    if not isinstance(table, dict) or not table or not all(_is_split(parts) for parts in table.values()):
        raise InputError(f"{path} is not a split: give a file of the form {{\"set\": {{\"train\": [names], \"val\": [names]}}}}.")
    for name, parts in table.items():
        if both := sorted(set(parts["train"]) & set(parts["val"])):
            raise InputError(f"{path} puts {both[0]} of {name} on both sides: each patient belongs to 'train' or to 'val'.")
    return table


def _is_split(parts: object) -> bool:
    return isinstance(parts, dict) and all(isinstance(parts.get(part), list) and all(isinstance(name, str) for name in parts[part])
                                           for part in PARTS)
