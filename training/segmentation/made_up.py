"""Heads without a lesion, made up of patients' heads by mirroring left to right what nothing was drawn in.

Nobody's head looks so: what a tumour pushes aside or across the middle stays, and so does what nobody drew.
"""
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from training.segmentation.held_out import Patient

_WITHIN = 0.1  # of the width of the volume: so far from its head's middle the plane between the halves is looked for
_MARGIN_MM, _SEAM_MM = 5.0, 2.0  # round what was drawn, and of what is blended at its edge

Images = tuple[np.ndarray, np.ndarray]
"""T1ce and FLAIR, stored values (k, j, i)."""


@dataclass(frozen=True)
class MadeUp:
    """On the grid of a patient. half: boolean (k, j, i), the half of the head in which less was drawn. twice: this half and itself
    mirrored. patched: the head with what was drawn replaced by what lies on the other side. is_free: boolean (k,), slices of the head in
    whose half nothing was drawn, so that neither head shows anything there."""

    half: np.ndarray
    twice: Images
    patched: Images
    is_free: np.ndarray


def made_up(patient: Patient) -> MadeUp:
    """Both heads of a patient."""
    plane = mirror_plane(patient.head)
    columns = np.arange(patient.head.shape[2])
    kept = min((2 * columns <= plane, 2 * columns >= plane), key=lambda side: np.count_nonzero(patient.lesion[..., side]))
    images = patient.t1ce, patient.flair
    mirrored = [_mirrored(image, plane) for image in images]
    share = _blended(patient.lesion, patient.spacing_mm)
    patched = [(share * other + (1 - share) * image).astype(image.dtype) for image, other in zip(images, mirrored)]
    twice = [np.where(kept, image, other) for image, other in zip(images, mirrored)]
    half = patient.head & kept
    is_free = half.any((1, 2)) & ~(patient.lesion & kept).any((1, 2))
    return MadeUp(half, (twice[0], twice[1]), (patched[0], patched[1]), is_free)


def mirror_plane(head: np.ndarray) -> int:
    """Twice the column, in steps of half a one, about which a head (k, j, i), boolean, is most like its mirror image."""
    columns = np.flatnonzero(head.any((0, 1)))
    middle, reach = int(columns[0] + columns[-1]), round(2 * _WITHIN * head.shape[2])
    return max(range(middle - reach, middle + reach + 1),
               key=lambda plane: (np.count_nonzero(head & _mirrored(head, plane)), -abs(plane - middle)))


def _mirrored(image: np.ndarray, plane: int) -> np.ndarray:
    """What lies as far on the other side; the least value where that is outside."""
    columns = np.arange(image.shape[2])
    source = plane - columns
    is_inside = (source >= 0) & (source < len(columns))
    made = np.full_like(image, image.min())
    made[..., is_inside] = image[..., source[is_inside]]
    return made


def _blended(lesion: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """How much of the other side is taken, 0..1: all of it within a margin of a lesion, none beyond a seam round that."""
    if not lesion.any():
        return np.zeros(lesion.shape, np.float32)
    away = ndimage.distance_transform_edt(~lesion, spacing_mm)
    return np.clip(1 - (np.asarray(away) - _MARGIN_MM) / _SEAM_MM, 0, 1).astype(np.float32)
