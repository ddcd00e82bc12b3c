"""Results on disk: what a fusion, an exact decomposition and an estimate write, and a fusion read again with everything checked."""
import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.errors import ResultError
from FusionINNLib.json_text import parsed
from FusionINNLib.results.color import (
    CHROMA,
    COLOR_FILES,
    ESTIMATED_COLOR,
    EXACT_COLOR,
    FUSED_COLOR,
    FusedColor,
    write_color,
    write_source_color,
)
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, ESTIMATED_WORDS, EXACT_IMAGES
from FusionINNLib.results.recipe import FORMAT, NOTICE, Recipe, is_record, recipe_from_dict, to_extension
from FusionINNLib.results.records import Estimate, Fusion
from FusionINNLib.volumes.io import read_volume, sha256, write_nifti
from FusionINNLib.volumes.volume import Volume

FUSED, LATENT, PROVENANCE, REPORT = "fused.nii.gz", "latent.nii.gz", "fusion.json", "report.png"
ESTIMATE_RECORD = "estimate.json"
FUSION_FILES = frozenset({FUSED, LATENT, PROVENANCE, REPORT, *COLOR_FILES})
EXACT_FILES = frozenset({*(image.file for image in EXACT_IMAGES), REPORT, *EXACT_COLOR.values()})
ESTIMATE_FILES = frozenset({*(image.file for image in ESTIMATE_IMAGES), ESTIMATE_RECORD, REPORT, *ESTIMATED_COLOR.values()})


@dataclass(frozen=True)
class InputFile:
    """A source file as provenance names it: without its folder."""

    name: str
    sha256: str


@dataclass(frozen=True)
class StoredFusion:
    """A fusion read from its folder; `latent` is None where the method makes none."""

    fused: Volume
    latent: Volume | None
    recipe: Recipe
    provenance: dict[str, Any]


# ---- writing ---------------------------------------------------------------------------------------------------------------------


def write_fusion(fusion: Fusion, folder: Path, inputs: tuple[InputFile, InputFile], grids: tuple[Volume, Volume],
                 settings: dict[str, Any], color: FusedColor | None = None) -> None:
    """Write fused image, latent where there is one, colours likewise, and provenance into an existing folder (see atomic.py for the way
    there).

    Args:
        inputs: the two files.
        grids: the two volumes as read, before alignment.
        settings: what the user chose, JSON-ready.
        color: of a fusion whose source was in colour.
    """
    colors = {} if color is None else {"color": write_color(color, fusion.fused, folder)}
    write_nifti(fusion.fused, folder / FUSED, description="FusionINN fused image. Research use only.",
                extension=to_extension(fusion.recipe), cal_min=0.0, cal_max=1.0)
    if fusion.latent is not None:
        write_nifti(fusion.latent, folder / LATENT, description="FusionINN latent image. Research use only.", cal_min=-3.0, cal_max=3.0)
    alignment = fusion.alignment
    provenance: dict[str, Any] = {
        "format": FORMAT, "program": "FusionINN", "version": __version__, "notice": NOTICE,
        "inputs": {role: {"file": file.name, "sha256": file.sha256, "grid": _grid(volume), "unit": volume.unit}
                   for role, file, volume in zip(("first", "second"), inputs, grids)},
        "grid": _grid(fusion.fused),
        "alignment": {"mode": alignment.mode, "resampled": alignment.resampled,
                      "reference_to_moving_ras_mm": np.asarray(alignment.transform).tolist(),
                      "shift_mm": alignment.shift_mm, "rotation_deg": alignment.rotation_deg,
                      "similarity_before": alignment.similarity_before, "similarity_after": alignment.similarity_after},
        "settings": settings,
        "files": {role: {"file": name, "sha256": sha256(folder / name)}
                  for role, name in (("fused", FUSED), ("latent", LATENT), ("fused_color", FUSED_COLOR), ("chroma", CHROMA))
                  if (folder / name).is_file()},
        **colors, "recipe": fusion.recipe.to_dict()}
    provenance["checksum"] = _checksum(provenance)
    (folder / PROVENANCE).write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def write_exact(volumes: tuple[Volume, Volume], recipe: Recipe, folder: Path, color: tuple[str, np.ndarray] | None = None) -> None:
    """Write the exact decomposition into an existing folder. color: which source has which chroma, see `color.stored_color`."""
    for image, volume, source in zip(EXACT_IMAGES, volumes, recipe.sources):
        words = f"{image.kind.words}, as resampled onto the reference grid" if source.resampled else image.kind.words
        write_nifti(volume, folder / image.file, description=_described(words, volume.unit))
    if color is not None:
        role, chroma = color
        luminance = volumes[("first", "second").index(role)]
        write_source_color(luminance, chroma, folder / EXACT_COLOR[role], f"{role} source in colour, decomposed exactly")


def write_estimate(estimate: Estimate, folder: Path, fused: InputFile, recipe: Recipe, settings: dict[str, Any],
                   notes: tuple[str, ...] = (), color: tuple[str, np.ndarray] | None = None) -> None:
    """Write an estimate and how it was made into an existing folder; every file says that it is one.

    Args:
        fused: the file that it was made from.
        settings: samples, seed and what else the user chose, JSON-ready.
        notes: sentences about what had to be assumed.
        color: which source has which chroma, see `color.color_beside`.
    """
    files: dict[str, str] = {}
    for image in ESTIMATE_IMAGES:
        volume = getattr(estimate, image.field)
        write_nifti(volume, folder / image.file, description=_described(image.kind.words, volume.unit))
        files[image.file] = sha256(folder / image.file)
    if color is not None:
        role, chroma = color
        name = ESTIMATED_COLOR[role]
        write_source_color(getattr(estimate, role), chroma, folder / name, f"{role} source, ESTIMATED luminance in its own colours")
        files[name] = sha256(folder / name)
    record = {"format": FORMAT, "program": "FusionINN", "version": __version__, "notice": NOTICE,
              "kind": ESTIMATED_WORDS.removesuffix("."),
              "fused": {"file": fused.name, "sha256": fused.sha256}, "model": {"id": recipe.model, "sha256": recipe.sha256},
              "state": estimate.trust.value, "settings": settings, "notes": list(notes), "warnings": list(estimate.warnings),
              "files": files}
    (folder / ESTIMATE_RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def rename_files(folder: Path, names: dict[str, str]) -> None:
    """Give files of a fusion in `folder` other names, in its record too, so that `read_fusion` finds them.

    Args:
        names: own name -> other name, of files that are there.
    """
    for own, other in names.items():
        os.rename(folder / own, folder / other)
    provenance = parsed((folder / PROVENANCE).read_text(encoding="utf-8"))
    for file in provenance["files"].values():
        file["file"] = names.get(file["file"], file["file"])
    provenance["checksum"] = _checksum(provenance)
    (folder / PROVENANCE).write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def _described(words: str, unit: str) -> str:
    text = f"FusionINN {words}. Research use only" + (f" [{unit}]" if unit else "")
    return text.encode("ascii", "replace").decode()[:79]


def _grid(volume: Volume) -> dict[str, Any]:
    return {"shape_kji": list(volume.shape), "ijk_to_ras_mm": volume.affine.tolist()}


def _checksum(provenance: dict[str, Any]) -> str:
    """Of everything but itself, in one fixed spelling."""
    rest = {key: value for key, value in provenance.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# ---- reading ---------------------------------------------------------------------------------------------------------------------


def read_fusion(folder: Path) -> StoredFusion:
    """Read what `write_fusion` wrote. Raises ResultError where something is missing, was edited, or belongs to another case."""
    provenance = _read_provenance(folder)
    fused = _read_named(folder, provenance, "fused")
    has_latent = provenance["format"] == 1 or "latent" in provenance["files"]
    latent = _read_named(folder, provenance, "latent") if has_latent else None
    return StoredFusion(fused, latent, recipe_from_dict(provenance.get("recipe", {})), provenance)


def _read_named(folder: Path, provenance: dict[str, Any], role: str) -> Volume:
    """The image that provenance names, if it is the very file."""
    try:
        name, expected = str(provenance["files"][role]["file"]), provenance["files"][role]["sha256"]
    except (KeyError, TypeError) as problem:
        raise ResultError(f"{PROVENANCE} does not name the {role} image: fuse the sources again.") from problem
    if name != Path(name).name or "\\" in name or name in ("", ".", ".."):
        raise ResultError(f"{PROVENANCE} points outside of its folder: it was edited; fuse the sources again.")
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise ResultError(f"{name} is missing from {folder}: copy it back, or fuse the sources again.")
    if sha256(path) != expected:
        raise ResultError(f"{name} is not the file that was written with this fusion (another case, or changed since): "
                          "put the right one back, or fuse the sources again.")
    return replace(read_volume(path), name=role)


def _read_provenance(folder: Path) -> dict[str, Any]:
    path = folder / PROVENANCE
    if folder.is_file():
        raise ResultError(f"{folder} is a file: give the folder that 'fusioninn fuse' wrote, or add --estimate for one fused image.")
    if not folder.is_dir():
        raise ResultError(f"{folder}: there is no such folder; give the folder that 'fusioninn fuse' wrote.")
    if not path.is_file():
        raise ResultError(f"{folder} holds no {PROVENANCE}: give the folder that 'fusioninn fuse' wrote.")
    try:
        provenance = parsed(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ResultError(f"{PROVENANCE} in {folder} cannot be read ({problem.strerror}): have its owner allow you to.") from problem
    except ValueError as problem:
        raise ResultError(f"{PROVENANCE} cannot be read: it is damaged; fuse the sources again.") from problem
    if not is_record(provenance) or not isinstance(provenance.get("format"), int):
        raise ResultError(f"{PROVENANCE} is not a record of a fusion: fuse the sources again.")
    if provenance["format"] > FORMAT:
        raise ResultError(f"This result was written by a newer version of FusionINN (format {provenance['format']}): "
                          "update FusionINN to read it.")
    if provenance.get("checksum") != _checksum(provenance):
        raise ResultError(f"{PROVENANCE} was edited (its checksum differs): fuse the sources again.")
    return provenance
