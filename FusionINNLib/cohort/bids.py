"""Pairs of volumes in a BIDS data set, read with ancpbids, and the names that their results have there."""
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.cohort.case import Case
from FusionINNLib.errors import InputError

NONE = "none"
_ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Wanted:
    """A contrast: suffix and entities, as in "T1w:ce-gd,acq-3d"; a label "none" stands for files without that entity."""

    suffix: str
    entities: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """Raises InputError for what is not of that form."""
        suffix, _, rest = text.partition(":")
        pairs = [part.split("-", 1) for part in rest.split(",") if part]
        if not suffix.isalnum() or any(len(pair) != 2 or not all(word.isalnum() for word in pair) for pair in pairs):
            raise InputError(f"{text!r} names no contrast: give a suffix and, where needed, entities, such as T1w:ce-gd or FLAIR.")
        return cls(suffix, tuple((key, label) for key, label in pairs))

    def fits(self, suffix: str, entities: dict[str, str]) -> bool:
        """Whether a file of this suffix with these entities is meant."""
        return suffix == self.suffix and all(entities.get(key, NONE) == label for key, label in self.entities)


def is_bids(folder: Path) -> bool:
    """Whether a folder says that it is a BIDS data set."""
    return (folder / "dataset_description.json").is_file()


def find_cases(dataset: Path, first: Wanted, second: Wanted, segmentation: Wanted | None = None, subjects: tuple[str, ...] = (),
               sessions: tuple[str, ...] = ()) -> tuple[list[Case], list[str]]:
    """All subjects and sessions that have both contrasts, and those (named) that have only one.

    Raises InputError where there is no such pair, where several files could be meant, and for subjects that are not there.
    """
    groups: dict[tuple[str, str], list[_File]] = {}
    for file in _files(dataset):
        groups.setdefault((file.entities["sub"], file.entities.get("ses", "")), []).append(file)
    if missing := sorted(set(subjects) - {sub for sub, _ in groups}):
        raise InputError(f"{dataset} holds no volumes of subject {missing[0]!r}: check the label.")
    cases: list[Case] = []
    incomplete: list[str] = []
    for (sub, ses), files in sorted(groups.items()):
        if (subjects and sub not in subjects) or (sessions and ses not in sessions):
            continue
        one, other = (_one(files, wanted, dataset) for wanted in (first, second))
        outlines = _one(files, segmentation, dataset) if segmentation else None
        if one is not None and other is not None:
            cases.append(_case(dataset, sub, ses, one, other, outlines))
        elif one is not None or other is not None:
            incomplete.append(_stem(sub, ses))
    if not cases:
        raise InputError(f"{dataset} holds no pair of {_said(first)} and {_said(second)}: check the suffixes and entities.")
    return cases, incomplete


@dataclass(frozen=True)
class _File:
    path: Path
    suffix: str
    entities: dict[str, str]


def _files(dataset: Path) -> list[_File]:
    from ancpbids.pybids_compat import BIDSLayout

    try:
        layout = BIDSLayout(str(dataset))
        names = layout.get(return_type="filename", extension=list(_ENDINGS), scope="raw")
    except (OSError, ValueError, KeyError) as problem:
        raise InputError(f"{dataset} cannot be read as a BIDS data set ({problem}): check it with the BIDS validator.") from problem
    found: list[_File] = []
    for name in names:
        path = Path(str(name))
        stem = path.name.removesuffix(".gz").removesuffix(".nii")
        *pairs, suffix = stem.split("_")
        entities = dict(pair.split("-", 1) for pair in pairs if "-" in pair)
        if "sub" in entities:
            found.append(_File(path, suffix, entities))
    return sorted(found, key=lambda file: str(file.path))


def _one(files: list[_File], wanted: Wanted, dataset: Path) -> _File | None:
    fitting = [file for file in files if wanted.fits(file.suffix, file.entities)]
    if len(fitting) > 1:
        extra = sorted({key for file in fitting for key in file.entities} - {"sub", "ses"} - {key for key, _ in wanted.entities})
        remedy = f"say which one ({wanted.suffix}:{extra[0]}-<label>, or {extra[0]}-{NONE})" if extra else "keep one of them"
        raise InputError(f"{_said(wanted)} fits {fitting[0].path.name} and {fitting[1].path.name}: {remedy}.")
    return fitting[0] if fitting else None


def _said(wanted: Wanted) -> str:
    return ":".join([wanted.suffix, *([",".join(f"{key}-{label}" for key, label in wanted.entities)] if wanted.entities else [])])


def _stem(sub: str, ses: str) -> str:
    return f"sub-{sub}" + (f"_ses-{ses}" if ses else "")


def _case(dataset: Path, sub: str, ses: str, first: _File, second: _File, outlines: _File | None) -> Case:
    stem = _stem(sub, ses)
    one, two = _derived(first), _derived(second)
    names = {"fused": two("fused"), "latent": two("latent"), "first_exact": one("exact"), "second_exact": two("exact"),
             "first_estimated": one("estimated"), "second_estimated": two("estimated"), "first_spread": one("spread"),
             "second_spread": two("spread"), "cycle_error": two("cycleerror"),
             "fused_color": two("fusedcolor"), "chroma": two("chroma"), "first_exact_color": one("exactcolor"),
             "second_exact_color": two("exactcolor"), "first_estimated_color": one("estimatedcolor"),
             "second_estimated_color": two("estimatedcolor")}
    sources = tuple(file.path.relative_to(dataset).as_posix() for file in (first, second))
    return Case(stem, first.path, second.path, outlines.path if outlines else None, "/".join([*stem.split("_"), "anat"]),
                tuple((f"{own}.nii.gz", f"{name}.nii.gz") for own, name in names.items()), sources)


def _derived(file: _File):
    """A function that names what is made of a file: its entities, a description, its suffix."""
    entities = {key: label for key, label in file.entities.items() if key not in ("desc", "space")}

    def name(desc: str) -> str:
        return "_".join([*(f"{key}-{label}" for key, label in entities.items()), f"desc-{desc}", file.suffix])

    return name
