"""One case, fused, its file damaged, and estimated from that file: figures inside the head, and what the user was told.

Only the slices that count pass through the network; latents are drawn slice by slice, so that this changes nothing in them.
"""
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from FusionINNLib.errors import FusionINNError
from FusionINNLib.methods.fusioninn.outside import PASSED_NONE
from FusionINNLib.methods.fusioninn.record import record_of, with_boxes
from FusionINNLib.methods.registry import DEFAULT
from FusionINNLib.pipeline import estimate, read_fused
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results.recipe import Recipe, to_extension
from FusionINNLib.results.records import Estimate, FusedFile, Fusion
from FusionINNLib.volumes.foreground import filled_foreground
from FusionINNLib.volumes.io import read_volume, write_nifti
from FusionINNLib.volumes.volume import Volume
from training.evaluation.measure import SAMPLES, SEED, nominal_estimate, nominal_source, nominal_spread
from training.evaluation.quality import similarity
from training.robustness.damages import Damage

NINETY = 1.6449  # standard deviations on each side hold nine tenths of a normal distribution


@dataclass(frozen=True)
class Outcome:
    """What became of one case after one damage.

    figures: `q_N` Q_SSIM inside the head, `error_N` root mean square error over that of the source, `ratio_N` error over reported spread,
    `held_N` share of the true values inside the reported 90 % interval, `floor_N` Q_SSIM of the damaged fused image itself, N being 1 and
    2; empty where the file was refused. largest_N: the largest error as a share of the source's range inside the head.
    told: sentences for the user, beyond those that any scaled file gets. refused: the sentence with which it was, else "".
    """

    figures: dict[str, float]
    told: tuple[str, ...]
    refused: str


@dataclass(frozen=True)
class Subject:
    """A fused case and the indices of its slices that are measured."""

    name: str
    fusion: Fusion
    chosen: list[int]


def chosen_slices(candidates: list[int], count: int, number: int) -> list[int]:
    """At most `number` of the candidates, evenly spaced, among them the middle one of all slices where it is one: it may be damaged."""
    places = np.linspace(0, len(candidates) - 1, min(number, len(candidates))).round().astype(int)
    slices = [candidates[place] for place in places]
    if count // 2 in candidates and count // 2 not in slices:
        slices[int(np.argmin([abs(k - count // 2) for k in slices]))] = count // 2
    return sorted(slices)


def heads_of(fusion: Fusion) -> np.ndarray:
    """Masks (K, J, I) of the head, slice by slice."""
    return np.stack([filled_foreground(*pair) for pair in zip(*_sources(fusion))])


def measure(subject: Subject, damage: Damage, model: str | None, device: str) -> Outcome:
    """Store the damaged fused image, read it as a user would, estimate and compare. A refusal is an outcome."""
    fusion = subject.fusion
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.nii"
        write_nifti(damage.apply(fusion.fused), path, extension=to_extension(fusion.recipe))
        try:
            read = read_fused(path, model)
            guess = estimate(read.fused, _only(read, subject), samples=SAMPLES, seed=SEED, model=model, device=device)
        except FusionINNError as problem:
            return Outcome({}, (), str(problem))
        usual = set(read_volume(path).notes)
    said = (*(f"{note}." for note in read.notes if note not in usual), *guess.warnings)
    told = tuple(sentence for sentence in said if PASSED_NONE not in sentence)  # it is only that most slices are left out here
    return Outcome(_figures(subject, read, guess), told, "")


def _only(read: FusedFile, subject: Subject) -> Recipe:
    """The recipe with only those slices passing through the network that lie where the measured ones do; of another method as it is."""
    if read.recipe.method != DEFAULT:
        return read.recipe
    wanted = read.fused.through_plane_axis
    index = np.linalg.inv(subject.fusion.fused.affine) @ read.fused.affine
    middle = [(size - 1) / 2 for size in read.fused.shape[::-1]]
    boxes = []
    for box in record_of(read.recipe).boxes:
        point = [float(box.k) if 2 - axis == read.recipe.axis else middle[axis] for axis in range(3)]
        there = (index @ [*point, 1.0])[2 - subject.fusion.recipe.axis]
        if wanted != read.recipe.axis or round(there) in subject.chosen:
            boxes.append(box)
    return with_boxes(read.recipe, tuple(boxes))


def _figures(subject: Subject, read: FusedFile, guess: Estimate) -> dict[str, float]:
    fusion, chosen = subject.fusion, subject.chosen
    axis = fusion.recipe.axis
    sources, heads = [stack[chosen] for stack in _sources(fusion)], heads_of(fusion)[chosen]
    shown = to_stack(_placed(read.fused, fusion.fused).array, axis)[chosen] - _background(fusion.recipe)
    figures = {}
    for n, (mean, spread) in enumerate(((guess.first, guess.first_spread), (guess.second, guess.second_spread))):
        record, source = fusion.recipe.sources[n], sources[n]
        believed = nominal_estimate(_placed(mean, fusion.fused), record, axis, chosen)
        unsure = nominal_spread(_placed(spread, fusion.fused), record, axis, chosen)
        error, spreads = (np.abs(believed - source)[heads].astype(np.float64), unsure[heads].astype(np.float64))
        true = source[heads].astype(np.float64)
        figures |= {f"q_{n + 1}": _mean_similarity(believed, source, heads), f"floor_{n + 1}": _mean_similarity(shown, source, heads),
                    f"error_{n + 1}": float(_rms(error) / _rms(true)), f"ratio_{n + 1}": float(_rms(error) / max(_rms(spreads), 1e-12)),
                    f"held_{n + 1}": float((error <= NINETY * spreads).mean()), f"largest_{n + 1}": float(error.max() / np.ptp(true))}
    return figures


def _background(recipe: Recipe) -> float:
    return record_of(recipe).background[0] if recipe.method == DEFAULT else 0.0


def _mean_similarity(images: np.ndarray, sources: np.ndarray, heads: np.ndarray) -> float:
    return float(np.mean([similarity(image, source, head)[1] for image, source, head in zip(images, sources, heads)]))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values ** 2).mean()))


def _sources(fusion: Fusion) -> tuple[np.ndarray, np.ndarray]:
    first, second = (nominal_source(volume, record, fusion.recipe.axis)
                     for volume, record in zip((fusion.first, fusion.second), fusion.recipe.sources))
    return first, second


def _placed(volume: Volume, grid: Volume) -> Volume:
    """The nearest voxels of a volume on the grid of another one, 0 where it has none: turning and cropping undone."""
    index = (np.linalg.inv(volume.affine) @ grid.affine)[:3]
    matrix, offset = index[::-1, 2::-1], index[::-1, 3]
    array = ndimage.affine_transform(volume.array.astype(np.float32), matrix,
                                     offset,  # pyright: ignore[reportArgumentType] - SciPy has no types, its preset is a number
                                     grid.shape, order=0, mode="constant")
    return replace(volume, array=array, affine=grid.affine)
