"""One case through the pipeline as a user gets it, and all figures of it.

Whole volumes are fused and taken apart exactly. Estimates are made from files, written and read again; to save time only the slices that
count pass through the network, which changes nothing in them: latents are drawn slice by slice.
"""
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from FusionINNLib.methods.fusioninn.record import record_of, with_boxes
from FusionINNLib.methods.registry import DEFAULT
from FusionINNLib.pipeline import decompose, estimate, fuse, read_fused
from FusionINNLib.preprocessing.normalization import scaled
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results.recipe import Recipe, SourceRecord, to_extension
from FusionINNLib.results.records import FusedFile, Fusion
from FusionINNLib.volumes.foreground import filled_foreground
from FusionINNLib.volumes.io import read_volume, write_nifti
from FusionINNLib.volumes.volume import Volume
from training.evaluation.cases import EvaluationCase, SliceChoice
from training.evaluation.quality import calibration, fused_figures, latent_figures, similarities
from training.evaluation.released_figures import released_figures

STORAGES = {"float32": None, "int16": np.dtype(np.int16), "uint8": np.dtype(np.uint8)}
SAMPLES, SEED = 8, 0  # as `fusioninn decompose --estimate` is preset


@dataclass(frozen=True)
class CaseResult:
    """Figures of one case.

    exact: of both sources; integer sources: number of voxels that differ; others: largest error as a share of the range.
    counts_voxels: which of the two it is, for each source.
    slices: index -> figures of that slice.
    together: figures of all of them together, `quality.latent_figures` and `quality.calibration`.
    remarks: what the alignment did, warnings.
    """

    name: str
    exact: tuple[float, float]
    counts_voxels: tuple[bool, bool]
    slices: dict[int, dict[str, float]]
    together: dict[str, float]
    remarks: tuple[str, ...]

    @property
    def means(self) -> dict[str, float]:
        """Means over the slices, and the figures of all slices together."""
        rows = list(self.slices.values())
        return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | self.together


def fuse_case(case: EvaluationCase, model: str | None, device: str, method: str = DEFAULT) -> Fusion:
    """Both volumes read and fused on the grid of the case's reference with the preset alignment. Raises as the pipeline does."""
    return fuse(read_volume(case.first), read_volume(case.second), method=method, reference=case.reference, model=model,
                device=device)


def measure_case(case: EvaluationCase, fusion: Fusion, choose: SliceChoice, model: str, device: str) -> CaseResult | None:
    """All figures of a fused case, None where it has no slice that counts."""
    assert fusion.latent is not None  # FusionINN makes one
    one, other = (nominal_source(volume, record, fusion.recipe.axis)
                  for volume, record in zip((fusion.first, fusion.second), fusion.recipe.sources))
    sources = one, other
    heads = np.stack([filled_foreground(*pair) for pair in zip(*sources)])
    chosen = choose(case, fusion, heads)
    if not chosen:
        return None
    exact = decompose(fusion.fused, fusion.latent, fusion.recipe, model=model, device=device)
    errors, counts = zip(*(_exactness(back, source, record.resampled)
                           for back, source, record in zip(exact, (fusion.first, fusion.second), fusion.recipe.sources)))
    fused, latent = (to_stack(volume.array, fusion.recipe.axis) for volume in (fusion.fused, fusion.latent))
    guesses, spreads = _all_estimates(fusion, chosen, model, device)
    released = released_figures(model, device, sources, heads, chosen, SEED)
    slices = {}
    for place, k in enumerate(chosen):
        pair = (sources[0][k], sources[1][k])
        slices[k] = fused_figures(fused[k], pair, heads[k]) | released.get(k, {})
        for name, (first, second) in guesses.items():
            slices[k] |= similarities(name, (first[place], second[place]), pair, heads[k])
    together = latent_figures(latent[chosen], fused[chosen], heads[chosen])
    for n, (guess, spread, source) in enumerate(zip(guesses["float32"], spreads, sources), start=1):
        together[f"calibration_{n}"] = calibration(guess, spread, source[chosen], heads[chosen])
    return CaseResult(case.name, errors, counts, slices, together, _remarks(fusion))


def _exactness(back: Volume, source: Volume, resampled: bool) -> tuple[float, bool]:
    """(voxels that differ, True) for integers as the scanner stored them, else (largest error / range, False)."""
    if source.array.dtype.kind in "iu" and not resampled:
        return float(np.count_nonzero(back.array != source.array)), True
    finite = np.isfinite(source.array)
    there, here = (volume.array[finite].astype(np.float64) for volume in (source, back))
    return float(np.abs(here - there).max() / np.ptp(there)), False


def _remarks(fusion: Fusion) -> tuple[str, ...]:
    done = fusion.alignment
    if done.mode == "none":
        return fusion.warnings
    moved = f"alignment: {done.mode}, {done.shift_mm:.1f} mm and {done.rotation_deg:.1f} degrees"
    return (moved, *fusion.warnings)


# ---- on the nominal scale ----------------------------------------------------------------------------------------------------------


def nominal_source(volume: Volume, record: SourceRecord, axis: int) -> np.ndarray:
    """A source as the network saw it: stack (K, J, I) float32 on the nominal 0..1 scale, 0 where it is not finite."""
    stack = to_stack(volume.array, axis)
    return np.stack([scaled(part, record.normalization(k)) for k, part in enumerate(stack)])


def nominal_estimate(volume: Volume, record: SourceRecord, axis: int, chosen: list[int]) -> np.ndarray:
    """The chosen slices (n, J, I) of an estimate in the source's unit, on the nominal 0..1 scale."""
    stack = to_stack(volume.array, axis)
    return np.stack([record.normalization(k).apply((stack[k] - record.intercept) / record.slope) for k in chosen])


def nominal_spread(volume: Volume, record: SourceRecord, axis: int, chosen: list[int]) -> np.ndarray:
    """The chosen slices (n, J, I) of a standard deviation in the source's unit, on the nominal 0..1 scale."""
    stack = to_stack(volume.array, axis)
    return np.stack([stack[k] / abs(record.normalization(k).scale * record.slope) for k in chosen])


# ---- estimates ---------------------------------------------------------------------------------------------------------------------


Stacks = tuple[np.ndarray, np.ndarray]


def _all_estimates(fusion: Fusion, chosen: list[int], model: str, device: str) -> tuple[dict[str, Stacks], Stacks]:
    """The chosen slices (n, J, I) of both estimates, by how they were made: from each storage, from one draw, from a latent of zeros;
    and the spreads of those from float32."""

    def nominal(first: Volume, second: Volume) -> Stacks:
        one, other = (nominal_estimate(volume, record, fusion.recipe.axis, chosen)
                      for volume, record in zip((first, second), fusion.recipe.sources))
        return one, other

    assert fusion.latent is not None  # FusionINN makes one
    guesses: dict[str, Stacks] = {}
    spreads: list[np.ndarray] = []
    for name, dtype in STORAGES.items():
        stored = stored_and_read(fusion, dtype, model)
        guess = estimate(stored.fused, _only(stored.recipe, chosen), samples=SAMPLES, seed=SEED, model=model, device=device)
        guesses[name] = nominal(guess.first, guess.second)
        if dtype is None:
            spreads = [nominal_spread(volume, record, fusion.recipe.axis, chosen)
                       for volume, record in zip((guess.first_spread, guess.second_spread), fusion.recipe.sources)]
    recipe = _only(fusion.recipe, chosen)
    guess = estimate(fusion.fused, recipe, samples=1, seed=SEED, model=model, device=device)
    guesses["one_draw"] = nominal(guess.first, guess.second)
    zeros = _zeros(fusion.latent, recipe)
    guesses["zero_latent"] = nominal(*decompose(fusion.fused, zeros, _unrounded(recipe), model=model, device=device))
    return guesses, (spreads[0], spreads[1])


def _only(recipe: Recipe, chosen: list[int]) -> Recipe:
    """The recipe with only these slices passing through the network; voxels and latents of the slices stay where they are."""
    return with_boxes(recipe, tuple(box for box in record_of(recipe).boxes if box.k in chosen))


def _zeros(latent: Volume, recipe: Recipe) -> Volume:
    """A latent of zeros in the boxes, of background outside."""
    record = record_of(recipe)
    array = np.full_like(latent.array, record.background[1])
    for box in record.boxes:
        to_stack(array, recipe.axis)[box.index] = 0
    return replace(latent, array=array)


def _unrounded(recipe: Recipe) -> Recipe:
    """Sources come out as float32, as estimates do, instead of in their stored type, and with any latent: no sketch refuses it."""
    record = replace(record_of(recipe), sketches=None).to_dict()
    sources = tuple(replace(source, dtype="float32", not_finite=None, kept_apart=None) for source in recipe.sources)
    return replace(recipe, record=record, sources=sources)


def stored_and_read(fusion: Fusion, dtype: np.dtype | None, model: str | None) -> FusedFile:
    """The fused image through a NIfTI file, as float32 or as integers with scale factors that span its range."""
    volume = fusion.fused if dtype is None else as_integers(fusion.fused, dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.nii"
        write_nifti(volume, path, extension=to_extension(fusion.recipe))
        return read_fused(path, model)


def as_integers(volume: Volume, dtype: np.dtype) -> Volume:
    """A float volume as another program stores it: all integers of the type over the range of its voxels, scale factors in float32."""
    low, high, limits = float(volume.array.min()), float(volume.array.max()), np.iinfo(dtype)
    slope = float(np.float32((high - low) / (limits.max - limits.min)))
    intercept = float(np.float32(low - limits.min * slope))
    stored = np.clip(np.rint((volume.array.astype(np.float64) - intercept) / slope), limits.min, limits.max)
    return replace(volume, array=stored.astype(dtype), slope=slope, intercept=intercept)
