"""All cases of a cohort together: one table of their metrics, and one page with thumbnails on which outliers come first."""
import csv
import html
import io
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.atomic import replacing
from FusionINNLib.cohort.work import METRICS, STATE, THUMBNAIL
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.json_text import parsed
from FusionINNLib.results.recipe import NOTICE

TABLE, PAGE = "metrics.tsv", "metrics.html"
_SPREAD = 1.4826  # a normal distribution's standard deviation, of its median absolute deviation
_STYLE = ("body{font:14px sans-serif;margin:2em;color:#222}table{border-collapse:collapse}th,td{padding:4px 8px;text-align:right;"
          "border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}td.far{background:#fbe3d6}img{height:80px;"
          "background:#000;vertical-align:middle}")


@dataclass(frozen=True)
class Row:
    """A case with its metrics; far: by how many standard deviations each differs from the cohort's median, as robust statistics see it."""

    case: str
    folder: str
    metrics: dict[str, float]
    far: dict[str, float]

    @property
    def farthest(self) -> float:
        """Of all its metrics."""
        return max(map(abs, self.far.values()), default=0.0)


def summarise(out: Path) -> list[Row]:
    """Write the table and the page of a cohort; its rows, outliers first. Raises InputError where no case has metrics."""
    found = _read(out)
    if not found:
        raise InputError(f"{out} holds no cases with metrics: run the participant level first, without --no-metrics.")
    names = list(dict.fromkeys(name for _, _, metrics in found for name in metrics))
    spreads = {name: _spread([metrics[name] for _, _, metrics in found if name in metrics]) for name in names}
    rows = [Row(case, folder, metrics, {name: (value - spreads[name][0]) / spreads[name][1] for name, value in metrics.items()
                                        if spreads[name][1] > 0}) for case, folder, metrics in found]
    rows.sort(key=lambda row: (-row.farthest, row.case))
    for name, text in ((TABLE, _table(rows, names)), (PAGE, _page(out, rows, names))):
        with replacing(out / name) as file:
            file.write(text.encode())
    return rows


def _read(out: Path) -> list[tuple[str, str, dict[str, float]]]:
    found = []
    for path in sorted((out / STATE).glob("*.json")):
        try:
            record = parsed(path.read_text(encoding="utf-8"))
            case, folder = str(record["case"]), str(record["folder"])
            path = out / folder / METRICS
            if path.is_file():
                values = parsed(path.read_text(encoding="utf-8"))
                found.append((case, folder, {name: float(value) for name, value in values.items() if value is not None}))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise ResultError(f"{path} is damaged: remove it, and run the participant level again with --resume.") from problem
    return found


def _spread(values: list[float]) -> tuple[float, float]:
    """Median, and standard deviation as the median absolute deviation tells it."""
    middle = statistics.median(values)
    return middle, _SPREAD * statistics.median(abs(value - middle) for value in values)


def _table(rows: list[Row], names: list[str]) -> str:
    """By case, so that two tables can be compared."""
    text = io.StringIO()
    writer = csv.writer(text, dialect=csv.excel_tab, lineterminator="\n")
    writer.writerow(["case", *names, "farthest"])
    for row in sorted(rows, key=lambda row: row.case):
        writer.writerow([row.case, *[row.metrics.get(name, "n/a") for name in names], f"{row.farthest:.3g}"])
    return text.getvalue()


def _page(out: Path, rows: list[Row], names: list[str]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("case", "", *names))
    body = "\n".join(_line(out, row, names) for row in rows)
    return (f"<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{len(rows)} cases</title><style>{_STYLE}</style>\n"
            f"<h1>{len(rows)} cases</h1><p>{NOTICE} Those that differ most from the others come first; what differs by more than 3.5 "
            f"standard deviations (by the median absolute deviation) is marked.</p>\n<table><tr>{head}</tr>\n{body}\n</table></html>\n")


def _line(out: Path, row: Row, names: list[str]) -> str:
    folder = html.escape(row.folder, quote=True)
    case, picture = html.escape(row.case), ""
    if (out / row.folder / "report.png").is_file():
        case = f"<a href=\"{folder}/report.png\">{case}</a>"
    if (out / row.folder / THUMBNAIL).is_file():
        picture = f"<img loading=\"lazy\" alt=\"\" src=\"{folder}/{THUMBNAIL}\">"
    cells = "".join(f"<td{' class=far' if abs(row.far.get(name, 0)) > 3.5 else ''}>{_number(row.metrics.get(name, math.nan))}</td>"
                    for name in names)
    return f"<tr><td>{case}</td><td>{picture}</td>{cells}</tr>"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"
