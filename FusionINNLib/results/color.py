"""A fused image in colour: the luminance is what was fused, the chroma is that of the source which had some. Arrays are (k, j, i).

The fused image itself stays a volume of one number a voxel, which every method and every way back works on.
"""
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.json_text import parsed
from FusionINNLib.registration.resampling import onto_grid, resample
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.records import Fusion
from FusionINNLib.volumes.color import ColorVolume, joined
from FusionINNLib.volumes.color_files import read_chroma, write_chroma, write_rgb
from FusionINNLib.volumes.io import sha256
from FusionINNLib.volumes.volume import Volume

FUSED_COLOR, CHROMA = "fused_color.nii.gz", "chroma.nii.gz"
COLOR_FILES = frozenset({FUSED_COLOR, CHROMA})
EXACT_COLOR, ESTIMATED_COLOR = ({role: f"{role}_{kind}_color.nii.gz" for role in ("first", "second")} for kind in ("exact", "estimated"))
NOTE = "The brightness of a colour map is not activity: it does not rise with it everywhere, and a fused image changes it."


@dataclass(frozen=True)
class FusedColor:
    """role: which source was in colour. chroma: of it, on the grid of the fused image. rgb: the fused image in colour, (k, j, i, 3).
    clipped: share of its voxels whose colour did not fit into 0..255."""

    role: str
    chroma: np.ndarray
    rgb: np.ndarray
    clipped: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a user is to know of the colours."""
        cut = f"In {self.clipped:.1%} of the voxels the fused colour lay outside of what a screen shows and was clipped."
        return (NOTE, cut) if self.clipped >= 0.0005 else (NOTE,)


def luminances(first: Volume | ColorVolume, second: Volume | ColorVolume) -> tuple[Volume, Volume]:
    """What is fused of both. Raises InputError where both are in colour: the fused image can have one colour a voxel only."""
    if isinstance(first, ColorVolume) and isinstance(second, ColorVolume):
        raise InputError(f"{first.luminance.name} and {second.luminance.name} are both in colour: a fused image holds the colours of one; "
                         "give the other one as a grey image.")
    one, other = (scan.luminance if isinstance(scan, ColorVolume) else scan for scan in (first, second))
    return one, other


def fused_color(fusion: Fusion, first: Volume | ColorVolume, second: Volume | ColorVolume) -> FusedColor | None:
    """The colours of a fusion of these sources; None where neither is in colour."""
    for role, scan, record in (("first", first, fusion.recipe.sources[0]), ("second", second, fusion.recipe.sources[1])):
        if isinstance(scan, ColorVolume):
            chroma = _on_grid(scan, fusion, record.resampled)
            rgb, clipped = in_color(fusion.fused, fusion.recipe, role, chroma)
            return FusedColor(role, chroma, rgb, clipped)
    return None


def in_color(fused: Volume, recipe: Recipe, role: str, chroma: np.ndarray) -> tuple[np.ndarray, float]:
    """A fused image in colour, (k, j, i, 3) uint8, and the share of clipped voxels. Where it equals the source, it has its colours."""
    record = recipe.sources[("first", "second").index(role)]
    levels = np.moveaxis(np.empty(fused.shape), recipe.axis, 0)
    values = np.moveaxis(fused.values, recipe.axis, 0)
    for k, image in enumerate(values):
        levels[k] = record.normalization(k).undo(image)
    return joined(np.clip(np.moveaxis(levels, 0, recipe.axis), 0, 255), chroma)


def _on_grid(scan: ColorVolume, fusion: Fusion, was_moved: bool) -> np.ndarray:
    """Chroma where the fused image has its voxels: moved as the source itself was. The reference stays where it is."""
    channels = [replace(scan.luminance, array=np.ascontiguousarray(scan.chroma[..., n])) for n in range(3)]
    kept = [onto_grid(channel, fusion.fused) for channel in channels]
    if all(channel is not None for channel in kept) and not was_moved:
        return np.stack([channel.array for channel in kept if channel is not None], -1)
    moved = [resample(channel, fusion.fused, fusion.alignment.transform) for channel in channels]
    return np.rint(np.stack([channel.array for channel in moved], -1)).astype(np.int16)


# ---- files ------------------------------------------------------------------------------------------------------------------------


def write_color(color: FusedColor, fused: Volume, folder: Path) -> dict[str, Any]:
    """Write the fused image in colour and the chroma; what provenance says of them."""
    write_rgb(color.rgb, fused.affine, folder / FUSED_COLOR, "FusionINN fused image in colour. Research use only.")
    write_chroma(color.chroma, fused.affine, folder / CHROMA)
    return {"source": color.role, "clipped_share": color.clipped, "note": NOTE}


def stored_color(folder: Path, provenance: dict[str, Any], shape: tuple[int, int, int]) -> tuple[str, np.ndarray] | None:
    """Which source was in colour, and its chroma, of a fusion in a folder; None where none was.

    Raises ResultError where the file is missing or not the one that was written.
    """
    try:
        role = provenance["color"]["source"]
        name, expected = str(provenance["files"]["chroma"]["file"]), provenance["files"]["chroma"]["sha256"]
    except (KeyError, TypeError):
        return None
    path = folder / Path(name).name
    if role not in EXACT_COLOR or not path.is_file() or sha256(path) != expected:
        raise ResultError(f"{CHROMA} is missing, or not the file that was written with this fusion: put the right one back, or fuse the "
                          "sources again.")
    return role, read_chroma(path, shape)


def color_beside(fused: Path, checksum: str, shape: tuple[int, int, int]) -> tuple[str, np.ndarray] | None:
    """As `stored_color`, for a fused image that still lies in the folder of its fusion, untouched; None for any other."""
    if not (fused.parent / "fusion.json").is_file():
        return None
    try:
        provenance = parsed((fused.parent / "fusion.json").read_text(encoding="utf-8"))
        if provenance["files"]["fused"]["sha256"] != checksum:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stored_color(fused.parent, provenance, shape)


def write_source_color(luminance: Volume, chroma: np.ndarray, path: Path, words: str) -> None:
    """Write a source in colour, as it came back: exactly the bytes that were read where its luminance is."""
    rgb, _ = joined(luminance.values, chroma)
    write_rgb(rgb, luminance.affine, path, f"FusionINN {words}. Research use only.")
