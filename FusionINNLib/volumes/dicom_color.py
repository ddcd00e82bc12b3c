"""DICOM stacks in colour, such as PET and SPECT as they are displayed (secondary captures): RGB, YBR and palettes to bytes of RGB."""
# pydicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.dicom import ColorsError, chosen_frames
from FusionINNLib.volumes.dicom_pixels import stored_planes
from FusionINNLib.volumes.dicom_places import where
from FusionINNLib.volumes.volume import Identity

if TYPE_CHECKING:
    from pydicom import Dataset

_KNOWN = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "PALETTE COLOR")
"""Kinds of colours that become RGB here, by pydicom and its decoders."""


def read_colors(found: ColorsError, progress: Progress) -> tuple[np.ndarray, np.ndarray, str, Identity, tuple[str, ...]]:
    """(colours (k, j, i, 3) uint8, affine, name, identity, notes) of a stack that turned out to be in colour.

    Raises InputError for colours of other kinds and more than 8 bits, GeometryError where it is no even stack with a place.
    """
    name = found.series.name
    for frame in found.stack.frames:
        if frame.position is None or frame.orientation is None or frame.spacing is None:
            raise GeometryError(f"{name}: these are colours without a place in the patient ({where(frame)}), as of a screen; give the "
                                "series with the values themselves, or save this picture and its partner as PNG and fuse those.")
    files, frames, affine, notes = chosen_frames(found.series, found.stack)
    if other := next((one for one in files if one.photometric not in _KNOWN), None):
        kind = "grey" if other.samples == 1 else other.photometric
        raise InputError(f"{name}: {other.path.name} is {kind} and not one of {', '.join(_KNOWN)}; export the series again as RGB.")
    planes = stored_planes(frames, lambda done: progress.step("reading slices", done, len(frames)), as_rgb)
    if any(plane.ndim != 3 or plane.shape[2] != 3 or plane.dtype != np.uint8 for plane in planes):
        raise InputError(f"{name}: the colours are not three numbers of 8 bits each; export the series again as 8-bit RGB.")
    identity: Identity = {**files[0].tags, "files": tuple(sorted({frame.file for frame in frames}))}
    return np.stack(planes), affine, name, identity, notes


def as_rgb(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Unpacked pixels in RGB: numbers of a palette (..., rows, columns) become its colours, colours (..., 3) stay, which pydicom turned."""
    from pydicom.pixels.processing import apply_color_lut

    if not str(dataset.PhotometricInterpretation).startswith("PALETTE"):
        return pixels
    colors = apply_color_lut(pixels, dataset)[..., :3]
    if colors.dtype == np.uint8:
        return colors
    return (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)  # some writers put bytes into words of 16 bits
