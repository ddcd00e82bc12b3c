"""Rigid registration by mutual information, and the measures that tell whether it was worth it. All transforms are RAS, mm."""
# SimpleITK and SciPy have few types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.volumes.foreground import background_value, finite_values, head_mask
from FusionINNLib.volumes.itk import LPS_TO_RAS, affine_of, to_sitk
from FusionINNLib.volumes.volume import Volume, transform_points

if TYPE_CHECKING:
    import SimpleITK as sitk

Progress = Callable[[float, str], None]
_Shown = tuple["sitk.Image", "sitk.Image"]
"""(image, mask)."""

_STAGES_MM = (4.0, 2.0)
"""Voxel edge that both volumes are averaged to, stage by stage (edges that are longer already stay)."""
_SAMPLES = 120_000
_BINS = 50
_ITERATIONS = 200
_SEED = 20250
_WORK_UNITS = 1
"""One: sums are then made in the same order, so the result is the same, on every machine."""
_MARGIN_MM = 6.0
"""How far around the heads intensities are compared: their edge tells most, and a skull that only one volume has tells nothing."""


@dataclass(frozen=True)
class Head:
    """What registration needs of a volume: clipped intensities, the head's mask, and points inside it.

    values (k, j, i) float32; mask (k, j, i) bool; points (N, 3) RAS mm, at most 20000, evenly drawn; background in the unit of values.
    """

    volume: Volume
    values: np.ndarray
    mask: np.ndarray
    points: np.ndarray
    background: float


def find_head(volume: Volume) -> Head:
    """Prepare a volume for comparing. One percent of the head's values are clipped, so that a few bright voxels don't take all bins."""
    values = finite_values(volume)
    mask = head_mask(values)
    background = background_value(values)
    low, high = np.percentile(values[mask] if mask.any() else values, (0.5, 99.5))
    values = np.clip(values, min(low, background), max(high, background))
    return Head(volume, values, mask, _points_of(mask, volume.affine, 20_000), background)


def overlap(first: Head, second: Head) -> float:
    """Fraction (0 to 1) of the smaller head that lies inside the field of view of the other volume."""
    return max(_inside(first.points, second.volume).mean(), _inside(second.points, first.volume).mean())


def similarity(reference: Head, moving: Head, transform: np.ndarray, points: np.ndarray) -> float:
    """Mutual information in bits (higher is better) of both volumes at `points` (N, 3) RAS of the reference, with linear interpolation."""
    return mutual_information(_sample(reference, points), _sample(moving, transform_points(transform, points)))


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """Bits that the values of one volume tell about the other's, from pairs (N,) and a histogram of 32 x 32 even bins; 0 for no pairs."""
    if len(first) == 0:
        return 0.0
    joint = np.histogram2d(first, second, bins=32)[0] / len(first)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log2(joint[filled] / independent[filled])).sum())


def comparison_points(reference: Head, moving: Head, count: int = 100_000) -> np.ndarray:
    """(N, 3) RAS points of the reference grid where comparing makes sense: in both heads, widened, as the headers have them."""
    volume = reference.volume
    step = max(1, round((reference.mask.size / 8e5) ** (1 / 3)))
    k, j, i = np.meshgrid(*(np.arange(0, size, min(step, max(1, size // 24))) for size in volume.shape), indexing="ij")
    points = transform_points(volume.affine, np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.float64))
    points = points[_near(reference, points)]
    points = points[_near(moving, points)]
    return points[::max(1, len(points) // count)]


def register_rigid(reference: Head, moving: Head, progress: Progress | None = None) -> np.ndarray:
    """The 4x4 that takes points of the reference to points of `moving`, found from the headers' position on. Same input, same result.

    The coarser volume is the one whose voxels are sampled, whichever is the reference: measured on BraTS pairs with 5 mm slices, this
    halves the error against interpolating between thick slices.
    progress is called with a fraction and a sentence; what it raises (a cancel) ends the search and is raised again.
    """
    if max(moving.volume.spacing_ijk_mm) > max(reference.volume.spacing_ijk_mm):
        return np.linalg.inv(_search(moving, reference, progress))
    return _search(reference, moving, progress)


def _search(reference: Head, moving: Head, progress: Progress | None) -> np.ndarray:
    import SimpleITK as sitk

    centre = (LPS_TO_RAS @ np.append(reference.points.mean(axis=0), 1.0))[:3]
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    for number, edge in enumerate(_STAGES_MM):
        report = _Report(progress, number / len(_STAGES_MM))
        _refine(transform, _shrunken(reference, edge), _shrunken(moving, edge), edge, _turning_radius(reference), report)
    lps = np.eye(4)
    lps[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    lps[:3, 3] = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    return LPS_TO_RAS @ lps @ LPS_TO_RAS


class _Report:
    """Passes iterations on as progress. An exception can't pass through ITK, so it is kept, the search stopped, and raised after it."""

    def __init__(self, progress: Progress | None, start: float) -> None:
        self.progress, self.start = progress, start
        self.error: BaseException | None = None

    def follow(self, method: sitk.ImageRegistrationMethod) -> None:
        import SimpleITK as sitk

        if (progress := self.progress) is None:
            return

        def on_iteration() -> None:
            try:
                progress(self.start + min(1.0, method.GetOptimizerIteration() / _ITERATIONS) / len(_STAGES_MM), "Registering")
            except BaseException as error:
                self.error = error
                method.StopRegistration()

        method.AddCommand(sitk.sitkIterationEvent, on_iteration)

    def finish(self) -> None:
        if self.error is not None:
            raise self.error


def _turning_radius(head: Head) -> float:
    """Root mean square distance (mm) of the head from an axis through its centre: how far a rotation by 1 radian moves it."""
    return max(1.0, float(np.sqrt(2.0 * head.points.var(axis=0).sum() / 3.0)))


def _refine(transform: sitk.Euler3DTransform, fixed: _Shown, moving: _Shown, edge: float, radius: float, report: _Report) -> None:
    """Improve `transform` in place with one resolution of both volumes; each is (image, mask)."""
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfWorkUnits(_WORK_UNITS)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(fixed[1])
    method.SetMetricMovingMask(moving[1])
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(min(1.0, _SAMPLES / max(1, fixed[0].GetNumberOfPixels())), _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(edge / 4, 0.001, _ITERATIONS, 0.7, 1e-8)
    # Steps count in mm of the head. ITK's own estimate weighs rotations by the image's corners, and stops short of them (up to 5 degrees).
    method.SetOptimizerScales([radius ** 2] * 3 + [1.0] * 3)
    method.SetInitialTransform(transform, inPlace=True)
    report.follow(method)
    method.Execute(fixed[0], moving[0])
    report.finish()


def _shrunken(head: Head, edge: float) -> _Shown:
    """(image, mask) for ITK, averaged to voxels of about `edge` mm, the mask widened by the margin."""
    import SimpleITK as sitk

    factors = [max(1, int(edge / spacing + 0.01)) for spacing in head.volume.spacing_ijk_mm]
    factors = [min(factor, size // 4 or 1) for factor, size in zip(factors, head.volume.shape[::-1])]
    image = sitk.BinShrink(to_sitk(head.values, head.volume.affine), factors)
    mask = sitk.BinShrink(to_sitk(head.mask.astype(np.float32), head.volume.affine), factors) > 0.3
    radius = [max(1, round(_MARGIN_MM / spacing)) for spacing in mask.GetSpacing()]
    return image, sitk.BinaryDilate(mask, radius)


def _points_of(mask: np.ndarray, affine: np.ndarray, count: int) -> np.ndarray:
    chosen = np.flatnonzero(mask)
    if not len(chosen):
        chosen = np.arange(mask.size)
    if len(chosen) > count:
        chosen = chosen[(np.arange(count) * (len(chosen) / count)).astype(np.int64)]
    k, j, i = np.unravel_index(chosen, mask.shape)
    return transform_points(affine, np.stack([i, j, k], axis=1).astype(np.float64))


def _index_kji(volume: Volume, points: np.ndarray) -> np.ndarray:
    """(3, N) continuous (k, j, i) of RAS points."""
    return transform_points(np.linalg.inv(volume.affine), points)[:, ::-1].T


def _inside(points: np.ndarray, volume: Volume) -> np.ndarray:
    index = _index_kji(volume, points)
    return np.all((index >= -0.5) & (index <= np.array(volume.shape)[:, None] - 0.5), axis=0)


def _near(head: Head, points: np.ndarray) -> np.ndarray:
    """Which points lie in the head widened by the margin; on voxels of about 3 mm, where widening costs little."""
    import SimpleITK as sitk

    mask = _shrunken(head, 3.0)[1]
    inverse = np.linalg.inv(affine_of(mask))
    index = np.rint(transform_points(inverse, points)[:, ::-1]).astype(np.int64)
    array = sitk.GetArrayViewFromImage(mask)
    within = ((index >= 0) & (index < np.array(array.shape))).all(axis=1)
    near = np.zeros(len(points), dtype=bool)
    near[within] = array[tuple(index[within].T)] > 0
    return near


def _sample(head: Head, points: np.ndarray) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    return map_coordinates(head.values, _index_kji(head.volume, points), order=1, mode="constant", cval=head.background)
