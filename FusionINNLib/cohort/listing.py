"""Pairs of volumes in plain folders, by a pattern with {case} in it, or in a table (CSV)."""
import csv
import re
from pathlib import Path

from FusionINNLib.cohort.case import Case
from FusionINNLib.errors import InputError

PLACE = "{case}"
RESERVED = ("cohort.json", "metrics.tsv", "metrics.html", ".fusioninn")
"""Files of the cohort itself beside the folders of its cases."""


def find_by_pattern(folder: Path, first: str, second: str, segmentation: str | None = None) -> tuple[list[Case], list[str]]:
    """Cases whose files are named alike, and those (named) that have only one of the two.

    Args:
        first, second, segmentation: such as "{case}/t1ce.nii.gz" or "*/{case}_flair.nii*"; {case} is the same in all of them.

    Raises InputError where nothing is found or a pattern finds two files for a case.
    """
    one, two = _matches(folder, first), _matches(folder, second)
    outlines = _matches(folder, segmentation) if segmentation else {}
    names = sorted(one.keys() & two.keys())
    if not names:
        raise InputError(f"{folder} holds no case with both {first} and {second}: check the patterns.")
    cases = [_case(name, one[name], two[name], outlines.get(name)) for name in names]
    _check_folders(cases)
    return cases, sorted(one.keys() ^ two.keys())


def read_table(path: Path) -> list[Case]:
    """Cases from a CSV file with the columns case, first, second and, if wanted, segmentation; paths start at the file's folder.

    Raises InputError for a table that cannot be read, lacks a column or a file, or names a case twice.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, dialect=csv.excel_tab if path.suffix.lower() == ".tsv" else csv.excel))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read as a table ({problem}): save it as CSV in UTF-8.") from problem
    cases: dict[str, Case] = {}
    for number, row in enumerate(rows, 2):
        name, first, second = ((row.get(column) or "").strip() for column in ("case", "first", "second"))
        if not (name and first and second):
            raise InputError(f"{path}, line {number}: the columns case, first and second have to be filled in.")
        if name in cases:
            raise InputError(f"{path}, line {number}: case {name!r} is there twice; give each case a name of its own.")
        segmentation = (row.get("segmentation") or "").strip()
        cases[name] = _case(name, path.parent / first, path.parent / second, path.parent / segmentation if segmentation else None)
    if not cases:
        raise InputError(f"{path} lists no case: give a line for each, below the line case,first,second.")
    _check_folders(list(cases.values()))
    return list(cases.values())


def _check_folders(cases: list[Case]) -> None:
    """Raise InputError where the results of two cases would go to one folder, or to the place of a file of the cohort."""
    names: dict[str, str] = {}
    for case in cases:
        if case.folder in names:
            raise InputError(f"The cases {names[case.folder]!r} and {case.name!r} would both have their results in {case.folder}: give "
                             "them names that differ in letters or digits.")
        if case.folder in RESERVED:
            raise InputError(f"A case cannot be called {case.name!r}, as a file of the cohort is: give it another name.")
        names[case.folder] = case.name


def _case(name: str, first: Path, second: Path, segmentation: Path | None) -> Case:
    folder = re.sub(r"[^\w.=+-]", "_", name)
    if not folder.strip("._"):
        raise InputError(f"A case cannot be called {name!r}: give it a name of letters and digits.")
    return Case(name, first, second, segmentation, folder)


def _matches(folder: Path, pattern: str) -> dict[str, Path]:
    """Case -> file. {case} stands for letters within one name of a file or folder."""
    if pattern.count(PLACE) < 1:
        raise InputError(f"The pattern {pattern!r} does not say where the case is named: put {PLACE} there.")
    parts = re.split(r"(\{case\}|\*|\?)", pattern)
    words = {PLACE: r"(?P<case>[^/]+)", "*": "[^/]*", "?": "[^/]"}
    expression, seen = "", False
    for part in parts:
        expression += r"(?P=case)" if part == PLACE and seen else words.get(part, re.escape(part))
        seen = seen or part == PLACE
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(pattern.replace(PLACE, "*"))):
        match = re.fullmatch(expression, path.relative_to(folder).as_posix())
        if match is None:
            continue
        if match["case"] in found:
            raise InputError(f"The pattern {pattern!r} finds {found[match['case']]} and {path}: make it fit one of them.")
        found[match["case"]] = path
    return found
