"""A volume in colour as luminance and chroma: PET and SPECT as they are displayed, through a colour map.

    luminance = round(0.299 R + 0.587 G + 0.114 B)      ITU-R BT.601, full range, as in PNG, JPEG and OpenCV
    chroma    = (R, G, B) - luminance                   what Cb and Cr hold, in numbers that give R, G and B back exactly

Another luminance with the same chroma is the same colour by Cb and Cr, brighter or darker. Arrays are (k, j, i), colours (k, j, i, 3).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from FusionINNLib.volumes.volume import Volume

WEIGHTS = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class ColorVolume:
    """luminance: uint8 grey levels. chroma: (k, j, i, 3) int16."""

    luminance: Volume
    chroma: np.ndarray

    @property
    def rgb(self) -> np.ndarray:
        """(k, j, i, 3) uint8, as it was read."""
        return joined(self.luminance.array, self.chroma)[0]


def split(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(k, j, i, 3) uint8 -> luminance (k, j, i) uint8 and chroma (k, j, i, 3) int16."""
    luminance = np.rint(rgb @ np.array(WEIGHTS)).astype(np.uint8)
    return luminance, rgb.astype(np.int16) - luminance[..., None]


def joined(luminance: np.ndarray, chroma: np.ndarray) -> tuple[np.ndarray, float]:
    """Colours (k, j, i, 3) uint8 of grey levels (k, j, i) of any real type, 0..255, and the share of voxels that had to be clipped for it.

    Clipping comes last: where a colour lies outside of 0..255, it is cut there, which changes its hue.
    """
    exact = luminance[..., None].astype(np.float32) + chroma
    rounded = np.rint(exact)
    clipped = ((rounded < 0) | (rounded > 255)).any(-1)
    return np.clip(rounded, 0, 255).astype(np.uint8), float(clipped.mean()) if clipped.size else 0.0


def is_grey(rgb: np.ndarray) -> bool:
    """Whether red, green and blue are the same everywhere."""
    return bool((rgb == rgb[..., :1]).all())
