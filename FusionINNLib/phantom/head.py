"""The anatomy of the made-up head: how much of which tissue is at any point of the world.

It is a formula, not a picture: any grid, oblique or mirrored, can sample it, so two unlike grids see the same head. Points are in mm,
right-anterior-superior (RAS), with the origin in the middle of the brain.
"""
from enum import IntEnum
from typing import TypeAlias

import numpy as np

from FusionINNLib.phantom.shapes import Layers, Waves, ellipsoid, rod

HEAD_HALF_SIZE = (84.0, 106.0, 92.0)
"""Half the edges (x, y, z in mm) of a box around the origin that holds the head."""

CAVITY_CENTRE = (34.0, 24.0, 27.0)
"""The middle of the resection cavity (x, y, z in mm): right frontal lobe, open to the surface."""

Axis: TypeAlias = np.ndarray
"""One coordinate (mm) of all points."""


class Tissue(IntEnum):
    """What the head is made of: the rows of `Head.fractions`."""

    AIR = 0
    SCALP = 1
    BONE = 2
    MARROW = 3
    SOFT = 4
    FLUID = 5
    GREY = 6
    WHITE = 7
    DEEP_GREY = 8
    EYE = 9
    OEDEMA = 10
    RIM = 11
    CAVITY = 12


class Head:
    """A post-operative head. The seed changes the folds, the outline of the lesion and the asymmetry; the layout stays."""

    def __init__(self, seed: int = 0):
        random = np.random.default_rng([seed, 1])
        self._bend = [Waves(random, 2, 120.0) for _ in range(3)]
        self._folds = Waves(random, 9, 21.0)
        self._depth = Waves(random, 4, 40.0)
        self._outline = Waves(random, 5, 24.0)
        self._fingers = Waves(random, 6, 17.0)

    def fractions(self, points: np.ndarray, edge_mm: float) -> np.ndarray:
        """How much of each tissue is at each point.

        points: (n, 3), RAS mm. edge_mm: the width of every edge, about one voxel. Returns float32 (len(Tissue), n), columns sum to 1.
        """
        points = np.asarray(points, np.float32)
        seen = np.zeros((len(Tissue), len(points)), np.float32)
        seen[Tissue.AIR] = 1.0
        x, y, z = points.T
        reach = 1.0 + edge_mm / min(HEAD_HALF_SIZE)
        near = np.flatnonzero(sum(((p / h) ** 2 for p, h in zip((x, y, z), HEAD_HALF_SIZE)), np.float32(0)) < reach * reach)
        if near.size:
            x, y, z = (np.ascontiguousarray(p[near]) for p in (x, y, z))
            x, y, z = (p + amount * bend(x, y, z) for p, amount, bend in zip((x, y, z), (1.6, 1.2, 1.2), self._bend))
            seen[:, near] = self._layers(x, y, z, edge_mm).fractions(len(Tissue), Tissue.AIR, near.size)
        return seen

    def _layers(self, x: Axis, y: Axis, z: Axis, edge_mm: float) -> Layers:
        layers = Layers(edge_mm)
        brain = _brain(x, y, z)
        cavity = _cavity(x, y, z) + 2.2 * self._outline(x, y, z)
        _add_wrapping(layers, x, y, z, brain, ellipsoid(x, y, z, (50, 34, 40), (30, 27, 25)), self._fingers(x, y, z))
        white = self._add_brain(layers, x, y, z, brain)
        _add_deep_grey(layers, x, y, z)
        self._add_lesion(layers, x, y, z, cavity, brain, white)
        return layers

    def _add_brain(self, layers: Layers, x: Axis, y: Axis, z: Axis, brain: np.ndarray) -> np.ndarray:
        """Adds grey and white matter and the fluid around and between them; returns the signed distance to the white matter."""
        drift = self._depth(x, y, z)
        small = _cerebellum(x, y, z) < np.minimum(0.0, _brainstem(x, y, z))
        # Folds stand upright on the surface: the pattern is drawn on a sphere and only drifts with depth.
        stretch = np.where(small, np.float32(2.4), 0.45 + 36.0 / (np.sqrt(x * x + y * y + z * z) + 8.0))
        value, slope = self._folds.with_slope(x * stretch, y * stretch, z * stretch)
        sideways = np.abs(value) / (stretch * np.maximum(slope, 0.09))
        below = np.maximum(-brain - 14.0 - 5.0 * drift, 0.0)
        fold = np.sqrt(sideways * sideways + below * below)
        fissure = _fissures(x + 0.5 * drift, y, z, drift)
        thickness = np.where(small, np.float32(1.3), np.float32(3.5)) + 0.3 * value
        white = thickness - np.minimum(np.minimum(fold, fissure), -brain)
        white = np.minimum(white, _brainstem(x, y, z) + 1.0)
        opening = np.where(small, np.float32(0.2), np.clip(1.3 + 0.05 * brain, 0.35, 1.3))   # folds gape at the surface
        gap = np.minimum(fold - opening, fissure - 1.0)
        gap = np.maximum(gap, -1.5 - _brainstem(x, y, z))
        layers.add(Tissue.FLUID, brain - 2.2)
        layers.add(Tissue.GREY, brain)
        layers.add(Tissue.WHITE, white, amount=np.clip(0.92 + 0.05 * drift, 0.8, 1.0))
        layers.add(Tissue.FLUID, np.maximum(gap, brain))
        layers.add(Tissue.FLUID, _ventricles(x, y, z))
        return white

    def _add_lesion(self, layers: Layers, x: Axis, y: Axis, z: Axis, cavity: np.ndarray, brain: np.ndarray,
                    white: np.ndarray) -> None:
        """Oedema creeps along the white matter, residual tumour clings to the deep wall of the cavity, fluid fills the cavity."""
        fingers = self._fingers(x, y, z)
        oedema = ellipsoid(x, y, z, (30, 8, 24), (31, 45, 25)) + 3.5 * fingers
        apart = -np.minimum(_ventricles(x, y, z) - 1.5, _fissures(x, y, z, 0.0) - 3.0)
        layers.add(Tissue.OEDEMA, np.maximum(np.maximum(oedema, white + 0.6), apart), amount=np.clip(0.86 + 0.08 * fingers, 0.7, 1.0))
        inward = (-(x - CAVITY_CENTRE[0]) - 0.6 * (y - CAVITY_CENTRE[1]) - 0.3 * (z - CAVITY_CENTRE[2])) / 1.2
        thick = np.clip(1.2 + 0.27 * inward + 1.6 * fingers, 0.0, 8.0)
        inside = brain + 2.0
        layers.add(Tissue.RIM, np.maximum(np.maximum(cavity - thick, inside), 0.6 - thick))
        layers.add(Tissue.CAVITY, np.maximum(cavity, brain - 2.0))


def _wide(x: Axis, y: Axis) -> np.ndarray:
    """Sideways coordinate that makes a head wider behind the ears than at the forehead."""
    return x * (1.0 + 0.001 * y)


def _cerebellum(x: Axis, y: Axis, z: Axis) -> np.ndarray:
    return ellipsoid(x, y, z, (0, -46, -46), (50, 31, 23))


def _brainstem(x: Axis, y: Axis, z: Axis) -> np.ndarray:
    return rod(x, y, z, (0, -13, -16), (0, -26, -95), 12.0)


def _brain(x: Axis, y: Axis, z: Axis) -> np.ndarray:
    cerebrum = ellipsoid(_wide(x, y), y, z, (0, 0, 0), (67, 86, 64))
    # The base: frontal lobes lie highest, temporal poles lowest, the back rests on the cerebellum.
    floor = -40.0 + 18.0 * _step(y - 38.0, 8.0) + 10.0 * _step(-y - 25.0, 12.0) + 9.0 * _step(14.0 - np.abs(x), 6.0)
    cerebellum = _cerebellum(x, y, z)
    cerebrum = np.maximum(_round_corner(cerebrum, 0.85 * (floor - z), 9.0), 2.0 - cerebellum)
    return np.minimum(np.minimum(cerebrum, cerebellum), _brainstem(x, y, z))


def _step(value: np.ndarray, width: float) -> np.ndarray:
    """A smooth step from 0 to 1 around 0."""
    return 0.5 + 0.5 * np.tanh(value / np.float32(width))


def _round_corner(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """What is inside both of two shapes, with the corner between them rounded."""
    overlap = np.maximum(radius - np.abs(a - b), 0.0) / np.float32(radius)
    return np.maximum(a, b) + overlap * overlap * np.float32(radius / 4)


def _cavity(x: Axis, y: Axis, z: Axis) -> np.ndarray:
    """The cavity without its ragged outline: a bowl in the brain and its way out to the surface."""
    bowl = ellipsoid(x, y, z, CAVITY_CENTRE, (18, 20, 15))
    return np.minimum(bowl, rod(x, y, z, CAVITY_CENTRE, (62, 40, 45), 9.0))


def _fissures(x: Axis, y: Axis, z: Axis, wobble: float | np.ndarray) -> np.ndarray:
    """Distance (mm, never negative) to the cleft between the hemispheres, the one over the insula and the tentorium."""
    beyond_callosum = np.maximum(-ellipsoid(0 * x, y, z, (0, -4, 8), (9, 42, 20)), 0.0)
    between = np.sqrt(x * x + beyond_callosum * beyond_callosum)
    side = np.abs(x) + 2.0 * wobble
    insula = np.maximum(ellipsoid(side, y, z, (41, 8, -2), (0.8, 15, 13)), 0.0)
    tilt = (z + 2.0 + 0.9 * (y - 4.0)) / 1.35
    outside = np.maximum(np.maximum(42.0 - side, 0.0), np.maximum(np.abs(y - 2.0) - 20.0, 0.0))
    lateral = np.sqrt(tilt * tilt + outside * outside)
    return np.minimum(np.minimum(between, insula), lateral)


def _ventricles(x: Axis, y: Axis, z: Axis) -> np.ndarray:
    side = np.abs(x)
    bends = [((6, 31, 4), (7, 12, 17), 5.0), ((7, 12, 17), (9, -12, 22), 5.0), ((9, -12, 22), (24, -40, 10), 6.0),
             ((24, -40, 10), (26, -62, 6), 4.5), ((24, -40, 10), (36, -18, -16), 3.5)]
    lateral = rod(side, y, z, *bends[0])
    for bend in bends[1:]:
        lateral = np.minimum(lateral, rod(side, y, z, *bend))
    lateral = np.maximum(lateral, 1.2 - side)      # the septum keeps left and right apart
    third = ellipsoid(x, y, z, (0, -4, 1), (2.2, 14, 11))
    fourth = ellipsoid(x, y, z, (0, -36, -42), (8, 6, 10))
    return np.minimum(np.minimum(lateral, third), fourth)


def _add_wrapping(layers: Layers, x: Axis, y: Axis, z: Axis, brain: np.ndarray, flap: np.ndarray, texture: np.ndarray) -> None:
    """Scalp, skull with its marrow, the base below the brain and the eyes. flap: where the skull was opened; texture: about -2..2."""
    skin = ellipsoid(_wide(x, y), y, z, (0, 0, 0), (80, 99, 79))
    skin = np.minimum(skin, ellipsoid(x, y, z, (0, 8, -62), (58, 78, 60)))
    layers.add(Tissue.SCALP, skin)
    layers.add(Tissue.SOFT, np.maximum(skin + 5.0, z + 38.0 + 0.25 * y))
    outer = np.maximum(ellipsoid(_wide(x, y), y, z, (0, 0, 0), (74.5, 93, 72.5)), -z - 66.0)
    layers.add(Tissue.BONE, outer)
    layers.add(Tissue.MARROW, np.maximum(np.abs(outer + 2.6) - 1.1, -flap))
    below = np.maximum(outer + 5.0, z + 16.0)
    layers.add(Tissue.MARROW, below, amount=np.clip(0.5 + 0.5 * texture, 0.0, 1.0))
    layers.add(Tissue.SOFT, below, amount=np.clip(0.6 * texture - 0.2, 0.0, 1.0))
    # Plates and the cuts of the saw: two thin gaps in the bone at the rim of the flap.
    layers.add(Tissue.SOFT, np.maximum(np.abs(flap) - 0.9, outer))
    for side in (-32, 32):
        layers.add(Tissue.SOFT, ellipsoid(x, y, z, (side, 56, -43), (18, 20, 15)), amount=0.9)
        layers.add(Tissue.EYE, ellipsoid(x, y, z, (side, 62, -43), (12.5, 12.5, 12.5)))
    layers.add(Tissue.FLUID, np.maximum(brain - 6.0, -z - 60.0) + 3.5)


def _add_deep_grey(layers: Layers, x: Axis, y: Axis, z: Axis) -> None:
    """Thalamus, caudate and lentiform nucleus on both sides."""
    side = np.abs(x)
    shapes = [((11, -12, 5), (9, 14, 9)), ((14.5, 22, 9), (5.5, 10, 10)), ((26, 4, 2), (6, 16, 10))]
    for centre, radii in shapes:
        layers.add(Tissue.DEEP_GREY, ellipsoid(side, y, z, centre, radii))
    layers.add(Tissue.FLUID, _ventricles(x, y, z))
