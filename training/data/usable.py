"""Which prepared cases can be read, before hours are spent on them: the others are named and left out of the split."""
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from training.data.prepare import PreparedCase, load
from training.data.splits import PARTS, read_splits


def usable_split(prepared: Path, splits: Path, out: Path, report: Callable[[str], None]) -> tuple[Path, dict[str, str]]:
    """The split to train by, and the cases that were left out, SET/CASE -> reason.

    Where all can be read it is `splits` itself; else a split without the others, written to `out`. Raises InputError for a file that is
    no split.
    """
    table, skipped = read_splits(splits), {}
    for name, parts in table.items():
        for part in PARTS:
            for case in parts[part]:
                if reason := _unusable(prepared / name / f"{case}.npz"):
                    skipped[f"{name}/{case}"] = reason
                    report(f"{name}/{case}: skipped ({reason})")
    if not skipped:
        return splits, {}
    left = {name: {part: [case for case in parts[part] if f"{name}/{case}" not in skipped] for part in PARTS}
            for name, parts in table.items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(left, indent=1) + "\n", encoding="utf-8")
    return out, skipped


def _unusable(path: Path) -> str | None:
    """Why a prepared case cannot be used, None where it can."""
    try:
        case = load(path)
    except FileNotFoundError:
        return "was not prepared: run 'python -m training prepare' again"
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return "the prepared file is damaged: remove it and run 'python -m training prepare' again"
    return None if _is_whole(case) else "the prepared file does not fit together: remove it and run 'python -m training prepare' again"


def _is_whole(case: PreparedCase) -> bool:
    return case.contrasts.ndim == 4 and case.contrasts.shape[1:] == case.labels.shape and len(case.names) == len(case.contrasts)
