"""A result folder as the Slicer module writes it: what `fusioninn fuse` writes, and beside it what else is in the scene.

No slicer and, as long as nothing is written or read, no torch: an `Export` goes to a worker and comes back from one.

    fused.nii.gz, latent.nii.gz, fusion.json, report.png       as `fusioninn fuse` writes them; `fusioninn decompose` reads them
    first_exact.nii.gz, second_exact.nii.gz                    as `fusioninn decompose`
    first_estimated.nii.gz ... cycle_error.nii.gz, estimate.json   as `fusioninn decompose --estimate`
    segmentation.nii.gz                                        labels on the grid of the fused image
    scene.json                                                 names and colours of segments, and checksums of the files that fusion.json
                                                               leaves out
"""
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from FusionINNLib.atomic import new_folder
from FusionINNLib.errors import ResultError
from FusionINNLib.json_text import parsed
from FusionINNLib.progress import Progress
from FusionINNLib.registration.alignment import Alignment
from FusionINNLib.results.color import COLOR_FILES, ESTIMATED_COLOR, EXACT_COLOR, FusedColor, in_color, stored_color
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES, DecomposedImage
from FusionINNLib.results.recipe import Recipe, SourceRecord
from FusionINNLib.results.records import Estimate, Fusion
from FusionINNLib.results.segments import Drawn, Segment, Segments, on_grid
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.io import read_segmentation, sha256, write_nifti
from FusionINNLib.volumes.suggested import DESCRIPTION as SUGGESTED
from FusionINNLib.volumes.suggested import is_suggested_name
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    from FusionINNLib.results.folder import StoredFusion

_DRAWN = "FusionINN: segmentation as drawn. Research use only."
SEGMENTATION, SCENE = "segmentation.nii.gz", "scene.json"


@dataclass(frozen=True)
class Source:
    """An input as provenance names it. name: for the user; file, sha256: without folder; unit; grid: {"shape_kji", "ijk_to_ras_mm"}."""

    name: str
    file: str
    sha256: str
    unit: str
    grid: dict[str, Any]


@dataclass(frozen=True)
class Export:
    """All that a result folder holds, in the world RAS of the fused image.

    color: of a fusion of a source in colour.
    latent: None where the method makes none; then on_grid are the sources on the grid of the fused image, if they are at hand.
    alignment: as in fusion.json. settings: what the user chose. exact: both sources as decomposed, None where they were not.
    estimate: the five volumes of an estimate by the names `records.Estimate` gives them, None where there is none; estimate_settings: how
    it was made; estimate_warnings, estimate_trust: what it says of itself, in sentences and in a word. segments: those that were drawn are
    brought onto the fused image's grid when they are written. notes: sentences for who reads the folder: what was left out, and what the
    estimate warns of.
    """

    fused: Volume
    latent: Volume | None
    recipe: Recipe
    sources: tuple[Source, Source]
    alignment: dict[str, Any]
    settings: dict[str, Any]
    exact: tuple[Volume, Volume] | None = None
    estimate: dict[str, Volume] | None = None
    estimate_settings: dict[str, Any] = field(default_factory=dict[str, Any])
    estimate_warnings: tuple[str, ...] = ()
    estimate_trust: Trust = Trust.UNKNOWN
    segments: Segments | Drawn | None = None
    notes: tuple[str, ...] = ()
    on_grid: tuple[Volume, Volume] | None = None
    color: FusedColor | None = None


def write(export: Export, fusion: Fusion, folder: Path, write_report: Callable[[Path], None], *, overwrite: bool = False,
          progress: Progress | None = None) -> None:
    """Write a result folder, as a whole or not at all.

    Args:
        export: what there is.
        fusion: the same with its sources, see `as_fusion`.
        write_report: writes the report page into a file.

    Raises ResultError, Cancelled.
    """
    from FusionINNLib.results.folder import FUSED, REPORT, InputFile, write_estimate, write_exact, write_fusion

    progress = progress or Progress()
    first, second = export.sources
    inputs = InputFile(first.file, first.sha256), InputFile(second.file, second.sha256)
    color = export.color
    chroma = (color.role, color.chroma) if color is not None else None
    with new_folder(folder, overwrite, _own_names()) as part:
        progress.step("writing files", 0, 3)
        write_fusion(fusion, part, inputs, (_grid(first), _grid(second)), export.settings, color)
        if export.exact is not None:
            write_exact(export.exact, export.recipe, part, chroma)
        if export.estimate is not None:
            estimate = Estimate(**export.estimate, warnings=export.estimate_warnings, trust=export.estimate_trust)
            write_estimate(estimate, part, InputFile(FUSED, sha256(part / FUSED)), export.recipe, export.estimate_settings,
                           color=chroma)
        progress.step("writing files", 1, 3)
        segments = on_grid(export.segments, export.fused)
        if segments is not None:
            is_drawn = not segments.segments or any(not is_suggested_name(one.name) for one in segments.segments)
            write_nifti(segments.labels, part / SEGMENTATION, description=_DRAWN if is_drawn else SUGGESTED)
        _write_scene(segments, part)
        progress.step("writing files", 2, 3)
        write_report(part / REPORT)
        progress.step("writing files", 3, 3)


def as_fusion(export: Export, sources: tuple[Volume, Volume]) -> Fusion:
    """What was fused, again. sources: on the grid of the fused image; they get the names the user knows."""
    names = {one.name for one in fields(Alignment)}
    known = {name: value for name, value in export.alignment.items() if name in names}
    transform = np.array(export.alignment.get("reference_to_moving_ras_mm", np.eye(4)))
    first, second = (replace(volume, name=source.name, unit=source.unit) for volume, source in zip(sources, export.sources))
    return Fusion(export.fused, export.latent, export.recipe, first, second, Alignment(volume=export.fused, transform=transform, **known),
                  ())


def read(folder: Path, progress: Progress | None = None) -> Export:
    """A result folder of `write` or of `fusioninn fuse`. Files beside the fusion that were changed since are left out, with a note.

    Raises ResultError where the fusion itself is incomplete or was edited.
    """
    from FusionINNLib.results.folder import read_fusion

    stored = read_fusion(folder)
    provenance = stored.provenance
    if progress is not None:
        progress.step("reading files", 1, 2)
    try:
        first, second = (Source(_plain(entry["file"]), entry["file"], entry["sha256"], entry["unit"], entry["grid"])
                         for entry in (provenance["inputs"][role] for role in ("first", "second")))
        alignment, settings = dict(provenance["alignment"]), settings_of(provenance["settings"])
    except (KeyError, TypeError) as problem:
        raise ResultError("fusion.json does not say what was fused: fuse the sources again.") from problem
    export = Export(stored.fused, stored.latent, stored.recipe, (first, second), alignment, settings, color=_color(stored, folder))
    return _with_others(export, folder)


def _color(stored: "StoredFusion", folder: Path) -> FusedColor | None:
    """The colours of a fusion, None where neither source had any."""
    found = stored_color(folder, stored.provenance, stored.recipe.shape)
    return FusedColor(*found, *in_color(stored.fused, stored.recipe, *found)) if found is not None else None


def settings_of(record: dict[str, Any]) -> dict[str, Any]:
    """What the user chose, under the names of today: version 0.1.0 also wrote "align" for "alignment"."""
    return {"alignment" if name == "align" else name: value for name, value in record.items()}


def _with_others(export: Export, folder: Path) -> Export:
    """What scene.json names, each file only if it is the one that was written."""
    from FusionINNLib.results.folder import ESTIMATE_RECORD

    try:
        scene = parsed((folder / SCENE).read_text(encoding="utf-8"))
        identities = [Segment(**one | {"color": tuple(one["color"])}) for one in scene["segments"]]
        checksums = dict(scene["files"])
    except FileNotFoundError:
        return export
    except (OSError, ValueError, KeyError, TypeError):
        return replace(export, notes=(f"{SCENE} is damaged: only the fused image and its latent were loaded.",))
    notes: list[str] = []
    found: dict[str, Volume] = {}
    settings: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    trust = Trust.UNKNOWN
    for name, expected in checksums.items():
        if name not in _other_names() or not (folder / name).is_file() or sha256(folder / name) != expected:
            notes.append(f"{Path(name).name} is missing or was changed since it was written: it was not loaded.")
        elif name == ESTIMATE_RECORD:
            settings, warnings, trust = _how_estimated(folder / name)
        else:
            found[name] = read_segmentation(folder / name) if name == SEGMENTATION else read_volume_as_is(folder / name)
    units = [source.unit for source in export.recipe.sources]
    exact, estimate = (_of_files(found, images, units) for images in (EXACT_IMAGES, ESTIMATE_IMAGES))
    if estimate is not None:
        export = replace(export, estimate=estimate, estimate_settings=settings, estimate_warnings=warnings, estimate_trust=trust)
        notes.extend(warnings)
    return replace(export, notes=tuple(notes), exact=(exact["first"], exact["second"]) if exact is not None else None,
                   segments=Segments(found[SEGMENTATION], tuple(identities)) if SEGMENTATION in found else None)


def _of_files(found: dict[str, Volume], images: Sequence[DecomposedImage], units: list[str]) -> dict[str, Volume] | None:
    """By field, the images of a decomposition with their units; None unless all of their files were found."""
    if any(image.file not in found for image in images):
        return None
    return {image.field: replace(found[image.file], unit=image.unit_of(units)) for image in images}


def _how_estimated(path: Path) -> tuple[dict[str, Any], tuple[str, ...], Trust]:
    """Settings, warnings and state from estimate.json; none where it is no such record."""
    try:
        record = parsed(path.read_text(encoding="utf-8"))
        trust = Trust(record["state"]) if "state" in record else Trust.UNKNOWN  # records of version 0.1.0 hold none
        return dict(record["settings"]), tuple(str(warning) for warning in record["warnings"]), trust
    except (OSError, ValueError, KeyError, TypeError):
        return {}, (), Trust.UNKNOWN


def as_stored(volume: Volume, record: SourceRecord) -> Volume:
    """A source in the numbers, type and scale factors that its record names, if it holds physical values (as Slicer's nodes do)."""
    dtype = np.dtype(record.dtype)
    if (volume.slope, volume.intercept, volume.array.dtype) == (record.slope, record.intercept, dtype):
        return volume
    stored = volume.values
    if (record.slope, record.intercept) != (1.0, 0.0):
        stored = (stored.astype(np.float64) - record.intercept) / record.slope
    stored = np.rint(stored).astype(dtype) if dtype.kind in "iu" else stored.astype(dtype)
    return replace(volume, array=stored, slope=record.slope, intercept=record.intercept)


def read_volume_as_is(path: Path) -> Volume:
    """A volume that may be constant, as a cycle error of zeros is."""
    from FusionINNLib.volumes.nifti import read_nifti

    return read_nifti(path, path.name.removesuffix(".nii.gz"))


def _write_scene(drawn: Segments | None, folder: Path) -> None:
    names = sorted(name for name in _other_names() if (folder / name).is_file())
    segments = [asdict(one) for one in drawn.segments] if drawn else []
    scene = {"program": "FusionINN", "files": {name: sha256(folder / name) for name in names}, "segments": segments}
    (folder / SCENE).write_text(json.dumps(scene, indent=1) + "\n", encoding="utf-8")


def _grid(source: Source) -> Volume:
    shape, affine = source.grid["shape_kji"], source.grid["ijk_to_ras_mm"]
    return Volume(np.broadcast_to(np.float32(0), shape), np.array(affine), source.name, source.unit)


def _plain(file: str) -> str:
    from FusionINNLib.volumes.io import plain_name

    return plain_name(Path(file))


def _other_names() -> frozenset[str]:
    """Files that fusion.json does not vouch for."""
    from FusionINNLib.results.folder import ESTIMATE_RECORD

    return frozenset({SEGMENTATION, ESTIMATE_RECORD, *(image.file for image in EXACT_IMAGES + ESTIMATE_IMAGES)})


def _own_names() -> frozenset[str]:
    """All that a result folder may hold, without and with colours."""
    return _other_names() | COLOR_FILES | {*EXACT_COLOR.values(), *ESTIMATED_COLOR.values(), "fused.nii.gz", "latent.nii.gz", "fusion.json",
                                           "report.png", SCENE}
