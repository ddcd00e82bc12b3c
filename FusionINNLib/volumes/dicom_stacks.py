"""Frames to stacks: which of them make one volume, in which order, and whether they lie on an even grid with right angles.

Slices are ordered by their positions along the normal of their planes, whatever files and numbers say. Positions are LPS in mm.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.volumes.dicom_frames import Frame, Trait
from FusionINNLib.volumes.dicom_places import (
    PARALLEL,
    SAME_EDGE,
    SAME_PLACE_MM,
    alike_places,
    directions,
    edges_of,
    size_of,
    upright_step,
    where,
)
from FusionINNLib.volumes.itk import LPS_TO_RAS

UNEVEN_TOLERANCE = 0.05
"""Largest deviation of a slice from its place in an even stack, as a fraction of the slice distance."""
_Key = tuple[Trait | None, ...]
"""The number of a plane, then a value of each trait that tells frames apart."""
_Any = TypeVar("_Any", bound=Hashable)
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Stack:
    """Frames that make one volume, in no order yet. traits: what tells it from the other stacks of its series, name -> value."""

    frames: tuple[Frame, ...]
    traits: dict[str, Trait]

    @property
    def size(self) -> str:
        """Columns, rows and slices, such as "256 x 256 x 30"; columns and rows as the first frame has them."""
        rows, columns = self.frames[0].size
        return f"{columns} x {rows} x {len(self.frames)}"


def split(frames: Iterable[Frame]) -> list[Stack]:
    """The stacks of a series: one where every frame has a place of its own in parallel planes, else as the files tell frames apart.

    Where what they say differs from slice to slice too (trigger times), the n-th frame of each place is taken to belong to the n-th stack.
    A frame without a position is no reason to split. Raises InputError where some places hold more frames than others.
    """
    frames = list(frames)
    keys: list[_Key] = [(plane,) for plane in _planes(frames)]
    names: list[str] = []
    if _doubled(frames, keys):
        names, keys = _told_apart(frames, keys)
    names, keys = _by_contrast(frames, names, keys)
    traits = _traits_of(frames, keys, names)
    stacks = [Stack(tuple(group), traits[key]) for key, group in _grouped(frames, keys).items()]
    return sorted(stacks, key=lambda stack: [_sortable(value) for value in stack.traits.values()])


def geometry(stack: Stack, name: str) -> tuple[list[Frame], np.ndarray]:
    """Frames in the order of k, and the affine IJK-to-RAS in mm. Raises GeometryError, InputError where they are no even, upright stack."""
    frames = list(stack.frames)
    places = alike_places(frames, name)
    row, column = directions(frames[0], places[0], name)
    normal = np.cross(row, column)
    positions = np.array([place.position for place in places])
    order: list[int] = np.argsort(positions @ normal, kind="stable").tolist()
    frames, positions = [frames[n] for n in order], positions[order]
    step = _step(frames, positions, normal, min(places[0].spacing), name)
    between_rows, between_columns = places[order[0]].spacing
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = row * between_columns, column * between_rows, step, positions[0]
    return frames, LPS_TO_RAS @ lps


# ---- which belong together -------------------------------------------------------------------------------------------------------


def _planes(frames: list[Frame]) -> list[int]:
    """For each frame the number of the first one that has its size, its edges and its orientation, by and large."""
    kinds: list[Frame] = []
    numbers: list[int] = []
    for frame in frames:
        number = next((n for n, kind in enumerate(kinds) if _alike(frame, kind)), len(kinds))
        if number == len(kinds):
            kinds.append(frame)
        numbers.append(number)
    return numbers


def _alike(one: Frame, other: Frame) -> bool:
    def near(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
        return a is None or b is None or bool(np.abs(np.subtract(a, b)).max() <= tolerance)

    return (one.size == other.size and near(one.orientation, other.orientation, 10 * PARALLEL)
            and near(one.spacing, other.spacing, 10 * SAME_EDGE * max(one.spacing or (1.0,))))


def _grouped(items: list[_Item], keys: list[_Any]) -> dict[_Any, list[_Item]]:
    groups: dict[_Any, list[_Item]] = {}
    for key, one in zip(keys, items):
        groups.setdefault(key, []).append(one)
    return groups


def _doubled(frames: list[Frame], keys: list[_Key]) -> list[list[Frame]]:
    """Frames that share a key and a place with others."""
    places = [(key, _place(frame)) for key, frame in zip(keys, frames)]
    return [group for (_, place), group in _grouped(frames, places).items() if place is not None and len(group) > 1]


def _place(frame: Frame) -> tuple[int, ...] | None:
    return None if frame.position is None else tuple(round(x / SAME_PLACE_MM) for x in frame.position)


def _told_apart(frames: list[Frame], keys: list[_Key]) -> tuple[list[str], list[_Key]]:
    """Names of the traits that give each frame a place of its own in its stack, and the frames' new keys."""
    doubled = _doubled(frames, keys)
    most = max(len(group) for group in doubled) * len(set(keys))
    chosen: list[str] = []
    for name in dict.fromkeys(name for group in doubled for frame in group for name in frame.traits):
        if any(len({frame.traits.get(name) for frame in group}) > 1 for group in _doubled(frames, keys)):
            longer = [(*key, frame.traits.get(name)) for key, frame in zip(keys, frames)]
            if len(set(longer)) <= most:  # more would mean that it differs from slice to slice as well
                chosen, keys = [*chosen, name], longer
    left = _doubled(frames, keys)
    if not left:
        return chosen, keys
    at_places = _grouped(frames, [(key, _place(frame)) for key, frame in zip(keys, frames)])
    counts = {(key, len(group)) for (key, _), group in at_places.items()}
    if len(counts) > len(set(keys)):  # images without diffusion may be more, or fewer, than those of each direction
        names = " and ".join(where(frame) for frame in left[0][:2])
        raise InputError(f"{names} are several frames at the same position, and nothing says which belong together; export the series you "
                         "want alone.")
    seen: dict[tuple[_Key, tuple[int, ...] | None], int] = {}
    longer = list(keys)
    for n in sorted(range(len(frames)), key=lambda n: (frames[n].instance, frames[n].number)):
        place = keys[n], _place(frames[n])
        seen[place] = seen.get(place, 0) + 1
        longer[n] = (*keys[n], float(seen[place]))
    return [*chosen, "volume"], longer


def _by_contrast(frames: list[Frame], names: list[str], keys: list[_Key]) -> tuple[list[str], list[_Key]]:
    """Names and keys with what makes another image of slices that lie beside each other, too: b-value, echo time, phase for magnitude."""
    for name, value_of, share, more in _CONTRASTS:
        values = [value_of(frame) for frame in frames]
        kinds: dict[Trait, Trait] = {}
        for value in sorted({value for value in values if value is not None}, key=_sortable):
            last = next(reversed(kinds.values()), None)
            is_near = isinstance(last, float) and isinstance(value, float) and value <= last * (1 + share) + more
            kinds[value] = last if is_near and last is not None else value
        told = [None if value is None else kinds[value] for value in values]
        if name not in names and any(len(set(group)) > 1 for group in _grouped(told, keys).values()):
            if None not in told:
                names, keys = [*names, name], [(*key, value) for key, value in zip(keys, told)]
    return names, keys


def _component(frame: Frame) -> Trait | None:
    """M, P and the like: the third word of the image's type."""
    words = str(frame.traits.get("kind", "")).split("/")
    return words[2] if len(words) > 2 else None


_CONTRASTS: tuple[tuple[str, Callable[[Frame], Trait | None], float, float], ...] = (
    ("b-value", lambda frame: frame.traits.get("b-value"), 0.05, 5.0),
    ("echo time", lambda frame: frame.traits.get("echo time"), 0.05, 0.1), ("component", _component, 0.0, 0.0))
"""Name, value, and up to which share of it and how much more two values are one: scanners write what they reached."""


def _traits_of(frames: list[Frame], keys: list[_Key], names: list[str]) -> dict[_Key, dict[str, Trait]]:
    """For each key what tells its stack from the others."""
    planes = {key[0]: frame for key, frame in zip(keys, frames)}
    told: dict[Trait | None, dict[str, Trait]] = {plane: {} for plane in planes}
    sayings: tuple[tuple[str, Callable[[Frame], str]], ...] = (
        ("orientation", lambda frame: _anatomical(frame, frames[0])), ("pixels", size_of), ("pixel spacing", edges_of))
    for what, say in sayings:
        said = {plane: say(frame) for plane, frame in planes.items()}
        if len(set(said.values())) > 1:
            for plane in planes:
                told[plane][what] = said[plane]
    return {key: {**told[key[0]], **{name: value for name, value in zip(names, key[1:]) if value is not None}} for key in set(keys)}


def _sortable(value: Trait) -> tuple[int, float, str]:
    return (0, value, "") if isinstance(value, float) else (1, 0.0, str(value))


def _anatomical(frame: Frame, other: Frame) -> str:
    """The plane nearest to that of a frame, and by how much it is turned against one that is called the same."""
    if frame.orientation is None or other.orientation is None:
        return "not said"
    normals = [np.cross(one[:3], one[3:]) for one in (frame.orientation, other.orientation)]
    nearest = [("sagittal", "coronal", "axial")[int(np.abs(normal).argmax())] for normal in normals]
    turned = np.subtract(frame.orientation, other.orientation).reshape(2, 3)
    degrees = np.degrees(2 * np.arcsin(min(1.0, float(np.linalg.norm(turned, axis=1).max()) / 2)))
    return nearest[0] + (f" turned by {degrees:.2g} degrees" if nearest[0] == nearest[1] and degrees > 0.1 else "")


# ---- where they lie --------------------------------------------------------------------------------------------------------------


def _step(frames: list[Frame], positions: np.ndarray, normal: np.ndarray, edge: float, name: str) -> np.ndarray:
    """(3,) LPS mm from one slice to the next. edge: see `upright_step`."""
    if len(frames) == 1:
        if frames[0].depth is None:
            raise GeometryError(f"{name}: this is one slice that doesn't say how thick it is (no spacing, no thickness); export it again.")
        return normal * frames[0].depth
    steps = np.diff(positions @ normal)
    usual = float(np.median(steps))
    if steps.min() < SAME_PLACE_MM:
        at = int(steps.argmin())
        raise InputError(f"{name}: several frames share one position ({where(frames[at])} and {where(frames[at + 1])}); export the one you "
                         "want as its own series.")
    uneven = np.flatnonzero(np.abs(steps - usual) > UNEVEN_TOLERANCE * usual)
    if uneven.size:
        at = int(uneven[0])
        gap = f"between {where(frames[at])} and {where(frames[at + 1])} lie {steps[at]:.4g} mm instead of {usual:.4g} mm"
        kind = "slices are missing" if steps[at] > 1.5 * usual else "the slice spacing is uneven"
        raise GeometryError(f"{name}: {kind} ({gap}); export the complete series, or resample it onto an even grid.")
    step = (positions[-1] - positions[0]) / (len(frames) - 1)
    even = positions[0] + np.arange(len(frames))[:, None] * step
    off = np.linalg.norm(positions - even, axis=1)
    if off.max() > UNEVEN_TOLERANCE * usual:
        raise GeometryError(f"{name}: the slices are shifted within their planes or unevenly spaced ({where(frames[int(off.argmax())])} is "
                            f"{off.max():.2g} mm out of place); export the series again from its source.")
    return upright_step(step, normal, len(frames) - 1, edge, name)
