"""The part of a slice that a prior looks at, which may stick out of the slice."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """Rows j0:j1 and columns i0:i1; where they lie outside of the slice there is background."""

    j0: int
    j1: int
    i0: int
    i1: int

    def cut(self, image: np.ndarray, background: float) -> np.ndarray:
        """The frame's part of a slice (J, I), float32."""
        (rows, j), (columns, i) = self._overlaps(image)
        part = np.full((self.j1 - self.j0, self.i1 - self.i0), background, np.float32)
        part[j, i] = image[rows, columns]
        return part

    def pasted(self, part: np.ndarray, outside: np.ndarray) -> np.ndarray:
        """A slice (J, I) that shows a part where the frame is, and `outside`, of its size, elsewhere."""
        (rows, j), (columns, i) = self._overlaps(outside)
        image = outside.copy()
        image[rows, columns] = part[j, i]
        return image

    def _overlaps(self, image: np.ndarray) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Of rows and of columns: the part that lies inside, in the slice and in the frame."""
        return _overlap(self.j0, self.j1, image.shape[0]), _overlap(self.i0, self.i1, image.shape[1])


def _overlap(start: int, stop: int, length: int) -> tuple[slice, slice]:
    inside = slice(max(0, start), min(length, stop))
    return inside, slice(inside.start - start, inside.stop - start)
