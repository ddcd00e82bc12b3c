"""Numbers and histograms inside each segment, of both sources and the fused image. Arrays are (k, j, i).

No slicer: it may run in a worker.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.registration.resampling import resample_labels
from FusionINNLib.results.segments import Drawn, Segment
from FusionINNLib.volumes.volume import Volume

IMAGES = ("first", "second", "fused")
BINS = 64


@dataclass(frozen=True)
class SegmentNumbers:
    """What one image holds in one segment. image: one of IMAGES. volume_ml: of the segment. The others in the image's unit; NaN where the
    segment is empty."""

    segment: Segment
    image: str
    unit: str
    voxels: int
    volume_ml: float
    mean: float
    sd: float
    median: float
    p5: float
    p95: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Histogram:
    """One image in all segments. centers: (BINS,), in its unit. percent: for each segment (BINS,), its voxels in each bin."""

    image: str
    unit: str
    centers: np.ndarray
    percent: tuple[tuple[Segment, np.ndarray], ...]


@dataclass(frozen=True)
class InSegments:
    """rows: each segment in each image, in the order of IMAGES. histograms: one an image."""

    rows: tuple[SegmentNumbers, ...]
    histograms: tuple[Histogram, ...]


def in_segments(images: tuple[Volume, Volume, Volume], drawn: Drawn) -> InSegments:
    """Numbers of first, second and fused image, which lie on one grid. Segments that overlap are each measured whole.

    Raises InputError where no segment has a voxel on that grid.
    """
    masks = _masks(drawn, images[2])
    if not any(mask.any() for mask in masks):
        raise InputError(f"{drawn.name}: none of its segments has a voxel in the fused image; choose the segmentation of this patient.")
    voxel_ml = abs(float(np.linalg.det(images[2].affine[:3, :3]))) / 1000
    rows: list[SegmentNumbers] = []
    histograms: list[Histogram] = []
    for name, image in zip(IMAGES, images):
        inside = [_finite(image.values[mask]) for mask in masks]
        rows += [_numbers(segment, name, image.unit, values, int(mask.sum()), voxel_ml)
                 for segment, values, mask in zip(drawn.segments, inside, masks)]
        histograms.append(_histogram(name, image.unit, drawn.segments, inside))
    return InSegments(tuple(rows), tuple(histograms))


def _masks(drawn: Drawn, grid: Volume) -> list[np.ndarray]:
    """Where each segment is, boolean (k, j, i); each drawn part is brought to the grid by itself, so that none hides another."""
    moved = [resample_labels(part, grid, drawn.transform).array for part in drawn.parts]
    empty = np.zeros(grid.shape, bool)
    return [np.logical_or.reduce([empty, *(labels == segment.label for labels in moved)]) for segment in drawn.segments]


def _finite(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    return values[np.isfinite(values)]


def _numbers(segment: Segment, image: str, unit: str, values: np.ndarray, voxels: int, voxel_ml: float) -> SegmentNumbers:
    if values.size == 0:
        return SegmentNumbers(segment, image, unit, voxels, voxels * voxel_ml, *[float("nan")] * 7)
    p5, median, p95 = (float(value) for value in np.percentile(values, (5, 50, 95)))
    return SegmentNumbers(segment, image, unit, voxels, voxels * voxel_ml, float(values.mean()), float(values.std()), median, p5, p95,
                          float(values.min()), float(values.max()))


def _histogram(image: str, unit: str, segments: tuple[Segment, ...], inside: list[np.ndarray]) -> Histogram:
    """On the range of all segments together but for a thousandth at each end, which falls into the outermost bins."""
    everything = np.concatenate(inside)
    low, high = (float(value) for value in np.percentile(everything, (0.1, 99.9))) if everything.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    percent = []
    for segment, values in zip(segments, inside):
        counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
        percent.append((segment, 100.0 * counts / max(1, values.size)))
    return Histogram(image, unit, (edges[:-1] + edges[1:]) / 2, tuple(percent))
