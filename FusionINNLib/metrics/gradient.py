"""Edge preservation after Xydeas and Petrovic: Q_XY as FusionINN's tables have it, and Q^AB/F as the rest of the field has it.

Both compare strength and direction of the Sobel edges of the fused image with those of either source. They differ in the constants of
the sigmoids, in the handling of equal strengths, and in what is averaged: Q_XY is the mean of each pixel's ratio, so that flat
background counts 0.987 a pixel; Q^AB/F is one ratio of two sums, in which flat background counts nothing.

Xydeas, Petrovic: Objective image fusion performance measure. Electronics Letters 36(4), 2000 (equations 1 to 9), and
Objective pixel-level image fusion performance measure. Proc. SPIE 4051, 2000.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.metrics.gaussian_window import masked_mean

# Stands in for a gradient of 0, where strength ratio and direction would be 0/0 (toolbox of Liu et al., IEEE TPAMI 34(1), 2012).
NO_EDGE = 1e-5
CENTRE_MARGIN = 1


@dataclass(frozen=True)
class _Sigmoid:
    """scale / (1 + exp(slope (x - middle)))."""

    scale: float
    slope: float
    middle: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.scale / (1 + np.exp(self.slope * (x - self.middle)))


XY_STRENGTH, XY_DIRECTION = _Sigmoid(1.0, -10.0, 0.5), _Sigmoid(1.0, -20.0, 0.75)
ABF_STRENGTH, ABF_DIRECTION = _Sigmoid(0.9994, -15.0, 0.5), _Sigmoid(0.9879, -22.0, 0.8)


@dataclass(frozen=True)
class _Edges:
    """Strength (grey levels) and direction (radians, -pi/2..pi/2) of the Sobel gradient at each pixel."""

    strength: np.ndarray
    direction: np.ndarray


def q_xy_map(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Each pixel's edge preservation (Q_AF g_A + Q_BF g_B) / (g_A + g_B), g the Sobel strength of a source.

    The images have shape (j, i) and hold grey levels 0..255; they are continued by zeros. A strength of 0 counts as 1e-5. Returns (j, i),
    float64 in 0..1; 0.987 where all three are flat. Exchanging the sources changes it by some 1e-9 (see `_xy_map`).
    """
    return _xy_map(*(_xy_edges(*_sobel(np.pad(image, 1))) for image in (first, second, fused)))


def q_xy(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q_XY of the whole image, background included: the mean of `q_xy_map`, 0..1."""
    return float(q_xy_map(first, second, fused).mean())


def q_xy_masked(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray) -> float:
    """Q_XY over the pixels of the boolean `mask` (j, i). Raises InputError when it is empty."""
    return masked_mean(q_xy_map(first, second, fused), mask)


def q_xy_centre(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q_XY of the central 3x3 pixels only: what FusionINN's Table 1 reports as Q_XY.

    The published evaluation code hands the kernel to the filter as its image and so measures this patch and nothing else.
    Rows j//2 - 1 .. j//2 + 1, columns likewise, counted from 0.
    """
    return float(_xy_map(*(_centre_edges(image) for image in (first, second, fused))).mean())


def q_abf(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q^AB/F: sum of Q_AF g_A + Q_BF g_B over the image divided by the sum of g_A + g_B; 0..1, images (j, i) of grey levels 0..255.

    Electronics Letters 36(4), equations 1 to 9 with L = 1, in the conventions of the field's evaluation code (VIFB, CDDFuse): zeros beyond
    the image, a vertical gradient positive upwards, direction pi/2 where the horizontal gradient is 0, and where both strengths are
    equal the strength itself in place of the ratio 1 (which moves Q by less than 1e-3 and is kept for comparable numbers).
    """
    a, b, f = (_abf_edges(*_sobel(np.pad(image, 1))) for image in (first, second, fused))
    preserved = _abf_preservation(a, f) * a.strength + _abf_preservation(b, f) * b.strength
    return float(preserved.sum() / (a.strength + b.strength).sum())


def _sobel(padded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sobel gradients, rightwards and upwards, of all but the outermost pixels."""
    p = np.asarray(padded, np.float64)
    columns = p[:-2] + 2 * p[1:-1] + p[2:]
    rows = p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]
    return columns[:, 2:] - columns[:, :-2], rows[:-2] - rows[2:]


def _strength(right: np.ndarray, up: np.ndarray) -> np.ndarray:
    # Not hypot: equal strengths must compare equal, and a sum of integer squares is exact.
    return np.sqrt(right * right + up * up)


def _xy_edges(right: np.ndarray, up: np.ndarray) -> _Edges:
    return _Edges(_strength(right, up), np.arctan(up / np.where(right == 0, NO_EDGE, right)))


def _centre_edges(image: np.ndarray) -> _Edges:
    reach = CENTRE_MARGIN + 1
    row, column = (side // 2 for side in image.shape)
    right, up = _sobel(image[row - reach:row + reach + 1, column - reach:column + reach + 1])
    # The variant's filter is a true convolution: both gradients change sign, which shows only beside the guard in `_xy_edges`.
    return _xy_edges(-right, -up)


def _xy_map(a: _Edges, b: _Edges, f: _Edges) -> np.ndarray:
    strength_a, strength_b, strength_f = (np.where(edges.strength == 0, NO_EDGE, edges.strength) for edges in (a, b, f))
    ratio_a, ratio_b = _strength_ratio(strength_a, strength_f), _strength_ratio(strength_b, strength_f)
    # The published code puts the guard into F only after the ratio of the first source is formed: an edge of A lost in F is 0 there.
    ratio_a[(f.strength == 0) & (a.strength > 0)] = 0
    quality_a = XY_STRENGTH(ratio_a) * XY_DIRECTION(_alignment(a, f))
    quality_b = XY_STRENGTH(ratio_b) * XY_DIRECTION(_alignment(b, f))
    return (quality_a * strength_a + quality_b * strength_b) / (strength_a + strength_b)


def _strength_ratio(source: np.ndarray, fused: np.ndarray) -> np.ndarray:
    return np.minimum(source, fused) / np.maximum(source, fused)


def _alignment(source: _Edges, fused: _Edges) -> np.ndarray:
    """1 for parallel or opposite directions, 0 for perpendicular ones."""
    return np.abs(np.abs(source.direction - fused.direction) - np.pi / 2) * (2 / np.pi)


def _abf_edges(right: np.ndarray, up: np.ndarray) -> _Edges:
    slope = np.divide(up, right, out=np.full_like(right, np.inf), where=right != 0)
    return _Edges(_strength(right, up), np.arctan(slope))


def _abf_preservation(source: _Edges, fused: _Edges) -> np.ndarray:
    weaker, stronger = np.minimum(source.strength, fused.strength), np.maximum(source.strength, fused.strength)
    ratio = np.divide(weaker, stronger, out=fused.strength.copy(), where=weaker != stronger)
    alignment = 1 - np.abs(source.direction - fused.direction) / (np.pi / 2)
    return ABF_STRENGTH(ratio) * ABF_DIRECTION(alignment)
