"""Do two volumes say, by tags or names, that they come from different patients or dates? A warning, never a proof of the contrary."""
from __future__ import annotations

import re
from typing import Literal

from FusionINNLib.volumes.volume import Identity, Volume

_CONTRASTS = re.compile(r"^(t1|t2|t1w|t2w|t1ce|t1c|t1n|t2f|t1gd|t1post|flair|adc|dwi|trace|b\d+|seg|mask|label\w*|lesions?|brain|bet|"
                        r"reg\w*|resampled|norm\w*|pre|post|gd|swi|pd)$")

# Each pattern has one group: what identifies the patient. Bare numbers are left out on purpose: they are series numbers as often.
_PATIENT_PATTERNS = {
    "BIDS": re.compile(r"(?:^|[_\-. ])sub-([a-z0-9]+)"),
    "BraTS": re.compile(r"(?:^|[_\-. ])(brats(?:\d|-|_)\w*(?:-\w+)*)"),
    "TCGA": re.compile(r"(?:^|[_\-. ])tcga[_-]([a-z0-9]{2}[_-][a-z0-9]{4})(?![a-z0-9])"),
    "study": re.compile(r"(?:^|[_. ])((?:[a-z]{2,}-)+\d{3,}(?:-\d+)*)"),
    "number": re.compile(r"(?:^|[_\-. ])(?:subject|subj|patient|pat|pt|case|proband)[_\- ]?(\d+)(?!\d)"),
}
_SESSION = re.compile(r"(?:^|[_\-. ])ses-([a-z0-9]+)")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?:\d{6})?(?!\d)")
_Tag = Literal["patient_id", "patient_name", "study_date", "study_uid"]
_EXAMINATIONS: tuple[tuple[_Tag, str], ...] = (("study_date", "dates"), ("study_uid", "studies"))


def patients_differ(a: Volume, b: Volume) -> str | None:
    """A sentence when tags or names say different patients or dates; None when nothing says so.

    Evidence is the DICOM tags, then the file name, then the three folders above it. The sentence quotes none of them, as it may be stored.
    """
    return other_patient(a, b) or _other_examination(a, b)


def other_patient(a: Volume, b: Volume) -> str | None:
    """As `patients_differ`, of patients alone: two examinations of one patient are not told."""
    one, other = a.identity, b.identity
    by_name = not (one.get("patient_id") and other.get("patient_id")) and _tags_differ(one, other, "patient_name")
    if _tags_differ(one, other, "patient_id") or by_name:
        return "The DICOM tags say that the two volumes come from different patients; check that you chose the right ones."
    for pattern in _PATIENT_PATTERNS.values():
        first, second = _first_match(pattern, names_of(a)), _first_match(pattern, names_of(b))
        if first and second and _conflict(first[1], second[1]):
            return (f"The {_where(first, second)} say that the two volumes come from different patients; "
                    "check that you chose the right ones.")
    return None


def _other_examination(a: Volume, b: Volume) -> str | None:
    for key, what in _EXAMINATIONS:
        if _tags_differ(a.identity, b.identity, key):
            return f"The DICOM tags say that the two volumes come from different {what}; check that you chose the right ones."
    return _names_differ(names_of(a), names_of(b))


def _tags_differ(a: Identity, b: Identity, key: _Tag) -> bool:
    one, other = a.get(key), b.get(key)
    return bool(one) and bool(other) and one.strip().lower() != other.strip().lower()


def names_of(volume: Volume) -> list[str]:
    """File name first, then the folders from the innermost outwards; lower case."""
    return [name.lower() for name in (volume.identity.get("file", volume.name), *volume.identity.get("folders", ()))]


def _names_differ(a: list[str], b: list[str]) -> str | None:
    first, second = _first_match(_SESSION, a), _first_match(_SESSION, b)
    if first and second and first[1] != second[1]:
        return f"The {_where(first, second)} say that the two volumes come from different sessions; check that you chose the right ones."
    first, second = _first_dates(a), _first_dates(b)
    if first and second and not first[1] & second[1]:
        return f"The {_where(first, second)} say that the two volumes come from different dates; check that you chose the right ones."
    return None


def _first_match(pattern: re.Pattern[str], names: list[str]) -> tuple[int, str] | None:
    """(how far up, what identifies) from the innermost name that has it."""
    for level, name in enumerate(names):
        found = pattern.search(_without_ending(name))
        if found:
            return level, found.group(1)
    return None


def _first_dates(names: list[str]) -> tuple[int, set[str]] | None:
    for level, name in enumerate(names):
        dates = {"".join(found.group(1, 3, 4)) for found in _DATE.finditer(name)}
        if dates:
            return level, dates
    return None


def _conflict(first: str, second: str) -> bool:
    """Whether two identifiers disagree in a part that both have; from the first name of a contrast on, nothing counts."""
    return any(x != y for x, y in zip(_identifying(first), _identifying(second)))


def _identifying(text: str) -> list[str]:
    parts: list[str] = []
    for part in re.split(r"[_\-. ]+", text):
        if _CONTRASTS.match(part):
            break
        parts.append(part.lstrip("0") or part if part.isdigit() else part)
    return parts


def _where(first: tuple[int, object], second: tuple[int, object]) -> str:
    return "file names" if first[0] == second[0] == 0 else "file and folder names"


def _without_ending(name: str) -> str:
    return re.sub(r"(\.nii)?(\.gz|\.nii|\.nrrd|\.nhdr|\.mha|\.mhd)$", "", name)
