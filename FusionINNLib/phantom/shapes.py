"""Shapes of the made-up head: signed distances, smooth random functions, and laying tissue over tissue.

Coordinates are float32 arrays of any one shape, in mm, right-anterior-superior (RAS). Distances are mm, negative inside.
"""
from collections.abc import Sequence

import numpy as np

Triple = Sequence[float]
"""A point, radii or an edge along (x, y, z), mm."""


def ellipsoid(x: np.ndarray, y: np.ndarray, z: np.ndarray, centre: Triple, radii: Triple) -> np.ndarray:
    """Signed distance to an ellipsoid: right on its surface, close to it elsewhere."""
    a, b, c = (np.float32(1.0 / r) for r in radii)
    x, y, z = (x - np.float32(centre[0])) * a, (y - np.float32(centre[1])) * b, (z - np.float32(centre[2])) * c
    x2, y2, z2 = x * x, y * y, z * z
    unit = np.sqrt(x2 + y2 + z2)
    slope = np.sqrt(x2 * (a * a) + y2 * (b * b) + z2 * (c * c))
    return unit * (unit - 1.0) / np.maximum(slope, np.float32(1e-6))


def rod(x: np.ndarray, y: np.ndarray, z: np.ndarray, start: Triple, end: Triple, radius: float) -> np.ndarray:
    """Signed distance to a straight rod with round ends."""
    along = np.subtract(end, start).astype(np.float32)
    x, y, z = x - np.float32(start[0]), y - np.float32(start[1]), z - np.float32(start[2])
    share = np.clip((x * along[0] + y * along[1] + z * along[2]) / np.float32(along @ along), 0.0, 1.0)
    x, y, z = x - share * along[0], y - share * along[1], z - share * along[2]
    return np.sqrt(x * x + y * y + z * z) - np.float32(radius)


class Waves:
    """A smooth random function of place, about -2..2: plane waves of about one wavelength in random directions."""

    def __init__(self, random: np.random.Generator, count: int, wavelength_mm: float):
        directions = random.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        lengths = wavelength_mm * random.uniform(0.85, 1.2, size=(count, 1))
        self._vectors = (2 * np.pi * directions / lengths).astype(np.float32)
        self._phases = random.uniform(0, 2 * np.pi, size=count).astype(np.float32)
        self._scale = np.float32(np.sqrt(2.0 / count))

    def __call__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The value at each point."""
        total = np.zeros_like(x)
        for (a, b, c), phase in zip(self._vectors, self._phases):
            total += np.cos(a * x + b * y + c * z + phase)
        return total * self._scale

    def with_slope(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value at each point and the length of its gradient (per mm)."""
        total, gradient = np.zeros_like(x), [np.zeros_like(x) for _ in range(3)]
        for vector, phase in zip(self._vectors, self._phases):
            angle = vector[0] * x + vector[1] * y + vector[2] * z + phase
            total += np.cos(angle)
            np.sin(angle, out=angle)
            for part, factor in zip(gradient, vector):
                part += factor * angle
        slope = np.sqrt(gradient[0] ** 2 + gradient[1] ** 2 + gradient[2] ** 2)
        return total * self._scale, slope * self._scale


class Layers:
    """Tissue laid over tissue: each one covers what lies below, softly at its edge, which is what partial volume does."""

    def __init__(self, edge_mm: float):
        """edge_mm: the width of every edge, about one voxel."""
        self._per_mm = np.float32(1.0 / edge_mm)
        self._covers: list[tuple[int, np.ndarray]] = []

    def soft(self, distance: np.ndarray) -> np.ndarray:
        """The share (0..1) of a voxel's width that lies inside a surface at this signed distance."""
        return np.clip(0.5 - distance * self._per_mm, 0.0, 1.0)

    def add(self, tissue: int, distance: np.ndarray, amount: float | np.ndarray = 1.0) -> None:
        """Lay a tissue over all that was laid before. amount: how much of it (0..1), a number or one per point."""
        self._covers.append((tissue, self.soft(distance) * amount))

    def fractions(self, tissues: int, ground: int, count: int) -> np.ndarray:
        """float32 (tissues, count): how much of each tissue is seen at each point; what is left is the ground. Columns sum to 1."""
        seen = np.zeros((tissues, count), np.float32)
        left = np.ones(count, np.float32)
        for tissue, cover in reversed(self._covers):
            share = cover * left
            seen[tissue] += share
            left -= share
        seen[ground] += left
        return seen
