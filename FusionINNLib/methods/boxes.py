"""The box of each slice that a network works on.

Only a box around the head passes through a network: outside of it both sources are constant background. Boxes start and end at multiples
of the network's cell, so that what is hidden in the fused image keeps its phase; a rim of up to `multiple - 1` pixels of a slice whose
sides are not multiples of it lies outside of every box.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

STEP = 16  # sides of boxes are multiples of this where the slice allows: few distinct shapes, each compiled once by the backend


@dataclass(frozen=True)
class Box:
    """Rows `j0:j1` and columns `i0:i1` of slice `k` of a stack."""

    k: int
    j0: int
    j1: int
    i0: int
    i1: int

    @property
    def index(self) -> tuple:
        """Selects the box from a stack (K, J, I)."""
        return self.k, slice(self.j0, self.j1), slice(self.i0, self.i1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.j1 - self.j0, self.i1 - self.i0


def find_boxes(occupied: Iterator[np.ndarray], multiple: int, margin: int) -> list[Box]:
    """Boxes of the slices that hold anything but background.

    Args:
        occupied: one boolean array (J, I) a slice, true where the slice is not background.
        multiple: boxes start and end at multiples of this (a power of two that divides 16).
        margin: background pixels kept around what is occupied.
    """
    boxes = []
    for k, mask in enumerate(occupied):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if rows.size:
            j0, j1 = _range(int(rows[0]), int(rows[-1]) + 1, mask.shape[0], multiple, margin)
            i0, i1 = _range(int(columns[0]), int(columns[-1]) + 1, mask.shape[1], multiple, margin)
            if j1 > j0 and i1 > i0:
                boxes.append(Box(k, j0, j1, i0, i1))
    return boxes


def _range(first: int, last: int, size: int, multiple: int, margin: int) -> tuple[int, int]:
    """A range around first:last, widened by the margin and to a whole number of `STEP`, inside 0:size and aligned to `multiple`."""
    limit = size - size % multiple
    start = max(0, first - margin) // multiple * multiple
    length = -(-(min(limit, last + margin) - start) // STEP) * STEP
    if start + length > limit:
        start = max(0, (limit - length) // multiple * multiple)
    return start, min(limit, start + length)


def batches(boxes: list[Box], size: int) -> Iterator[list[Box]]:
    """Boxes of one shape together, at most `size` at a time, in the order in which shapes first appear."""
    by_shape: dict[tuple[int, int], list[Box]] = {}
    for box in boxes:
        by_shape.setdefault(box.shape, []).append(box)
    for group in by_shape.values():
        for start in range(0, len(group), size):
            yield group[start:start + size]
