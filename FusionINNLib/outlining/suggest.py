"""The whole way of a suggested outline: two volumes to one grid, canvas, network, outline on the grid of the reference. Reads and writes
no files."""
from dataclasses import dataclass, replace

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods.devices import choose_device
from FusionINNLib.outlining import model as models
from FusionINNLib.outlining.canvas import canvas_of, heads, images_on
from FusionINNLib.outlining.doubts import doubts
from FusionINNLib.outlining.logits import logits_of
from FusionINNLib.outlining.model import OutlineModel
from FusionINNLib.outlining.order import surer_as_given
from FusionINNLib.outlining.outline import outline_of, probability_of
from FusionINNLib.progress import Progress
from FusionINNLib.registration.alignment import Alignment, align
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.volumes.foreground import finite_values
from FusionINNLib.volumes.orientation import from_ras, to_ras
from FusionINNLib.volumes.suggested import COLOR, NAME
from FusionINNLib.volumes.volume import Volume, check_voxels

LABEL = 1


@dataclass(frozen=True)
class Suggestion:
    """What a network believes to be lesion, on the grid of the reference; nobody drew it.

    labels: uint8, 1 inside. probability: float32, 0..1. volume_ml: of what is inside. model: its id and the checksum of its weights.
    warnings: sentences for the user.
    """

    labels: Volume
    probability: Volume
    volume_ml: float
    model: OutlineModel
    alignment: Alignment
    warnings: tuple[str, ...]

    @property
    def segments(self) -> Segments:
        """As a segment that is told from drawn ones by name and colour."""
        return Segments(self.labels, (Segment("suggested_lesion", NAME, COLOR, LABEL),))


def suggest_outline(first: Volume, second: Volume, *, reference: str = "second", alignment: str = "auto", model: str | None = None,
                    device: str = "auto", progress: Progress | None = None) -> Suggestion:
    """Suggest an outline of a glioma.

    Args:
        first, second: T1 with contrast and FLAIR of one patient, in this order: the model knows nothing else.
        reference, alignment: as of `pipeline.fuse`.
        model: id or path of a model folder; None for the shipped one.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".

    Raises InputError, GeometryError, ModelError, DeviceMemoryError, Cancelled. An empty outline is a result.
    """
    if reference not in ("first", "second"):
        raise InputError(f"The reference cannot be {reference!r}: choose first or second.")
    first, second = check_voxels(first), check_voxels(second)
    progress = progress or Progress()
    loaded = models.load(model)
    fixed, moving = (first, second) if reference == "first" else (second, first)
    aligned = align(fixed, moving, alignment, lambda share, task: progress.step(task, round(100 * share), 100))
    pair = (fixed, aligned.volume) if reference == "first" else (aligned.volume, fixed)
    labels, probability, surer = _outline(loaded, (pair[0], pair[1]), device, progress)
    grid = replace(fixed, slope=1.0, intercept=0.0, unit="", notes=(), segments={}, identity={})
    marked = replace(grid, array=labels, name="suggested")
    volume_ml = float(np.count_nonzero(labels)) * _voxel_ml(fixed)
    warnings = (*aligned.warnings, *doubts(first, second, pair, probability, labels > 0, volume_ml, surer))
    return Suggestion(marked, replace(grid, array=probability, name="probability"), volume_ml, loaded, aligned, warnings)


def _outline(loaded: OutlineModel, pair: tuple[Volume, Volume], device: str,
             progress: Progress) -> tuple[np.ndarray, np.ndarray, float]:
    """Labels uint8 and probability float32, both (k, j, i) on the grid that the pair shares; and by how much the network is surer of the
    pair than of it exchanged."""
    affine = pair[0].affine
    first, second = (to_ras(finite_values(volume), affine) for volume in pair)
    head = heads(first, second)
    canvas = canvas_of(head, spacing_ras_mm(affine))
    images = images_on(canvas, (first, second), head)
    where = choose_device(device)
    logits = logits_of(loaded.network, loaded.slices, images, where, progress)
    surer = surer_as_given(loaded.network, loaded.slices, images, logits, where, progress)
    probability = probability_of(logits, canvas, loaded.rule.temperature)
    marked = outline_of(probability, _voxel_ml(pair[0]), loaded.rule)
    return from_ras(marked.astype(np.uint8), affine), from_ras(probability, affine), surer


def spacing_ras_mm(affine: np.ndarray) -> tuple[float, float, float]:
    """Voxel edges along (k, j, i) of what `to_ras` gives on this grid."""
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    nearest = np.empty(3)
    for axis in range(3):
        nearest[_ras_axis(affine, axis)] = edges[axis]
    right, anterior, superior = nearest
    return float(superior), float(anterior), float(right)


def _ras_axis(affine: np.ndarray, axis: int) -> int:
    """Which of R, A, S the axis i, j or k runs along, as nibabel has it."""
    from nibabel.orientations import io_orientation

    return int(io_orientation(affine)[axis, 0])


def _voxel_ml(volume: Volume) -> float:
    return float(np.prod(volume.spacing_ijk_mm)) / 1000
