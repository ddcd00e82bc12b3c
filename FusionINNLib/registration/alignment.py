"""One volume onto the grid of another: how, by how much it moved, and whether that can be believed.

The searching is in `registration/rigid.py`, the interpolation in `registration/resampling.py`, the look at names and tags in
`volumes/identity.py`. """
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.registration.resampling import onto_grid, resample, resample_labels, thinned
from FusionINNLib.registration.rigid import (
    Head,
    Progress,
    comparison_points,
    find_head,
    mutual_information,
    overlap,
    register_rigid,
    similarity,
)
from FusionINNLib.volumes.identity import patients_differ
from FusionINNLib.volumes.volume import Volume, transform_points

__all__ = ["Alignment", "MODES", "align", "patients_differ", "resample_labels"]

MODES = ("auto", "none", "header", "rigid")

LEAST_OVERLAP = 0.25
"""Fraction of the smaller head that must lie in the other volume's field of view."""
LARGEST_SHIFT_MM, LARGEST_ROTATION_DEG = 30.0, 20.0
"""What is found beyond this is taken for a failed search: patients don't lie that differently within one examination."""
LEAST_GAIN = 0.01
"""Relative gain of mutual information that counts. Interpolation alone smooths noise, which gains a little for any motion."""
LEAST_SHIFT = 0.4
"""Mean shift that counts, in edges of the finer volume's voxel (as a cube): below, the same smoothing gains as much."""


@dataclass(frozen=True)
class Alignment:
    """The moving volume on the grid of the reference, and how it came there.

    volume      float32 physical values if resampled; else the very Volume that was given, or one with its axes reordered, all voxels kept
    mode        what was done: "none" (same grid), "header" or "rigid"
    transform   4x4 float64, RAS mm, takes points of the reference to points of the moving volume; identity unless rigid
    shift_mm    mean distance that `transform` moves the voxels of the reference's head
    rotation_deg   angle of `transform`
    similarity_before, similarity_after   mutual information in bits, higher is better, by header and as done, at the same points
                (inside the heads when nothing was searched for, in their surround too otherwise: compare the two with each other only)
    resampled   whether voxels were interpolated, so that the moving volume can't be given back as it was
    warnings    sentences for the user, without folders or patients
    """

    volume: Volume
    mode: str
    transform: np.ndarray
    shift_mm: float
    rotation_deg: float
    similarity_before: float
    similarity_after: float
    resampled: bool
    warnings: tuple[str, ...] = ()


def align(reference: Volume, moving: Volume, mode: str = "auto", progress: Progress | None = None) -> Alignment:
    """Bring `moving` onto the grid of `reference`.

    mode: "none" takes the same grid for granted; "header" trusts the headers; "rigid" registers from there; "auto" is "none" on the same
    grid and "rigid" on unlike ones. A registration that is absurd or gains nothing is dropped for the headers, with a warning.
    progress: called with a fraction (0 to 1) and a sentence; may raise to cancel.
    Raises InputError for an unknown mode, GeometryError for "none" on unlike grids and for volumes that headers put apart.
    """
    if mode not in MODES:
        raise InputError(f"Unknown alignment '{mode}'; choose one of {', '.join(MODES)}.")
    turned = onto_grid(moving, reference)
    if turned is None and mode == "none":
        raise GeometryError(f"{reference.name} and {moving.name} lie on different grids; choose the alignment auto, header or rigid.")
    searching = mode == "rigid" or (mode == "auto" and turned is None)
    if turned is not None and not searching:
        before = _similarity_in_place(reference, turned)
        return _stay(reference, moving, turned, mode, before)
    first, second = find_head(reference), find_head(turned or moving)
    if turned is None and overlap(first, second) < LEAST_OVERLAP:
        raise GeometryError(f"The headers put {reference.name} and {moving.name} apart (less than {LEAST_OVERLAP:.0%} of the smaller head "
                            "is in both); check that they belong together, or register them in another program first.")
    points = comparison_points(first, second)
    if len(points) == 0:  # fields of view overlap, but there is no head in both
        points = first.points
    before = similarity(first, second, np.eye(4), points)
    stay = _stay(reference, moving, turned, mode, before)
    return _registered(first, second, points, stay, progress) if searching else stay


def _similarity_in_place(reference: Volume, moving: Volume) -> float:
    """Similarity on one grid, from a thinned part of the voxels: most fusions come this way, and it shouldn't cost them time."""
    step = max(1, round((reference.array.size / 5e5) ** (1 / 3)))
    first, second = find_head(thinned(reference, step)), find_head(thinned(moving, step))
    either = first.mask | second.mask
    return mutual_information(first.values[either], second.values[either])


def _stay(reference: Volume, moving: Volume, turned: Volume | None, mode: str, before: float) -> Alignment:
    """The moving volume where its header has it."""
    if turned is None:
        volume, done, warnings = resample(moving, reference, np.eye(4)), "header", _coarser(reference, moving)
    else:
        said = f"{moving.name} was stored with other axes: reordered, every voxel kept."
        volume, done, warnings = turned, "header" if mode == "header" else "none", (said,) if turned is not moving else ()
    return Alignment(volume, done, np.eye(4), 0.0, 0.0, before, before, turned is None, warnings)


def _registered(reference: Head, moving: Head, points: np.ndarray, stay: Alignment, progress: Progress | None) -> Alignment:
    """The registered moving volume, or `stay` with a warning."""
    try:
        transform = register_rigid(reference, moving, progress)
    except RuntimeError:  # ITK: no samples within both masks, for example
        return replace(stay, mode="header", warnings=stay.warnings + ("The registration failed; the headers' position is kept.",))
    shift, rotation = motion(transform, reference.points)
    after = similarity(reference, moving, transform, points)
    found = f"{shift:.1f} mm and {rotation:.1f} degrees"
    dropped = None
    if shift > LARGEST_SHIFT_MM or rotation > LARGEST_ROTATION_DEG:
        dropped = f"The registration came to an absurd result ({found}); the headers' position is kept: look whether the two fit."
    elif after < stay.similarity_before * (1 + LEAST_GAIN) or shift < LEAST_SHIFT * _edge(reference.volume, moving.volume):
        dropped = f"The registration found nothing worth correcting ({found}); the headers' position is kept."
    if dropped:
        return replace(stay, mode="header", warnings=stay.warnings + (dropped,))
    volume = resample(moving.volume, reference.volume, transform)
    warnings = _coarser(reference.volume, moving.volume)
    return Alignment(volume, "rigid", transform, shift, rotation, stay.similarity_before, after, True, warnings)


def motion(transform: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """(mean distance in mm that a rigid 4x4 moves the (N, 3) points, its angle in degrees)."""
    shift = np.linalg.norm(transform_points(transform, points) - points, axis=1).mean()
    cosine = (np.trace(transform[:3, :3]) - 1) / 2
    return float(shift), float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _edge(*volumes: Volume) -> float:
    return min(float(np.prod(volume.spacing_ijk_mm)) ** (1 / 3) for volume in volumes)


def _coarser(reference: Volume, moving: Volume) -> tuple[str, ...]:
    if max(moving.spacing_ijk_mm) <= 1.2 * max(reference.spacing_ijk_mm) and _edge(moving) <= 1.2 * _edge(reference):
        return ()
    edges = " x ".join(f"{edge:.2g}" for edge in moving.spacing_ijk_mm)
    return (f"{moving.name} has coarser voxels ({edges} mm) than the grid it was brought to: it looks smoother, but holds no more detail.",)
