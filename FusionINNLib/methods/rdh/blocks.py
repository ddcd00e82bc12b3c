"""Volumes as cubes of voxels, and cubes in tiles: what is coded, checked and lost together."""
from dataclasses import dataclass

import numpy as np

SIDE = 8  # voxels of a cube
TILE = 4  # cubes along a side of a tile
VOXELS = SIDE ** 3


@dataclass(frozen=True)
class Cubes:
    """The cubes of a volume of this shape (k, j, i); those that reach over its end repeat its last voxels."""

    shape: tuple[int, int, int]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Cubes along each axis."""
        k, j, i = (-(-size // SIDE) for size in self.shape)
        return k, j, i

    def cut(self, volume: np.ndarray) -> np.ndarray:
        """(k, j, i) -> (n, 8, 8, 8)."""
        k, j, i = self.counts
        padded = np.pad(volume, [(0, SIDE * count - size) for count, size in zip(self.counts, self.shape)], mode="edge")
        return padded.reshape(k, SIDE, j, SIDE, i, SIDE).transpose(0, 2, 4, 1, 3, 5).reshape(-1, SIDE, SIDE, SIDE)

    def joined(self, cubes: np.ndarray) -> np.ndarray:
        """(n, 8, 8, 8) -> (k, j, i)."""
        k, j, i = self.counts
        whole = cubes.reshape(k, j, i, SIDE, SIDE, SIDE).transpose(0, 3, 1, 4, 2, 5).reshape(k * SIDE, j * SIDE, i * SIDE)
        return whole[tuple(slice(size) for size in self.shape)]

    @property
    def inside(self) -> np.ndarray:
        """Bool (n, 8, 8, 8): which voxels of cubes are voxels of the volume."""
        marks = np.zeros([SIDE * count for count in self.counts], bool)
        marks[tuple(slice(size) for size in self.shape)] = True
        return Cubes((marks.shape[0], marks.shape[1], marks.shape[2])).cut(marks)

    @property
    def tiles(self) -> np.ndarray:
        """(n,) number of the tile of each cube."""
        _, j, i = (-(-count // TILE) for count in self.counts)
        at = np.indices(self.counts).reshape(3, -1) // TILE
        return (at[0] * j + at[1]) * i + at[2]
