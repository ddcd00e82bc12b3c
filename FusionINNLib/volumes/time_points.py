"""Which of two volumes is the earlier one and which contrast a volume has, by tags and names. Where nothing tells, nothing is said."""
from __future__ import annotations

import re
from collections.abc import Callable

from FusionINNLib.volumes.identity import names_of
from FusionINNLib.volumes.volume import Volume

_Rank = Callable[[str], "tuple[int, ...] | None"]
_ALONE = r"(?<![a-z]){}(?![a-z])"
_SURGERY = r"(?:op|operative|operation|surg|surgery|surgical|treat|treatment|rt|radiotherapy)"
_BEFORE = re.compile(_ALONE.format(rf"(?:pre[-_ ]?{_SURGERY}|baseline|initial)"))
_AFTER = re.compile(_ALONE.format(rf"(?:post[-_ ]?{_SURGERY}|follow[-_ ]?up|fu)") + r"[-_ ]?(\d*)")
# One kind of count is compared with the same kind alone. LUMIERE's week-000-1 and week-000-2 are two.
_COUNTED = [re.compile(_ALONE.format(words) + r"[-_ ]?(\d+)(?:-(\d+))?(?!\d)") for words in (
    "(?:time[-_ ]?point|timepoint|tp)", "ses", "visit", "week", "month", "day", "year")]
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?:\d{6})?(?!\d)")
_CONTRASTS = {
    "ADC": r"(?:e?adc|apparent[ _]diffusion\w*)", "FLAIR": r"(?:(?:t2[ _-]?)?flair|t2f|tirm|dark[ _-]?fluid)",
    "T1Gd": r"(?:t1[ _-]?(?:w[ _-]?)?(?:ce|c|gd|gad\w*|post\w*|km|\+c)|ce[ _-]?t1w?|(?:post[ _-]?)?contrast\w*|post[ _-]?gad\w*)",
    "T1": r"t1(?:w|n)?", "T2": r"t2(?:w)?"}
_PATTERNS = {name: re.compile(_ALONE.format(words)) for name, words in _CONTRASTS.items()}


def contrast_of(name: str) -> str | None:
    """ADC, FLAIR, T1Gd, T1 or T2, as the name of a volume has it; None where it does not tell. "post" of "post-op" is no contrast agent."""
    plain = _AFTER.sub(" ", _BEFORE.sub(" ", name.lower()))
    return next((contrast for contrast, pattern in _PATTERNS.items() if pattern.search(plain)), None)


def is_earlier(a: Volume, b: Volume) -> bool | None:
    """Whether `a` was acquired before `b`: True, False, or None where nothing tells or they are of one time.

    Evidence, the first that both have: study dates of the DICOM tags; names of file and folders that say before or after an operation,
    count time points, sessions, weeks ..., or hold dates. A name that says "after the operation" beside one that says nothing is later.
    """
    dates = [str(volume.identity.get("study_date") or "") for volume in (a, b)]
    if all(dates) and dates[0] != dates[1]:
        return dates[0] < dates[1]
    for rank in (_operation, *(_count(pattern) for pattern in _COUNTED), _dates):
        first, second = (_first(rank, names_of(volume)) for volume in (a, b))
        if rank is _operation and (first or second):
            first, second = first or (1,), second or (1,)
        if first and second and first != second:
            return first < second
    return None


def _operation(name: str) -> tuple[int, ...] | None:
    """Before an operation 0, after it 2 and more; what says neither is taken for 1 beside one that does."""
    if _BEFORE.search(name):
        return (0,)
    found = _AFTER.search(name)
    return (2, int(found.group(1) or 0)) if found else None


def _count(pattern: re.Pattern[str]) -> _Rank:
    def rank(name: str) -> tuple[int, ...] | None:
        found = pattern.search(name)
        return tuple(int(part) for part in found.groups() if part) if found else None

    return rank


def _dates(name: str) -> tuple[int, ...] | None:
    found = _DATE.search(name)
    return tuple(int(part) for part in found.groups()) if found else None


def _first(rank: _Rank, names: list[str]) -> tuple[int, ...] | None:
    """The innermost name that tells."""
    return next((found for found in map(rank, names) if found is not None), None)
