"""What each command of `fusioninn` does: read, compute, write as a whole, say what was done."""
import argparse
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib import leftovers, pipeline
from FusionINNLib.atomic import check_free, new_folder
from FusionINNLib.cli import plan, unused
from FusionINNLib.cli.segment_table import segment_table
from FusionINNLib.cli.sources import SAME, are_same, read_source, say_notes, warn_of_patients
from FusionINNLib.cli.terminal import progress as _progress
from FusionINNLib.cli.terminal import say as _say
from FusionINNLib.cli.terminal import warn as _warn
from FusionINNLib.errors import InputError
from FusionINNLib.methods import cost, devices, registry
from FusionINNLib.methods.base import no_exact_way, other_order
from FusionINNLib.methods.settings import pairs
from FusionINNLib.preprocessing.left_out import like_labels
from FusionINNLib.registration.alignment import resample_labels
from FusionINNLib.results.color import (
    CHROMA,
    COLOR_FILES,
    ESTIMATED_COLOR,
    EXACT_COLOR,
    FUSED_COLOR,
    FusedColor,
    color_beside,
    fused_color,
    luminances,
    stored_color,
)
from FusionINNLib.results.folder import (
    ESTIMATE_FILES,
    EXACT_FILES,
    FUSED,
    FUSION_FILES,
    LATENT,
    PROVENANCE,
    REPORT,
    InputFile,
    read_fusion,
    write_estimate,
    write_exact,
    write_fusion,
)
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.results.records import Fusion
from FusionINNLib.results.trust import worst
from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.io import read_segmentation, sha256
from FusionINNLib.volumes.volume import Volume


def fuse(options: argparse.Namespace) -> None:
    """fusioninn fuse FIRST SECOND --out DIR"""
    inputs_read = (options.first, options.second, options.segmentation, options.model and Path(options.model))
    check_free(options.out, options.overwrite, FUSION_FILES, inputs_read)
    method = registry.create(options.method, options.model, method_settings := pairs(options.set))
    devices.check_name(options.device)
    scans, inputs = zip(*(read_source(path, n, options) for n, path in enumerate((options.first, options.second))))
    first, second = luminances(*scans)
    unused.check_choices(options, (first, second))
    unused.say_of_method(options, method.info)
    segmentation = read_segmentation(options.segmentation, outlined=(first, second)) if options.segmentation else None
    if are_same((first, second), inputs):
        _warn(SAME)
    warn_of_patients(first, second, segmentation)
    if ordered := other_order(method.info, isinstance(scans[0], ColorVolume)):
        _warn(ordered)
    fixed = first if options.reference == "first" else second
    seconds = registry.seconds_of(options.method, fixed.shape, options.model, method_settings)
    takes = cost.sentence(seconds, fixed.shape) if seconds is not None else ""
    if options.dry_run:
        for volume in (first, second):
            say_notes(volume)
            for sentence in like_labels(volume):
                _warn(sentence)
        if segmentation is not None:
            say_notes(resample_labels(segmentation, fixed))
        is_colored = any(isinstance(scan, ColorVolume) for scan in scans)
        names = _drawn(FUSION_FILES, options) - (set() if is_colored else COLOR_FILES)
        names -= set() if method.info.capabilities.exact else {LATENT}
        return plan.say_fusion(first, second, options.align, options.reference, options.method, takes, options.out, names)
    on_cpu = True
    if method.info.capabilities.needs_training:
        on_cpu = devices.choose_device(options.device).type == "cpu"  # loads torch, so that what can be refused without it has been
    if on_cpu and seconds is not None and seconds >= cost.LONG_S:
        _say(takes)
    fusion = pipeline.fuse(first, second, method=options.method, reference=options.reference, alignment=options.align, model=options.model,
                           device=options.device, seed=options.seed, progress=_progress(), settings=method_settings)
    for volume in (first, second):  # not before, so that what is refused is refused with one sentence
        say_notes(volume)
    _say_alignment(fusion, options.reference)
    for sentence in color.sentences if (color := fused_color(fusion, *scans)) else ():
        _say(f"Note: {sentence}")
    if segmentation is not None:
        segmentation = _on_grid(segmentation, fusion, moving=first if options.reference == "second" else second)
    settings = {"alignment": options.align, "reference": options.reference, "method": options.method, "model": fusion.recipe.model}
    if not method.info.capabilities.deterministic:
        settings["seed"] = options.seed
    if method.settings:
        settings["method_settings"] = dict(method.settings)
    with new_folder(options.out, options.overwrite, FUSION_FILES, inputs_read) as folder:
        write_fusion(fusion, folder, inputs, (first, second), settings, color)
        if not options.no_report:
            _draw(fusion, segmentation, options, folder / REPORT, color)
    left_out = {LATENT: fusion.latent is None, REPORT: options.no_report, **dict.fromkeys((FUSED_COLOR, CHROMA), color is None)}
    written = ", ".join(name for name in (FUSED, FUSED_COLOR, LATENT, CHROMA, PROVENANCE, REPORT) if not left_out.get(name))
    print(f"Fused {first.name} and {second.name} into {options.out}: {written}.")
    if segmentation is not None and (table := segment_table(fusion, segmentation)):
        print(table)
    print(NOTICE)
    if not method.info.capabilities.exact:
        print(no_exact_way(method.info))


def _draw(fusion: Fusion, segmentation: Volume | None, options: argparse.Namespace, path: Path, color: FusedColor | None) -> None:
    """The report picture, for which both ways back are computed on the slices that it shows."""
    from FusionINNLib.reports import report
    from FusionINNLib.reports.page import save

    preview = pipeline.preview(fusion, report.slices_to_show(fusion, segmentation), model=options.model, device=options.device)
    save(report.fusion_report(fusion, segmentation, preview, color), path)


def decompose(options: argparse.Namespace) -> None:
    """fusioninn decompose DIR --out DIR2, or FUSED --estimate --out DIR2"""
    unused.check_needs(options, ("samples", "seed"), "estimate")
    (_estimate if options.estimate else _exact)(options)


def _exact(options: argparse.Namespace) -> None:
    check_free(options.out, options.overwrite, EXACT_FILES, [options.source])
    leftovers.clear(options.source)
    devices.check_name(options.device)
    stored = read_fusion(options.source)
    registry.maker_of(stored.recipe, options.model)
    color = stored_color(options.source, stored.provenance, stored.recipe.shape)
    if options.dry_run:
        return plan.say_decomposition(stored.fused, "exactly", options.out, _names(_drawn(EXACT_FILES, options), EXACT_COLOR, color))
    sources = pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=options.model, device=options.device,
                                 progress=_progress())
    from FusionINNLib.reports.page import save
    from FusionINNLib.reports.report import exact_report

    with new_folder(options.out, options.overwrite, EXACT_FILES) as folder:
        write_exact(sources, stored.recipe, folder, color)
        if not options.no_report:
            save(exact_report(stored.fused, sources, stored.recipe), folder / REPORT)
    print(f"Decomposed exactly into {options.out}:")
    for volume, source in zip(sources, stored.recipe.sources):
        print(f"  {volume.name}.nii.gz: {_exactness(volume, source)}")
    if color is not None:
        print(f"  {EXACT_COLOR[color[0]]}: that source in colour")
    print(NOTICE)


def _drawn(files: frozenset[str], options: argparse.Namespace) -> frozenset[str]:
    return files - {REPORT} if options.no_report else files


def _names(files: frozenset[str], colors: dict[str, str], color: tuple[str, np.ndarray] | None) -> frozenset[str]:
    """Of these files, those that will be written."""
    return files - set(colors.values()) | ({colors[color[0]]} if color else set())


def _exactness(volume: Volume, source) -> str:
    if source.resampled:
        return "the source as it was resampled onto the reference grid, to 1e-5 of its range"
    if volume.array.dtype.kind in "iu" and int(volume.array.max()) - int(volume.array.min()) < 2 ** 16:
        return "every voxel as stored in the source file"
    return "the source to 1e-5 of its range"


def _estimate(options: argparse.Namespace) -> None:
    check_free(options.out, options.overwrite, ESTIMATE_FILES, [options.source])
    if (options.source / FUSED).is_file():
        raise InputError(f"{options.source} is a folder: give {FUSED} in it, or leave out --estimate for the exact decomposition.")
    fused = pipeline.read_fused(options.source, options.model)
    source = _input_file(options.source, fused.fused)
    color = color_beside(options.source, source.sha256, fused.fused.shape)
    for note in fused.notes:
        _say(f"Note: {note}.")
    for warning in fused.warnings:
        _warn(warning)
    if options.dry_run:
        names = _names(_drawn(ESTIMATE_FILES, options), ESTIMATED_COLOR, color)
        return plan.say_decomposition(fused.fused, "into an estimate", options.out, names)
    result = pipeline.estimate(fused.fused, fused.recipe, samples=options.samples, seed=options.seed, model=options.model,
                               device=options.device, progress=_progress())
    for warning in result.warnings:
        _warn(warning)
    result = replace(result, trust=worst(fused.trust, result.trust), warnings=(*fused.warnings, *result.warnings))
    from FusionINNLib.reports.page import save
    from FusionINNLib.reports.report import estimate_report

    drawn = registry.drawn(fused.recipe, options.samples, options.seed)
    if not drawn and (found := unused.given(options, ("samples", "seed"))):
        _say(f"Note: this method draws nothing for an estimate, so {' and '.join(found)} {'count' if found[1:] else 'counts'} for nothing.")
    with new_folder(options.out, options.overwrite, ESTIMATE_FILES, [options.source]) as folder:
        write_estimate(result, folder, source, fused.recipe, drawn, fused.notes, color)
        if not options.no_report:
            told = tuple(f"{note}." for note in fused.notes)  # a picture goes on without what was said beside it
            save(estimate_report(fused.fused, replace(result, warnings=(*told, *result.warnings)), fused.recipe), folder / REPORT)
    how = f" (mean over {options.samples} latents, seed {options.seed})" if drawn else ""
    print(f"ESTIMATED both sources from the fused image alone into {options.out}{how}: a computed guess, not a scan.\n"
          f"{result.trust.sentence}\n{NOTICE}")


def demo(options: argparse.Namespace) -> None:
    """fusioninn demo --out DIR: the sample case, fused and taken apart both ways."""
    from FusionINNLib.phantom.case import write_sample_case

    names = frozenset({"sample", "fused", "exact", "estimated"})
    check_free(options.out, options.overwrite, names)
    made, is_new = [options.out / name for name in names if not (options.out / name).exists()], not options.out.exists()
    try:
        _demonstrate(options, write_sample_case)
    except BaseException:  # what is stopped leaves nothing, as elsewhere
        for path in made:
            shutil.rmtree(path, ignore_errors=True)
        if is_new:
            with suppress(OSError):  # somebody has put something there meanwhile
                options.out.rmdir()
        raise


def _demonstrate(options: argparse.Namespace, write_sample_case: Callable[[Path], object]) -> None:
    out, common = options.out, {"dry_run": False, "no_report": False, "model": options.model, "method": registry.DEFAULT, "seed": 0,
                                "set": [], "device": options.device, "overwrite": options.overwrite}
    print("1. The sample case: a made-up post-operative head, ADC and FLAIR on unlike grids, 2.1 mm and 2 degrees apart.")
    write_sample_case(out / "sample")
    print("\n2. Fuse.")
    fuse(argparse.Namespace(first=out / "sample/adc.nii.gz", second=out / "sample/flair.nii.gz",
                            segmentation=out / "sample/segmentation.nii.gz", align="auto", reference="second", series=[], stack=[],
                            out=out / "fused", **common))
    print("\n3. Decompose, exactly, with the saved latent.")
    decompose(argparse.Namespace(source=out / "fused", estimate=False, out=out / "exact", **common))
    print("\n4. Decompose, estimated, from the fused image alone.")
    decompose(argparse.Namespace(source=out / "fused/fused.nii.gz", estimate=True, samples=8, out=out / "estimated", **common))
    print(f"\nLook at {options.out / 'fused' / REPORT} and {options.out / 'estimated' / REPORT}.")


# ---- said and shown --------------------------------------------------------------------------------------------------------------


def _input_file(path: Path, volume: Volume) -> InputFile:
    """A file under its name; a DICOM folder under that of its series, as folders are often named after patients."""
    return InputFile(volume.name if path.is_dir() else path.name, sha256(path))


def _on_grid(segmentation: Volume, fusion: Fusion, moving: Volume) -> Volume:
    """Labels on the reference grid. What was drawn on the moving volume moves with it."""
    along = fusion.alignment.transform if segmentation.same_grid(moving) else None
    segmentation = resample_labels(segmentation, fusion.fused, along)
    say_notes(segmentation)
    return segmentation


def _say_alignment(fusion: Fusion, reference: str) -> None:
    alignment = fusion.alignment
    moved = fusion.first.name if reference == "second" else fusion.second.name
    if alignment.mode == "none":
        _say("Alignment: both volumes lie on the same grid; nothing was moved.")
    elif alignment.mode == "header":
        _say(f"Alignment: {moved} was resampled onto the reference grid by the headers alone "
             f"(mutual information {alignment.similarity_after:.3f} bits).")
    else:
        _say(f"Alignment: {moved} was moved by {alignment.shift_mm:.1f} mm on average and {alignment.rotation_deg:.1f} degrees "
             f"(mutual information {alignment.similarity_before:.3f} -> {alignment.similarity_after:.3f} bits).")
    for warning in fusion.warnings:
        _warn(warning)
