"""What `fusioninn segment` does: two volumes in, a suggested outline of a lesion out, measured against a drawn one where there is one."""
import argparse
from pathlib import Path

from FusionINNLib.atomic import check_free, new_folder
from FusionINNLib.cli import unused
from FusionINNLib.cli.sources import SAME, are_same, read_source, say_notes, warn_of_patients
from FusionINNLib.cli.terminal import progress, say, warn
from FusionINNLib.errors import InputError
from FusionINNLib.methods import devices
from FusionINNLib.registration.alignment import resample_labels
from FusionINNLib.results.color import luminances
from FusionINNLib.results.folder import InputFile
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.volumes.io import read_segmentation, sha256
from FusionINNLib.volumes.suggested import is_suggested
from FusionINNLib.volumes.volume import Volume


def segment(options: argparse.Namespace) -> None:
    """fusioninn segment FIRST SECOND --out DIR [--segmentation SEG] [--seg-nrrd] [--dicom-seg]"""
    from FusionINNLib.outlining import dicom_file, doubts, folder
    from FusionINNLib.outlining.suggest import suggest_outline

    read = (options.first, options.second, options.segmentation, options.model and Path(options.model))
    check_free(options.out, options.overwrite, folder.FILES, read)
    devices.check_name(options.device)
    (first, first_file), (second, second_file) = (read_source(path, n, options) for n, path in enumerate((options.first, options.second)))
    first, second = luminances(first, second)
    drawn = read_segmentation(options.segmentation, outlined=(first, second)) if options.segmentation else None
    if drawn is not None and is_suggested(drawn):
        raise InputError(f"{options.segmentation}: this outline was SUGGESTED by a network, and a Dice with it would say nothing; give one "
                         "that somebody drew, or made his own under another name.")
    headers = dicom_file.source_headers(first if options.reference == "first" else second) if options.dicom_seg else None
    if are_same((first, second), (first_file, second_file)):
        warn(SAME)
    unused.check_choices(options, (first, second))
    warn_of_patients(first, second, drawn)
    say(f"Note: {doubts.KNOWS}")
    found = suggest_outline(first, second, reference=options.reference, alignment=options.align, model=options.model, device=options.device,
                            progress=progress())
    for volume in (first, second):
        say_notes(volume)
    for sentence in found.warnings:
        warn(sentence)
    compared = None
    if drawn is not None:
        moving = first if options.reference == "second" else second
        along = found.alignment.transform if drawn.same_grid(moving) else None
        file = InputFile(drawn.name if options.segmentation.is_dir() else options.segmentation.name, sha256(options.segmentation))
        drawn = resample_labels(drawn, found.labels, along)
        say_notes(drawn)
        compared = file, _agreement(found.labels, drawn)
    settings = {"alignment": options.align, "reference": options.reference, "model": found.model.card.id}
    with new_folder(options.out, options.overwrite, folder.FILES, read) as part:
        folder.write(found, part, (first_file, second_file), settings, compared, for_slicer=options.seg_nrrd, dicom=headers)
    if headers is not None:
        say(f"Note: {folder.DICOM} names the patient and the study of its series, as every DICOM object does; the other files do not.")
    print(f"SUGGESTED an outline of {found.volume_ml:.1f} mL in {options.out}: {folder.KIND}.")
    if compared is not None:
        _say_agreement(compared[1])
    print(NOTICE)


def _agreement(labels: Volume, drawn: Volume):
    from FusionINNLib.outlining.agreement import agreement

    i, j, k = labels.spacing_ijk_mm
    return agreement(labels.array > 0, drawn.array > 0, (k, j, i))


def _say_agreement(compared) -> None:
    if compared.dice is None:
        print("Neither the suggested nor the drawn outline holds anything.")
        return
    far = "" if compared.hd95_mm is None else f", surfaces within {compared.hd95_mm:.1f} mm (95 %)"
    print(f"Dice with the drawn outline {compared.dice:.3f}{far}.")
