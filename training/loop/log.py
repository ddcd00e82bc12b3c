"""RUN/log.csv: a line a validation. What a run that was ended left half-written, or logged and did not come to save, does not stay."""
import csv
from collections.abc import Iterator
from pathlib import Path

from FusionINNLib.atomic import replacing


def append(path: Path, row: dict[str, float]) -> None:
    """One more line; the first one below the names."""
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if fresh:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" for name, value in row.items()})


def cut(path: Path, step: int) -> None:
    """Keep the whole lines up to a step: from there the run goes on, and logs again what came after. Raises OSError."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        lines = file.readlines()
    kept = list(_up_to(lines, step))
    if not kept:
        path.unlink()
    elif kept != lines:
        with replacing(path) as file:
            file.write("".join(kept).encode())


def _up_to(lines: list[str], step: int) -> Iterator[str]:
    """The names and the lines of them all, as far as they are whole."""
    names = next(csv.reader(lines[:1]), [])
    if "step" not in names or not lines[0].endswith("\n"):
        return
    yield lines[0]
    for line in lines[1:]:
        cells = next(csv.reader([line]), [])
        if len(cells) == len(names) and line.endswith("\n") and _number(cells[names.index("step")]) <= step:
            yield line


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")
