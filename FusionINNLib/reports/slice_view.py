"""Which slices a picture shows, and which way up: from voxel axes to what a radiologist expects on a screen.

Arrays are (k, j, i); affines take (i, j, k, 1) to RAS in mm. A slice on the screen is (rows downwards, columns to the right): axial and
coronal ones with the patient's right at the left, sagittal ones with anterior at the left; anterior, or superior, is up. Nothing is
resampled: an oblique slice is shown in its own plane, and the letters name the nearest directions.
"""
from dataclasses import dataclass
from itertools import permutations

import numpy as np

_PLANES = ("sagittal", "coronal", "axial")
# For each plane: which world axis (0 R, 1 A, 2 S) runs across the screen and which down it, and with which sign.
_SCREEN = {"sagittal": ((1, -1), (2, -1)), "coronal": ((0, -1), (2, -1)), "axial": ((0, -1), (1, -1))}
# A slice with less than this share of the best one's score is shown only when there are too few others.
_WORTH_SHOWING = 0.3
_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True)
class SliceView:
    """How slices across one array axis are turned for the screen. Made by `slice_view`.

    plane: "axial", "coronal" or "sagittal", the nearest. pixel_mm: (height, width) of a pixel. left, right, top, bottom: the letter of
    the patient direction that lies there.
    """

    axis: int
    plane: str
    pixel_mm: tuple[float, float]
    left: str
    right: str
    top: str
    bottom: str
    _turned: bool
    _flips: tuple[bool, bool]

    def take(self, array: np.ndarray, index: int) -> np.ndarray:
        """Slice `index` of a volume (k, j, i), turned for the screen."""
        return self.turn(np.take(array, index, axis=self.axis))

    def turn(self, cut: np.ndarray) -> np.ndarray:
        """A slice whose two axes are in array order, turned for the screen."""
        cut = cut.T if self._turned else cut
        return cut[::-1 if self._flips[0] else 1, ::-1 if self._flips[1] else 1]


def slice_view(affine: np.ndarray, axis: int) -> SliceView:
    """The view of slices across array axis 0 (k), 1 (j) or 2 (i) of a grid with this affine."""
    affine = np.asarray(affine, np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / spacing
    # Each voxel axis is given its own world axis, also at 45 degrees, where each alone might choose the same.
    world = max(permutations(range(3)), key=lambda order: round(sum(abs(directions[w, v]) for v, w in enumerate(order)), 6))
    plane = _PLANES[world[2 - axis]]
    (across, across_sign), (down, down_sign) = _SCREEN[plane]
    column, row = world.index(across), world.index(down)      # voxel axes (0 i, 1 j, 2 k)
    flips = (directions[down, row] * down_sign < 0, directions[across, column] * across_sign < 0)
    # Array order is k, j, i: of the two axes in the slice the one with the higher voxel number comes first.
    pixel_mm = (float(spacing[row]), float(spacing[column]))
    left, right, top, bottom = (_letter(w, sign * side) for w, sign in ((across, across_sign), (down, down_sign)) for side in (-1, 1))
    return SliceView(axis, plane, pixel_mm, left, right, top, bottom, row < column, flips)


def choose_slices(segmentation: np.ndarray | None, image: np.ndarray, axis: int, count: int = 3) -> list[int]:
    """Up to `count` slice numbers along an axis, rising: those with the most segmentation, else with the most structure.

    segmentation, image: (k, j, i), the former may be None or empty. Chosen slices keep a distance, so that they show different things.
    """
    across = tuple(a for a in range(3) if a != axis)
    score = None if segmentation is None else np.count_nonzero(segmentation, axis=across).astype(float)
    if score is None or not score.any():
        score = _structure(image, axis)
    if not score.any():
        return [image.shape[axis] // 2]
    strong = np.flatnonzero(score >= _WORTH_SHOWING * score.max())
    extent = strong[-1] - strong[0] + 1
    for gap in range(max(1, int(extent / (1.7 * count))), 0, -1):
        chosen = _best_apart(score, strong, gap, count)
        if len(chosen) == count:
            return sorted(chosen)
    return sorted(_best_apart(score, np.flatnonzero(score), 1, count))


def _letter(world_axis: int, sign: int) -> str:
    return _LETTERS[world_axis][1 if sign > 0 else 0]


def _best_apart(score: np.ndarray, candidates: np.ndarray, gap: int, count: int) -> list[int]:
    chosen: list[int] = []
    for index in candidates[np.argsort(-score[candidates], kind="stable")]:
        if len(chosen) < count and all(abs(index - other) >= gap for other in chosen):
            chosen.append(int(index))
    return chosen


def _structure(image: np.ndarray, axis: int) -> np.ndarray:
    """How much there is to see in each slice: the sum of its grey-value steps, with single bright voxels kept from deciding it."""
    volume = np.moveaxis(image, axis, 0)
    volume = volume[:, ::-(-volume.shape[1] // 160), ::-(-volume.shape[2] // 160)]
    low, high = np.percentile(_finite(volume[::max(1, len(volume) // 24)]), (1.0, 99.0))
    noise = 0.1 * (high - low)      # steps of the noise in the air are many and small
    return np.array([_steps(np.clip(_finite(cut), low, max(high, low)), noise) for cut in volume])


def _steps(cut: np.ndarray, noise: float) -> float:
    return float(sum(np.maximum(np.abs(np.diff(cut, axis=axis)) - noise, 0.0).sum() for axis in (0, 1)))


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
