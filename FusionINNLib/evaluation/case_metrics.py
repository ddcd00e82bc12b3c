"""How good a fusion is and how far an estimate can be believed, in numbers: as a whole, in the segmentation, in a margin around it.

No slicer: it may run in a worker. Arrays are (k, j, i).
"""
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.normalization import scaled
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.progress import Progress
from FusionINNLib.registration.resampling import onto_grid
from FusionINNLib.results.estimate_images import CYCLE, ESTIMATE_IMAGES, SPREAD, DecomposedImage
from FusionINNLib.results.recipe import Recipe, SourceRecord
from FusionINNLib.results.scene_folder import as_stored
from FusionINNLib.results.sources import entering
from FusionINNLib.volumes.volume import Volume

WHOLE, SEGMENTATION = "whole volume", "segmentation"
MARGIN_MM = 10.0


class Group(Enum):
    """What a number is about."""

    FUSION = "fusion"
    ESTIMATE = "estimate"


@dataclass(frozen=True)
class Row:
    """One number.

    key: what it is: a key of `FusionINNLib.metrics`, or of an `EstimateFigure`. region: "whole volume", "segmentation" or, for example,
    "10 mm margin". unit: "" for plain numbers.
    """

    key: str
    region: str
    value: float
    unit: str = ""
    group: Group = Group.FUSION

    @property
    def measure(self) -> str:
        """What it is called in tables for readers."""
        return _MEASURES.get(self.key, self.key)


@dataclass(frozen=True)
class EstimateFigure:
    """One figure of an image of an estimate.

    key: of its rows. measure: for readers. of: takes the absolute values in a region, any number of them.
    """

    key: str
    measure: str
    of: Callable[[np.ndarray], float]


def figures_of(image: DecomposedImage) -> tuple[EstimateFigure, ...]:
    """What is measured of an image of an estimate; nothing of the estimates themselves, which have no source to be compared with."""
    if image.kind is SPREAD and image.role is not None:
        name = f"spread of {('first', 'second')[image.role]}"
        return (EstimateFigure(f"{image.field}_mean", f"{name}, mean", _mean),
                EstimateFigure(f"{image.field}_p95", f"{name}, 95th percentile", lambda values: _percentile(values, 95)))
    if image.kind is CYCLE:
        return (EstimateFigure(f"{image.field}_mean", "cycle error, mean of absolute values", _mean),
                EstimateFigure(f"{image.field}_largest", "cycle error, largest", lambda values: _percentile(values, 100)))
    return ()


def fusion_rows(sources: tuple[Volume, Volume], fused: Volume, recipe: Recipe, labels: Volume | None = None,
                margin_mm: float = MARGIN_MM, progress: Progress | None = None) -> tuple[Row, ...]:
    """The published fusion metrics (see `FusionINNLib.metrics`) of sources and fused image on one grid.

    Args:
        sources: on the grid of the fused image, as the exact decomposition gives them.
        labels: segmentation on that grid, 0 outside; None or all 0: no rows of regions.
        margin_mm: reach of the margin around the segmentation.
        progress: told of each slice measured, and may cancel there.

    Sources are seen on the nominal scale on which they were fused, cut to -0.5..1.5, which is what the metrics take.
    Raises InputError where grids differ or nothing can be measured.
    """
    from FusionINNLib.metrics import WHOLE_KEYS, evaluate_volume
    from FusionINNLib.metrics.images import HIGHEST, LOWEST

    if any(volume.shape != recipe.shape for volume in (*sources, fused)):
        raise InputError("The volumes to compare lie on different grids: use what one fusion and its exact decomposition gave.")
    progress = progress or Progress()
    images: list[np.ndarray] = []
    for image in (*(_nominal(volume, record, recipe.axis) for volume, record in zip(sources, recipe.sources)),
                  to_stack(fused.values, recipe.axis)):
        images.append(np.clip(image, LOWEST, HIGHEST).astype(np.float32))
        progress.step("measuring", 0, 1)
    masks = [(name, to_stack(mask, recipe.axis)) for name, mask in regions(_turned_onto(labels, fused), margin_mm)]
    margins = [(name, mask, np.flatnonzero(mask.any(axis=(1, 2)))) for name, mask in masks[1:]]
    first, second, seen = images
    counted = _counting(progress, len(first) + sum(len(some) for _, _, some in margins))
    whole = evaluate_volume(first, second, seen, masks[0][1] if masks else None, progress=counted).volume
    rows = [Row(key, WHOLE, whole[key]) for key in WHOLE_KEYS]
    if masks:
        rows += _masked_rows(whole, masks[0][0])
    for name, mask, some in margins:
        rows += _masked_rows(evaluate_volume(first[some], second[some], seen[some], mask[some], progress=counted).volume, name)
    return tuple(rows)


def _counting(progress: Progress, total: int) -> Progress:
    """What counts the slices of several volumes as one piece of work."""
    done = itertools.count(1)
    return Progress(lambda task, here, all_here: progress.step("measuring", next(done), total))


def estimate_rows(estimate, labels: Volume | None = None, margin_mm: float = MARGIN_MM) -> tuple[Row, ...]:
    """Spread of an estimate over its latents, and by how much the fused image is missed when the estimate is fused again.

    Args:
        estimate: a `pipeline.Estimate`.
        labels: segmentation on its grid; None or all 0: no rows of regions.

    The whole volume is where the network worked: where latents make any difference.
    """
    images = [(image, getattr(estimate, image.field)) for image in ESTIMATE_IMAGES if figures_of(image)]
    worked = np.any([volume.values != 0 for _, volume in images], axis=0)
    rows = []
    for region, mask in [(WHOLE, worked), *regions(_turned_onto(labels, estimate.first_spread), margin_mm)]:
        for image, volume in images:
            values, unit = np.abs(volume.values[mask]), "" if image.role is None else volume.unit
            rows += [Row(figure.key, region, figure.of(values), unit, Group.ESTIMATE) for figure in figures_of(image)]
    return tuple(rows)


def regions(labels: Volume | None, margin_mm: float = MARGIN_MM) -> list[tuple[str, np.ndarray]]:
    """Masks (k, j, i): the segmentation, and what lies no further from it than the margin. None where there is no segmentation."""
    if labels is None or not labels.array.any():
        return []
    inside = labels.array != 0
    found = [(SEGMENTATION, inside)]
    margin = _margin(inside, labels.spacing_ijk_mm, margin_mm)
    if margin.any():
        found.append((f"{margin_mm:g} mm margin", margin))
    return found


def _margin(inside: np.ndarray, spacing_ijk_mm: tuple[float, float, float], margin_mm: float) -> np.ndarray:
    """What is near the mask but not in it, by true distances; computed in the box that can hold it."""
    from scipy.ndimage import distance_transform_edt

    spacing_kji = spacing_ijk_mm[::-1]
    box = []
    for axis, edge in enumerate(spacing_kji):
        used = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        reach = int(np.ceil(margin_mm / edge))
        box.append(slice(max(0, used[0] - reach), used[-1] + reach + 1))
    part = inside[tuple(box)]
    margin = np.zeros_like(inside)
    margin[tuple(box)] = (np.asarray(distance_transform_edt(~part, sampling=spacing_kji)) <= margin_mm) & ~part
    return margin


def _nominal(volume: Volume, record: SourceRecord, axis: int) -> np.ndarray:
    """A source as the network saw it, (K, J, I) float32. What is not finite is background, and so is padding."""
    stored = to_stack(entering(as_stored(volume, record), record), axis)
    return np.stack([scaled(part, record.normalization(k)) for k, part in enumerate(stored)])


def _masked_rows(values: dict[str, float], region: str) -> list[Row]:
    from FusionINNLib.metrics import MASKED_KEYS

    return [Row(key.removesuffix("_masked"), region, values[key]) for key in MASKED_KEYS]


def _turned_onto(labels: Volume | None, grid: Volume) -> Volume | None:
    """Labels with their axes as those of a grid: Slicer's readers turn left-handed ones over. Raises InputError for another grid."""
    if labels is None:
        return None
    turned = onto_grid(labels, grid)
    if turned is None:
        raise InputError("The segmentation lies on another grid than the volumes to measure: bring it onto the grid of the fused image.")
    return turned


def _percentile(values: np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")


_MEASURES = {figure.key: figure.measure for image in ESTIMATE_IMAGES for figure in figures_of(image)}
