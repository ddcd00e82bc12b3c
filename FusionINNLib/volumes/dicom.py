"""Folders of DICOM files to volumes: which series and which stack, and its values. Classic and enhanced files, read with pydicom."""
# pydicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import ChoiceError, InputError, in_brief
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.dicom_agreement import check_no_mosaic, check_one_scan, notes_on
from FusionINNLib.volumes.dicom_frames import DicomFile, Frame, Trait, read_header
from FusionINNLib.volumes.dicom_pixels import stored_planes
from FusionINNLib.volumes.dicom_stacks import Stack, geometry, split
from FusionINNLib.volumes.volume import Identity, Volume, check_affine, check_shape

if TYPE_CHECKING:
    from pydicom import Dataset

_LISTED = 20
"""Choices that a sentence names; more are counted."""


@dataclass(frozen=True)
class Series:
    """Files of one series that hold pixels, and its stacks."""

    files: tuple[DicomFile, ...]
    stacks: tuple[Stack, ...]

    @property
    def name(self) -> str:
        """What the series is called; folders are often named after patients, so it is never the folder's name."""
        return self.files[0].description.replace("/", " ") or "DICOM series"


class ColorsError(InputError):
    """A stack in colour where one number a pixel was wanted; `read_scan` takes it."""

    def __init__(self, sentence: str, series: Series, stack: Stack):
        super().__init__(sentence)
        self.series, self.stack = series, stack

    def __reduce__(self) -> tuple[type[InputError], tuple[str]]:
        return InputError, (str(self),)  # to another process


def read_dicom(path: Path, series: str | None = None, stack: str | None = None, progress: Progress | None = None) -> Volume:
    """Read one stack of one series: of a folder, or of a file with several frames.

    The folder's own files count; where none of them is DICOM, those of the folders below it.

    Args:
        series: which one, where there are several: its place in the list that the refusal gives, or a part of its description.
        stack: which one, where its frames make several volumes: its place in the list, or a value that tells it (1000 for a b-value).

    Values are those of the real-world mapping or of the rescaling, slice by slice where it differs. `identity["files"]` are the files read.
    Raises InputError where nothing is found or several things could be meant, GeometryError where slices make no even, upright stack.
    """
    progress = progress or Progress()
    found = [one for one in find_series(path, progress) if not one.files[0].is_segmentation]
    if not found:
        raise InputError(f"{path.name}: this holds segmentations and no image; give it as the segmentation.")
    chosen = choose_series(found, series, path.name)
    check_no_mosaic((frame for one in chosen.stacks for frame in one.frames), chosen.name)
    return read_stack(chosen, _choose_stack(chosen, stack), progress)


def is_dicom(path: Path) -> bool:
    """Whether this is a DICOM file that holds a volume by itself: several frames, an enhanced one, a segmentation, or a picture in
    colour."""
    if not path.is_file() or path.stat().st_size < 132:
        return False
    file = read_header(path)
    return file is not None and (file.is_segmentation or file.is_enhanced or file.is_colored or len(file.frames) > 1)


def find_series(path: Path, progress: Progress) -> list[Series]:
    """All series in a folder, or of one file, in the order of their numbers. Raises InputError when there is none."""
    files: list[DicomFile] = []
    for paths in files_in(path):
        for n, file in enumerate(paths):
            progress.step("looking through files", n, len(paths))
            if (one := read_header(file)) is not None:
                files.append(one)
        if files:
            break
    else:
        raise InputError(f"{path.name}: this folder holds no DICOM series; give the folder that holds the slices themselves.")
    by_series: dict[str, dict[Hashable, DicomFile]] = {}
    for one in files:  # a second copy of a file says nothing new; some programs give all slices one UID, though
        first = one.frames[0]
        known = one.instance or str(one.path), first.instance, first.position, *first.traits.items()
        by_series.setdefault(one.series, {}).setdefault(known, one)
    groups = [tuple(group.values()) for group in by_series.values()]
    groups.sort(key=lambda group: (group[0].series_number is None, group[0].series_number or 0, group[0].description, group[0].series))
    return [Series(group, () if group[0].is_segmentation else tuple(split(frame for one in group for frame in one.frames)))
            for group in groups]


def read_stack(series: Series, stack: Stack, progress: Progress) -> Volume:
    """One stack as a volume. Integers stay as they are stored where all slices have one rescaling."""
    name, first = series.name, series.files[0]
    used = {frame.file for frame in stack.frames}
    if colored := next((one for one in series.files if one.path in used and one.is_colored), None):
        raise ColorsError(f"{name}: the pixels are colours ({colored.photometric}); give a series with one real number per pixel.", series,
                          stack)
    _, frames, affine, notes = chosen_frames(series, stack)
    planes = stored_planes(frames, lambda done: progress.step("reading slices", done, len(frames)))
    array, slope, intercept = _one_scale(planes, [(frame.slope, frame.intercept) for frame in frames])
    identity: Identity = {**first.tags, "files": tuple(sorted(used))}
    return Volume(array, affine, name, frames[0].unit, slope, intercept, identity, notes)


def chosen_frames(series: Series, stack: Stack) -> tuple[list[DicomFile], list[Frame], np.ndarray, tuple[str, ...]]:
    """(files, frames in the order of k, affine, notes) of a stack whose headers go together. Raises as `read_dicom` does."""
    used = {frame.file for frame in stack.frames}
    files = [one for one in series.files if one.path in used]
    check_no_mosaic(stack.frames, series.name)
    check_one_scan(files, stack.frames, series.name)
    frames, affine = geometry(stack, series.name)
    check_affine(affine, series.name)
    check_shape((len(frames), *frames[0].size), series.name)
    return files, frames, affine, notes_on(files, frames, float(np.linalg.norm(affine[:3, 2])))


def headers_of(files: Iterable[Path]) -> tuple[Dataset, ...]:
    """What DICOM files say without their pixels, for what is to refer to them. Raises InputError where one cannot be read."""
    import pydicom

    headers: list[Dataset] = []
    for file in files:
        try:
            headers.append(pydicom.dcmread(file, stop_before_pixels=True, force=True))
        except MemoryError:
            raise
        except Exception as error:  # gone, or whatever pydicom meets in a damaged file
            raise InputError(f"{file.name}: this DICOM file cannot be read ({in_brief(error)}); copy, export or import it "
                             "again.") from error
    return tuple(headers)


def files_in(path: Path) -> Iterator[list[Path]]:
    """Lists of files to look at, one after the other, until one holds DICOM: of the folder, then of those below it too."""
    if path.is_file():
        yield [path]
        return
    yield sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    yield sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def _one_scale(planes: list[np.ndarray], scales: list[tuple[float, float]]) -> tuple[np.ndarray, float, float]:
    """(array (k, j, i), slope, intercept): stored numbers where all slices have one rescaling, else values with 1 and 0.

    Values that are whole numbers stay integers; others are float32 where the stored numbers have at most 16 bits, else float64.
    """
    if len(set(scales)) == 1:
        return _compact(np.stack(planes)), *scales[0]
    narrow = all(plane.dtype.kind in "iu" and plane.dtype.itemsize <= 2 for plane in planes)
    if narrow and all(float(number).is_integer() and abs(number) < 2 ** 31 for scale in scales for number in scale):
        whole = [plane.astype(np.int64) * int(slope) + int(intercept) for plane, (slope, intercept) in zip(planes, scales)]
        return _compact(np.stack(whole)), 1.0, 0.0
    values = [plane.astype(np.float64) * slope + intercept for plane, (slope, intercept) in zip(planes, scales)]
    return np.stack([part.astype(np.float32 if narrow else np.float64) for part in values]), 1.0, 0.0


def _compact(array: np.ndarray) -> np.ndarray:
    """The same numbers in native order, integers in the narrowest type of at most 32 bits that is no wider than theirs and holds them."""
    if array.dtype.kind == "f" or array.dtype.itemsize <= 2:
        return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    low, high = int(array.min()), int(array.max())
    for dtype in (np.int16, np.uint16, np.int32, np.uint32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.ascontiguousarray(array, dtype)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


# ---- one of several --------------------------------------------------------------------------------------------------------------


def choose_series(found: list[Series], wanted: str | None, folder: str) -> Series:
    """The one that is wanted, or the only one. Raises InputError, which lists them, where that is none or several."""
    if wanted is None:
        if len(found) == 1:
            return found[0]
        raise ChoiceError(f"{folder}: this folder holds {len(found)} series ({_series_list(found)}); choose one with --series, or put it "
                          "into its own folder.", "series", tuple(map(describe, found)))
    hits = [found[int(wanted) - 1]] if wanted.isdecimal() and 1 <= int(wanted) <= len(found) else [
        one for one in found if wanted.lower() in one.files[0].description.lower()]
    if len(hits) != 1:
        fit = f"{len(hits)} series fit" if hits else "no series fits"
        raise InputError(f"{folder}: {fit} '{wanted}'; choose one of {_series_list(found)} by its place in this list or by description.")
    return hits[0]


def _series_list(found: list[Series]) -> str:
    return _list(f"{n}: {describe(one)}" for n, one in enumerate(found, 1))


def describe(series: Series) -> str:
    """A series in a few words: description, files, slices, size, b-values."""
    title = series.files[0].description or "unnamed"
    sizes = " or ".join(dict.fromkeys(stack.size for stack in series.stacks)) or "segmentation"
    values = sorted({b for stack in series.stacks for frame in stack.frames if isinstance(b := frame.traits.get("b-value"), float)})
    stacks = f", {len(series.stacks)} stacks" if len(series.stacks) > 1 else ""
    return f"{title}, {len(series.files)} files, {sizes}{stacks}" + (f", b = {_joined(values)}" if values and values != [0.0] else "")


def _choose_stack(series: Series, wanted: str | None) -> Stack:
    stacks = series.stacks
    if wanted is None:
        if len(stacks) == 1:
            return stacks[0]
        differ = ", ".join(dict.fromkeys(name for stack in stacks for name in stack.traits))
        raise ChoiceError(f"{series.name}: the series holds {len(stacks)} stacks of slices, which differ in {differ} "
                          f"({_stack_list(stacks)}); choose one with --stack.", "stack", _stacks_in_words(stacks))
    hits = [stack for stack in stacks if any(_said(value).lower() == wanted.lower() for value in stack.traits.values())]
    if len(hits) != 1 and wanted.isdecimal() and 1 <= int(wanted) <= len(stacks):
        hits = [stacks[int(wanted) - 1]]
    if len(hits) != 1:
        fit = f"{len(hits)} stacks fit" if hits else "no stack fits"
        raise InputError(f"{series.name}: {fit} '{wanted}'; choose one of {_stack_list(stacks)} by its place in this list or its value.")
    return hits[0]


def _stack_list(stacks: tuple[Stack, ...]) -> str:
    return _list(f"{n}: {words}" for n, words in enumerate(_stacks_in_words(stacks), 1))


def _stacks_in_words(stacks: tuple[Stack, ...]) -> tuple[str, ...]:
    traits = ([f"{name} {_said(value)}" for name, value in stack.traits.items()] for stack in stacks)
    return tuple(", ".join([*said, stack.size]) for said, stack in zip(traits, stacks))


def _said(value: Trait) -> str:
    if isinstance(value, tuple):
        return " ".join(f"{x:.3g}" for x in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _joined(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _list(choices: Iterable[str]) -> str:
    choices = list(choices)
    more = [f"and {len(choices) - _LISTED} more"] if len(choices) > _LISTED else []
    return "; ".join(choices[:_LISTED] + more)
