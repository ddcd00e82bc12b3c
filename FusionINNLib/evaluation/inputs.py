"""The three images that `fusioninn evaluate` compares, and the mask, from files: all on one grid and all on one scale.

Volumes are compared slice by slice across their through-plane axis, on the nominal 0..1 scale; pictures as the grey levels 0..255 they are.
"""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.metrics.images import HIGHEST, LOWEST
from FusionINNLib.preprocessing.normalization import finite, fit_volume, scaled, without_extremes
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.registration.resampling import onto_grid
from FusionINNLib.volumes.io import read_mask, read_volume
from FusionINNLib.volumes.png import is_picture, read_grey, read_picture_mask
from FusionINNLib.volumes.volume import Volume

ROLES = ("first", "second", "fused")
BEYOND = 1e-3
"""Share of voxels beyond -0.5..1.5 (a few vessels, noise) up to which an image still counts as one on the nominal 0..1 scale."""


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    images   first, second, fused: (K, J, I), all uint8 on 0..255 or all float32 on nominal 0..1; one slice where they are pictures
    mask     (K, J, I) bool, or None
    names    role ("first", "second", "fused", "mask") -> file name without folder; None where there is no mask
    scales   role of an image -> how its values were taken, a clause
    notes    sentences for the user
    is_picture   whether these are single pictures
    """

    images: tuple[np.ndarray, np.ndarray, np.ndarray]
    mask: np.ndarray | None
    names: dict[str, str | None]
    scales: dict[str, str]
    notes: tuple[str, ...]
    is_picture: bool


def read_comparison(paths: tuple[Path, Path, Path], mask: Path | None = None, scaled: bool = False) -> Comparison:
    """Read first, second, fused and the mask.

    Args:
        paths: three volumes of any format that can be read, on one grid, or three 8-bit grey PNGs of one size.
        mask: of the same kind; inside where it is not 0.
        scaled: take volumes that are sources as they are, on nominal 0..1, instead of normalising them as `fuse` does.

    Raises InputError for files that cannot be read or compared and for an empty mask, GeometryError for volumes on unlike grids.
    """
    files = [*paths, *([mask] if mask else [])]
    for path in files:
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder; check the path.")
    pictures = [is_picture(path) for path in files]
    if any(pictures) and not all(pictures):
        picture, volume = files[pictures.index(True)].name, files[pictures.index(False)].name
        raise InputError(f"{picture} is a picture and {volume} is none; give PNG pictures only, or volumes only.")
    comparison = _pictures(paths, mask) if all(pictures) else _volumes(paths, mask, scaled)
    if comparison.mask is not None and not comparison.mask.any():
        raise InputError(f"The mask {comparison.names['mask']} is empty; give one that covers the brain, or none.")
    return comparison


def _pictures(paths: tuple[Path, Path, Path], mask: Path | None) -> Comparison:
    first, second, fused = (read_grey(path) for path in paths)
    for path, image in zip(paths[1:], (second, fused)):
        _check_size(path, image, paths[0], first)
    inside = None
    if mask is not None:
        inside = read_picture_mask(mask)
        _check_size(mask, inside, paths[0], first)
    names: dict[str, str | None] = dict(zip((*ROLES, "mask"), (*(path.name for path in paths), mask.name if mask else None)))
    scales: dict[str, str] = dict.fromkeys(ROLES, "8-bit grey levels, taken as 0..255")
    return Comparison((first[None], second[None], fused[None]), None if inside is None else inside[None], names, scales, (), True)


def _check_size(path: Path, image: np.ndarray, first_path: Path, first: np.ndarray) -> None:
    if image.shape != first.shape:
        sizes = [" x ".join(str(side) for side in picture.shape[::-1]) for picture in (first, image)]
        raise InputError(f"{first_path.name} is {sizes[0]} pixels but {path.name} is {sizes[1]}; bring all pictures to one size.")


def _volumes(paths: tuple[Path, Path, Path], mask: Path | None, as_scaled: bool) -> Comparison:
    volumes = [read_volume(path) for path in paths]
    names: dict[str, str | None] = dict.fromkeys((*ROLES, "mask"))
    names |= {role: volume.name if path.is_dir() else path.name for role, path, volume in zip(ROLES, paths, volumes)}
    fused = volumes[2]
    on_grid = [_on_grid(volume, fused, "give both sources on the fused image's grid, as 'fusioninn decompose' writes them, "
                                       "or resample them first") for volume in volumes[:2]] + [fused]
    notes = [f"{volume.name}: {note}." for volume in volumes for note in volume.notes]
    notes += [f"{volume.name} was stored with other axes: reordered, every voxel kept." for volume, turned in zip(volumes, on_grid)
              if turned is not volume]
    if all(_is_8_bit(volume) for volume in volumes):
        images, scales = [volume.array for volume in on_grid], ["8-bit grey levels, taken as 0..255"] * 3
    else:
        images, scales = zip(*[_on_scale(volume, role, as_scaled, notes) for volume, role in zip(on_grid, ROLES)])
    inside = None
    if mask is not None:
        given = read_mask(mask)
        names["mask"] = given.name if mask.is_dir() else mask.name
        inside = to_stack(_on_grid(given, fused, "give a mask on the images' own grid").array, fused.through_plane_axis)
    first, second, third = (np.ascontiguousarray(to_stack(image, fused.through_plane_axis)) for image in images)
    return Comparison((first, second, third), inside, names, dict(zip(ROLES, scales)), tuple(notes), False)


def _on_grid(volume: Volume, reference: Volume, remedy: str) -> Volume:
    """The volume, with its axes reordered if need be. Raises GeometryError where it lies on other voxels than the reference."""
    turned = onto_grid(volume, reference)
    if turned is None:
        sizes = [" x ".join(str(size) for size in one.shape[::-1]) for one in (volume, reference)]
        unlike = f" ({sizes[0]} and {sizes[1]} voxels)" if sizes[0] != sizes[1] else ""
        raise GeometryError(f"{volume.name} and {reference.name} lie on different grids{unlike}: {remedy}.")
    return turned


def _is_8_bit(volume: Volume) -> bool:
    return volume.array.dtype == np.uint8 and not volume.is_scaled


def _on_scale(volume: Volume, role: str, as_scaled: bool, notes: list[str]) -> tuple[np.ndarray, str]:
    """(k, j, i) float32 within -0.5..1.5, and how the values were taken. What is not finite and padding become 0, as in `fuse`."""
    normalised = role != "fused" and not as_scaled
    if normalised:
        normalization = fit_volume(volume.array)
        values = scaled(without_extremes(volume.array), normalization)
        scale = f"normalised as 'fuse' does: (stored value - {normalization.offset:.6g}) / {normalization.scale:.6g}"
    elif _is_8_bit(volume):
        values, scale = volume.array.astype(np.float32) / 255, "8-bit grey levels, taken as 0..255"
    else:
        values, scale = finite(volume.values), "taken as it is, on the nominal 0..1 scale"
    beyond = int(np.count_nonzero((values < LOWEST) | (values > HIGHEST)))
    if beyond > BEYOND * values.size and not normalised:
        raise InputError(f"{volume.name} reaches from {values.min():g} to {values.max():g}, which is not the nominal 0..1 scale "
                         f"(nor 8-bit): {_remedy(role)}.")
    if beyond:
        notes.append(f"{volume.name}: {beyond} voxel{'s' if beyond > 1 else ''} beyond {LOWEST:g}..{HIGHEST:g} cut to that range.")
    return np.clip(values, LOWEST, HIGHEST), scale


def _remedy(role: str) -> str:
    return "bring the fused image to that scale first" if role == "fused" else "leave out --scaled"
