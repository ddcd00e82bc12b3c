"""From the grid of a volume to the slices that a network sees, and back: a canvas of one size round the head, 2 mm in plane.

Arrays are (k, j, i) with k superior, j anterior, i right (`volumes/orientation.py`). The head is cut out, made smaller by averaging, and
laid in the middle of the canvas; larger heads (or fields of view in an unknown unit) get larger pixels, so that all of them fit. What
lies round the head takes part in nothing, so padding a volume changes nothing.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.foreground import head_mask

SIDE = 96
"""Pixels of a canvas along both sides: a multiple of what the networks halve."""
PIXEL_MM = 2.0
THICKNESS_MM = 3.0
"""Thinner slices are averaged to it, thicker ones stay as they are."""
LARGEST_SCORE = 5.0
_LEAST = 0.02  # of the fullest slice, row or column: what has less of the head in it is noise round the head
_SMALLEST_SD = 1e-6


@dataclass(frozen=True)
class Canvas:
    """Where the head lies in a volume, and its size on the canvas.

    shape: of the volume (k, j, i). box: slices that cut the head out. size: of the head on the canvas, (slices, rows, columns).
    """

    shape: tuple[int, int, int]
    box: tuple[slice, slice, slice]
    size: tuple[int, int, int]

    def onto(self, array: np.ndarray, around: float) -> np.ndarray:
        """An array of the volume's shape as (slices, SIDE, SIDE) float32; `around` is what surrounds the head."""
        inside = _resized(torch.from_numpy(np.ascontiguousarray(array[self.box], dtype=np.float32)), self.size)
        canvas = np.full((self.size[0], SIDE, SIDE), around, np.float32)
        canvas[self._place] = inside.numpy()
        return canvas

    def back(self, canvas: np.ndarray) -> np.ndarray:
        """What lies on the canvas, (slices, SIDE, SIDE), interpolated linearly onto the volume, float32; 0 outside of the head's box."""
        box = tuple(part.stop - part.start for part in self.box)
        volume = np.zeros(self.shape, np.float32)
        volume[self.box] = _resized(torch.from_numpy(np.ascontiguousarray(canvas[self._place], dtype=np.float32)), box).numpy()
        return volume

    @property
    def _place(self) -> tuple[slice, slice, slice]:
        rows, columns = ((SIDE - size) // 2 for size in self.size[1:])
        return slice(None), slice(rows, rows + self.size[1]), slice(columns, columns + self.size[2])


def canvas_of(head: np.ndarray, spacing_mm: tuple[float, float, float]) -> Canvas:
    """The canvas for a head.

    Args:
        head: boolean (k, j, i).
        spacing_mm: voxel edges along (k, j, i).

    Raises InputError where there is no head.
    """
    if not head.any():
        raise InputError("Nothing but background is to be seen in the two images: give images of a head.")
    box = tuple(_range(head.sum(tuple({0, 1, 2} - {axis}))) for axis in range(3))
    k, j, i = ((part.stop - part.start) * edge for part, edge in zip(box, spacing_mm))
    pixel = max(PIXEL_MM, max(j, i) / SIDE)
    rows, columns = (min(SIDE, max(1, round(extent / pixel))) for extent in (j, i))
    slices = min(box[0].stop - box[0].start, max(1, round(k / THICKNESS_MM)))
    return Canvas(head.shape, (box[0], box[1], box[2]), (slices, rows, columns))


def heads(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where either volume, physical values (k, j, i), shows the head: boolean (k, j, i)."""
    return head_mask(first) | head_mask(second)


def standardised(values: np.ndarray, head: np.ndarray) -> np.ndarray:
    """z-scores by mean and standard deviation inside the head, float32, cut at +-5; all 0 where the head is constant."""
    inside = values[head].astype(np.float64)
    spread = inside.std()
    if spread < _SMALLEST_SD * max(1.0, float(np.abs(inside).max())):
        return np.zeros(values.shape, np.float32)
    return np.clip((values - inside.mean()) / spread, -LARGEST_SCORE, LARGEST_SCORE).astype(np.float32)


def images_on(canvas: Canvas, volumes: tuple[np.ndarray, np.ndarray], head: np.ndarray) -> np.ndarray:
    """Both volumes as a network sees them, (2, slices, SIDE, SIDE) float32: z-scores, and -1 of them at most round the head."""
    return np.stack([_on_canvas(canvas, standardised(volume, head)) for volume in volumes])


def shown(images: np.ndarray) -> np.ndarray:
    """Bool (slices, H, W): where images (2, slices, H, W) show something of the head."""
    return (images > images.min((1, 2, 3), keepdims=True) + 0.05).any(0)


def _on_canvas(canvas: Canvas, scores: np.ndarray) -> np.ndarray:
    return canvas.onto(scores, float(min(-1.0, scores.min())))


def with_neighbours(images: np.ndarray | Tensor, number: int) -> Tensor:
    """Each slice of (slices, H, W) with its neighbours as channels, (slices, number, H, W); the outermost slices stand in for more."""
    stack = torch.as_tensor(images)
    wanted = torch.arange(stack.shape[0])[:, None] + torch.arange(number) - number // 2
    return stack[wanted.clamp(0, stack.shape[0] - 1)]


def _range(profile: np.ndarray) -> slice:
    hits = np.flatnonzero(profile > _LEAST * profile.max())
    return slice(int(hits[0]), int(hits[-1]) + 1)


def _resized(array: Tensor, size: tuple[int, ...]) -> Tensor:
    """An array of three axes in another size: linear, averaged where it becomes smaller."""
    slices, rows, columns = size
    plane = nn.functional.interpolate(array[:, None], (rows, columns), mode="bilinear", antialias=True)[:, 0]
    flat = plane.reshape(1, 1, plane.shape[0], rows * columns)
    return nn.functional.interpolate(flat, (slices, rows * columns), mode="bilinear", antialias=True).reshape(slices, rows, columns)
