"""What a `Job` can do. Every task takes plain data and volumes, and gives such back: no MRML, and no class whose module loads torch or
SimpleITK, because the application would have to load them to read the answer, and its window would stand still for a second."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from FusionINNLib.evaluation.change import Change
from FusionINNLib.evaluation.difference import Compared, Difference
from FusionINNLib.evaluation.segment_numbers import InSegments
from FusionINNLib.outlining.records import Origin, SuggestedOutline
from FusionINNLib.progress import Progress
from FusionINNLib.results.color import FusedColor, fused_color, luminances
from FusionINNLib.results.dicom_origin import Whose
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.records import Estimate, Fusion
from FusionINNLib.results.scene_folder import Export
from FusionINNLib.results.segments import Drawn, on_grid
from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset


def fuse(progress: Progress, **arguments) -> Fusion:
    """`pipeline.fuse`."""
    from FusionINNLib import pipeline

    return pipeline.fuse(**arguments, progress=progress)


def fuse_scans(progress: Progress, *, first: Volume | ColorVolume, second: Volume | ColorVolume,
               **arguments) -> tuple[Fusion, FusedColor | None]:
    """`pipeline.fuse` of what `color.luminances` gives of both, and the fused image in colour where one of them is."""
    one, other = luminances(first, second)
    fusion = fuse(progress, first=one, second=other, **arguments)
    return fusion, fused_color(fusion, first, second)


def decompose(progress: Progress, **arguments) -> tuple[Volume, Volume]:
    """`pipeline.decompose`."""
    from FusionINNLib import pipeline

    return pipeline.decompose(**arguments, progress=progress)


def estimate(progress: Progress, **arguments) -> Estimate:
    """`pipeline.estimate`."""
    from FusionINNLib import pipeline

    return pipeline.estimate(**arguments, progress=progress)


def decompose_compared(progress: Progress, *, role: int, compared: Compared | None, **arguments) -> tuple:
    """`pipeline.decompose`, and how one source (role 0 or 1) differs from what it came back as: (sources, `Difference` or None)."""
    sources = decompose(progress, **arguments)
    return sources, difference(progress, decomposed=sources[role], compared=compared)


def estimate_compared(progress: Progress, *, role: int, compared: Compared | None, **arguments) -> tuple:
    """`pipeline.estimate`, and by how much it misses one source (role 0 or 1): (estimate, `Difference` or None)."""
    guess = estimate(progress, **arguments)
    return guess, difference(progress, decomposed=(guess.first, guess.second)[role], compared=compared)


def difference(progress: Progress, *, decomposed: Volume, compared: Compared | None) -> Difference | None:
    """`difference.difference`; None where there is nothing to compare with."""
    from FusionINNLib.evaluation import difference

    if compared is None:
        return None
    progress.step("comparing with the source", 0, 1)
    return difference.difference(decomposed, compared)


def numbers(progress: Progress, *, fused: Volume, latent: Volume | None, recipe: Recipe, labels: Volume | Drawn | None,
            estimate: tuple[Volume, Volume, Volume, Volume, Volume] | None, model: str | None, device: str,
            inputs: tuple[Compared, Compared] | None) -> tuple:
    """Rows of `evaluation/case_metrics.py`: of the fusion, and of an estimate (first, second, their spreads, cycle error) where there is
    one. inputs: as they were loaded, of a method without an exact way back; None where the sources come from there."""
    from FusionINNLib.evaluation import case_metrics

    if isinstance(labels, Drawn):
        labels = on_grid(labels, fused).labels
    sources = _sources(progress, fused, latent, recipe, model, device, inputs)
    rows = case_metrics.fusion_rows(sources, fused, recipe, labels, progress=progress)
    return rows if estimate is None else rows + case_metrics.estimate_rows(Estimate(*estimate), labels)


def segment_numbers(progress: Progress, *, fused: Volume, latent: Volume | None, recipe: Recipe, labels: Drawn, model: str | None,
                    device: str, inputs: tuple[Compared, Compared] | None) -> InSegments:
    """`segment_numbers.in_segments` of both sources as they were fused and the fused image. inputs: as for `numbers`."""
    from FusionINNLib.evaluation import segment_numbers

    sources = _sources(progress, fused, latent, recipe, model, device, inputs)
    progress.step("measuring", 0, 1)
    return segment_numbers.in_segments((*sources, fused), labels)


def change(progress: Progress, *, fused: Volume, latent: Volume | None, recipe: Recipe, earlier: int, model: str | None, device: str,
           inputs: tuple[Compared, Compared] | None) -> Change:
    """`change.change` of the exact sources of a follow-up. earlier: which of them is the earlier one, 0 or 1. inputs: as for `numbers`."""
    from FusionINNLib.evaluation import change

    sources = _sources(progress, fused, latent, recipe, model, device, inputs)
    progress.step("comparing both time points", 0, 1)
    return change.change(sources[earlier], sources[1 - earlier])


def suggest(progress: Progress, *, first: Volume, second: Volume, reference: str, alignment: str, model: str | None, device: str,
            drawn: Drawn | None, is_moved: bool) -> SuggestedOutline:
    """`suggest.suggest_outline`, and how well it agrees with what somebody drew. is_moved: whether that was drawn on the volume that is
    moved onto the grid of the other one."""
    from FusionINNLib.outlining.agreement import agreement
    from FusionINNLib.outlining.suggest import suggest_outline

    found = suggest_outline(first, second, reference=reference, alignment=alignment, model=model, device=device, progress=progress)
    agreed = None
    if drawn is not None:
        progress.step("comparing with the drawn outline", 0, 1)
        labels = on_grid(replace(drawn, transform=found.alignment.transform if is_moved else None), found.labels).labels
        i, j, k = labels.spacing_ijk_mm
        agreed = agreement(found.labels.array > 0, labels.array > 0, (k, j, i))
    card = found.model.card
    return SuggestedOutline(found.segments, found.volume_ml, agreed, found.warnings, Origin(card.id, card.sha256))


def dicom_outline(progress: Progress, *, labels: Volume, origin: Origin, path: Path, headers: Sequence[Dataset] = (),
                  files: Sequence[Path] = ()) -> Path:
    """A suggested outline (1 inside) as a DICOM Segmentation; gives the path. Of the series on whose grid it lies there are the headers, or
    the files, to whose order of slices it is brought."""
    progress.step("writing the outline", 0, 1)
    from FusionINNLib.outlining import dicom_file
    from FusionINNLib.volumes.dicom import headers_of

    if not headers:
        labels = dicom_file.on_series(labels, files)
        headers = headers_of(files)
    dicom_file.write_dicom_segmentation(labels, origin, dicom_file.prepared(headers, labels), path)
    return path


def export(progress: Progress, *, export: Export, folder: Path, overwrite: bool, model: str | None, device: str,
           inputs: tuple[Compared, Compared] | None = None) -> None:
    """`scene_folder.write`, with the report page, which takes some seconds. inputs: as for `numbers`."""
    from FusionINNLib import pipeline
    from FusionINNLib.reports import page, report
    from FusionINNLib.results import scene_folder

    common = {"model": model, "device": device, "progress": progress}
    segments = on_grid(export.segments, export.fused)
    export = replace(export, segments=segments)
    on_grid_of_fused = _on_grid(inputs, export.fused) if inputs is not None else export.on_grid
    sources = export.exact or on_grid_of_fused or pipeline.decompose(export.fused, export.latent, export.recipe, **common)
    fusion, labels = scene_folder.as_fusion(export, sources), segments.named if segments else None
    preview = pipeline.preview(fusion, report.slices_to_show(fusion, labels), **common)
    drawn = report.fusion_report(fusion, labels, preview, export.color)
    scene_folder.write(export, fusion, folder, lambda path: page.save(drawn, path), overwrite=overwrite, progress=progress)


def export_dicom(progress: Progress, *, export: Export, folder: Path, overwrite: bool, whose: Whose | None = None, **_) -> None:
    """The fused image and what it was taken apart into, as DICOM series. Takes what `export` takes. whose: None for nobody."""
    from FusionINNLib.atomic import new_folder
    from FusionINNLib.results import dicom_folder
    from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES

    origin = None if whose is None else whose.origin()
    volumes = {"fused.nii.gz": replace(export.fused, name="fused")}
    volumes |= {image.file: replace(volume, name=image.name) for image, volume in zip(EXACT_IMAGES, export.exact or ())}
    estimate = export.estimate or {}
    volumes |= {image.file: replace(estimate[image.field], name=image.name) for image in ESTIMATE_IMAGES if image.field in estimate}
    progress.step("writing files", 0, 1)
    with new_folder(folder, overwrite, dicom_folder.FOLDERS) as part:
        dicom_folder.write_series(volumes, part, origin)


def _sources(progress: Progress, fused: Volume, latent: Volume | None, recipe: Recipe, model: str | None, device: str,
             inputs: tuple[Compared, Compared] | None) -> tuple[Volume, Volume]:
    """Both sources as they were fused, on the grid of the fused image."""
    from FusionINNLib import pipeline

    if inputs is not None:
        return _on_grid(inputs, fused)
    return pipeline.decompose(fused, latent, recipe, model=model, device=device, progress=progress)


def _on_grid(inputs: tuple[Compared, Compared], grid: Volume) -> tuple[Volume, Volume]:
    from FusionINNLib.evaluation.difference import source_on_grid

    return source_on_grid(inputs[0], grid), source_on_grid(inputs[1], grid)


def read(progress: Progress, *, folder: Path) -> Export:
    """`exported.read`."""
    from FusionINNLib.results import scene_folder

    return scene_folder.read(folder, progress)


def sample(progress: Progress, *, seed: int = 0) -> tuple[Volume, Volume, Volume, dict[int, str]]:
    """ADC, FLAIR, segmentation and what its numbers mean, of the made-up sample case."""
    from FusionINNLib.phantom.case import sample_case

    progress.step("making the sample case", 0, 1)
    case = sample_case(seed)
    return case.first, case.second, case.segmentation, case.truth.labels


def devices(progress: Progress) -> list[tuple[str, str]]:
    """(name for `models.choose_device`, what it is called) of each device that torch finds, besides "auto"."""
    import torch

    found = [(f"cuda:{n}", torch.cuda.get_device_name(n)) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append(("mps", "Apple GPU"))
    return [*found, ("cpu", "CPU")]
