"""The whole way: two volumes to a fused one, and back where the method has a way back. Checks, aligns, and hands over to the method.

    fuse:       align -> method's fuse
    decompose:  method's decompose    (exact, with the saved latent)
    estimate:   method's estimate     (from the fused image alone)

All arrays are (k, j, i), affines IJK-to-RAS in mm. Nothing here but `read_fused` reads files, nothing writes any; torch is not imported
before a method needs it.
"""
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib.errors import CapabilityError, InputError, ResultError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import FusionMethod, MethodInfo, SourcePair, no_exact_way
from FusionINNLib.preprocessing.left_out import left_out, like_labels
from FusionINNLib.progress import Progress
from FusionINNLib.registration.alignment import align
from FusionINNLib.registration.mirrored import mirrored_warning
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES
from FusionINNLib.results.recipe import Recipe, from_extensions
from FusionINNLib.results.records import Estimate, FusedFile, Fusion, Preview
from FusionINNLib.volumes.io import NIFTI_ENDINGS, has_scale_factors, read_extension, read_volume
from FusionINNLib.volumes.volume import Volume, check_voxels

SAMPLES, SEED = 8, 0  # of an estimate, where nobody says otherwise


def list_methods() -> list[MethodInfo]:
    """The fusion methods there are, this program's own first, each with what it can do."""
    return [registry.info(name) for name in registry.names()]


def fuse(first: Volume, second: Volume, *, method: str = registry.DEFAULT, reference: str = "second", alignment: str = "auto",
         model: str | None = None, device: str = "auto", seed: int = 0, progress: Progress | None = None,
         settings: Mapping[str, object] | None = None) -> Fusion:
    """Fuse two volumes on the grid of the reference.

    Args:
        first, second: two contrasts of one patient, in this order: ADC and FLAIR, or T1 with contrast and FLAIR.
        method: name of a fusion method, see `list_methods`.
        reference: "first" or "second", whose grid the result has.
        alignment: "auto", "none", "header" or "rigid", see registration/alignment.py.
        model: id or path of a model folder; None for the method's own.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        seed: of a method that draws random numbers.
        settings: of the method, name -> value, see `MethodInfo.settings`; None for its own.

    Raises InputError, GeometryError, ModelError, DeviceMemoryError, Cancelled.
    """
    if reference not in ("first", "second"):
        raise InputError(f"The reference cannot be {reference!r}: choose first or second.")
    first, second = check_voxels(first), check_voxels(second)
    progress = progress or Progress()
    chosen = registry.create(method, model, settings)
    fixed, moving = (first, second) if reference == "first" else (second, first)
    aligned = align(fixed, moving, alignment, lambda share, task: progress.step(task, round(100 * share), 100))
    on_grid = (fixed, aligned.volume) if reference == "first" else (aligned.volume, fixed)
    resampled = aligned.resampled and reference == "second", aligned.resampled and reference == "first"
    fusion = chosen.fuse(SourcePair(*on_grid, resampled, aligned), device=device, seed=seed, progress=progress)
    told = (*mirrored_warning(fixed, aligned.volume), *(said for one in (first, second) for said in (*like_labels(one), *left_out(one))))
    return replace(fusion, warnings=(*fusion.warnings, *told))


def decompose(fused: Volume, latent: Volume | None, recipe: Recipe, *, model: str | None = None, device: str = "auto",
              progress: Progress | None = None) -> tuple[Volume, Volume]:
    """Both sources on the reference grid, from the fused image and the latent that came with it.

    Integers that were not resampled come back identical in every voxel, with their type and scale factors; others to 1e-5 of their range.
    model: id or path of a model folder; None for the one that the recipe names.
    Raises CapabilityError where the method has no way back, ResultError where the two volumes do not belong together, ModelError,
    DeviceMemoryError, Cancelled.
    """
    chosen = registry.maker_of(recipe, model)
    if latent is None:
        if not chosen.info.capabilities.exact:
            raise CapabilityError(no_exact_way(chosen.info))
        raise ResultError("The latent image is not there: give the one that was written with the fused image, or ask for an estimate.")
    return chosen.decompose(fused, latent, recipe, device=device, progress=progress)


def estimate(fused: Volume, recipe: Recipe, *, samples: int = SAMPLES, seed: int = SEED, numbers: list[int] | None = None,
             model: str | None = None, device: str = "auto", progress: Progress | None = None) -> Estimate:
    """Both sources as the method believes them to be, from the fused image alone, with their spread.

    Args:
        fused: on the nominal 0..1 scale, as `fuse` gave it or stored again with less precision.
        recipe: from the header of the fused image, see `read_fused`.
        samples: number of latents drawn, by a method that draws some; the spread needs two.
        seed: the same seed gives the same result.
        numbers: of the slices in the whole volume, where `fused` holds only some: for the same latents as there.
        model: as for `decompose`.

    Raises CapabilityError where the method has no such way, InputError, ResultError, ModelError, DeviceMemoryError, Cancelled.
    """
    chosen = registry.maker_of(recipe, model)
    return chosen.estimate(fused, recipe, samples=samples, seed=seed, numbers=numbers, device=device, progress=progress)


def preview(fusion: Fusion, slices: list[int], *, model: str | None = None, device: str = "auto",
            progress: Progress | None = None) -> Preview:
    """Both ways back on some slices of a fusion, from the very numbers that are written; None for a way that the method has not."""
    chosen, can = registry.maker_of(fusion.recipe, model), registry.info(fusion.recipe.method).capabilities
    exact = guess = None
    if can.dims == 3:
        return _preview_of_whole(chosen, fusion, slices, device, progress)
    if can.exact or can.estimate:
        recipe, few = chosen.of_slices(fusion.recipe, slices), _some_slices(fusion.fused, slices, fusion.recipe.axis)
        if can.exact and fusion.latent is not None:
            latent = _some_slices(fusion.latent, slices, fusion.recipe.axis)
            exact = chosen.decompose(few, latent, recipe, device=device, progress=progress)
        if can.estimate:
            guess = chosen.estimate(few, recipe, samples=SAMPLES, seed=SEED, numbers=slices, device=device, progress=progress)
    return Preview(slices, exact, guess, registry.drawn(fusion.recipe, SAMPLES, SEED).get("samples", 0))


def _preview_of_whole(chosen: FusionMethod, fusion: Fusion, slices: list[int], device: str, progress: Progress | None) -> Preview:
    """As `preview`, of a method that looks at neighbourhoods in all axes: the whole goes back, and some slices are taken out."""
    def some(volume: Volume) -> Volume:
        return _some_slices(volume, slices, fusion.recipe.axis)

    exact = guess = None
    if chosen.info.capabilities.exact and fusion.latent is not None:
        first, second = chosen.decompose(fusion.fused, fusion.latent, fusion.recipe, device=device, progress=progress)
        exact = some(first), some(second)
    if chosen.info.capabilities.estimate:
        guess = chosen.estimate(fusion.fused, fusion.recipe, samples=SAMPLES, seed=SEED, device=device, progress=progress)
        guess = replace(guess, **{image.field: some(getattr(guess, image.field)) for image in ESTIMATE_IMAGES})
    return Preview(slices, exact, guess, registry.drawn(fusion.recipe, SAMPLES, SEED).get("samples", 0))


def read_fused(path: str | Path, model: str | None = None) -> FusedFile:
    """Read a fused image with or without its record in the header, with or without its scale, ready for `estimate`.

    Args:
        path: NIfTI, or another format (which never holds the record).
        model: id or path of a model folder; by itself the one that the file names, or the default one where it names none.

    Raises InputError as `read_volume` does, ResultError for a record of a newer version, CapabilityError where no estimate can be had.
    """
    volume = read_volume(path)
    is_nifti = str(path).lower().endswith(NIFTI_ENDINGS)
    recipe = from_extensions(read_extension(path)) if is_nifti else None
    method = registry.method_of(recipe, model) if recipe else registry.create(registry.DEFAULT, model)
    return method.adopt(volume, recipe, has_scale=volume.is_scaled or (is_nifti and has_scale_factors(path)))


def _some_slices(volume: Volume, slices: list[int], axis: int) -> Volume:
    return replace(volume, array=np.take(volume.array, slices, axis))
