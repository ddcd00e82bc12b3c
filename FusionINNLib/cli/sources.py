"""The two volumes of a command line: read from their paths, with the series and stacks that were chosen of DICOM folders."""
import argparse
from pathlib import Path

import numpy as np

from FusionINNLib.cli.adc import read_adc
from FusionINNLib.cli.terminal import progress, say, warn
from FusionINNLib.errors import InputError
from FusionINNLib.registration.alignment import patients_differ
from FusionINNLib.results.folder import InputFile
from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.color_files import read_scan
from FusionINNLib.volumes.identity import other_patient
from FusionINNLib.volumes.io import sha256, sha256_of_files
from FusionINNLib.volumes.volume import Volume

SAME = "both inputs are the same image, so the fused image shows nothing new."


def read_source(path: Path, number: int, options: argparse.Namespace) -> tuple[Volume | ColorVolume, InputFile]:
    """The first (number 0) or second (1) volume and what is recorded of its file: a DICOM folder bears the name of its series, as folders
    are often named after patients, and where a series was chosen, the checksum of its files alone."""
    if getattr(options, "bval", None) is not None and not options.first_adc:
        raise InputError("--bval is for --first-adc alone: add that, or leave out --bval.")
    series, stack = (_chosen(given, number, name) for given, name in ((options.series, "series"), (options.stack, "stack")))
    if number == 0 and getattr(options, "first_adc", False):
        volume, _ = read_adc(path, options.bval, series)
        return volume, InputFile(volume.name if path.is_dir() else path.name, sha256(path))
    is_dicom = path.is_dir() or series is not None or stack is not None
    scan = read_scan(path, series=series, stack=stack, progress=progress())
    volume = scan.luminance if isinstance(scan, ColorVolume) else scan
    files = volume.identity.get("files")
    checksum = sha256_of_files(files) if files and series is not None else sha256(path)
    return scan, InputFile(volume.name if is_dicom and path.is_dir() else path.name, checksum)


def are_same(volumes: tuple[Volume, Volume], files: tuple[InputFile, InputFile]) -> bool:
    """Whether both are one image; two stacks of one series come from the same files without being it."""
    return files[0].sha256 == files[1].sha256 and np.array_equal(volumes[0].array, volumes[1].array)


def say_notes(volume: Volume) -> None:
    """What is to be known of how a volume was read."""
    for note in volume.notes:
        say(f"Note: {volume.name}: {note}.")


def warn_of_patients(first: Volume, second: Volume, segmentation: Volume | None) -> None:
    """A sentence where names and tags speak for several patients."""
    if differ := patients_differ(first, second):
        warn(differ)
    if segmentation is not None and (differ := other_patient(first, segmentation) or other_patient(second, segmentation)):
        warn(f"Of a volume and the segmentation: {differ}")


def _chosen(given: list[str], number: int, name: str) -> str | None:
    if len(given) > 2:
        raise InputError(f"--{name} was given {len(given)} times: give it once for both volumes, or once for each.")
    return given[min(number, len(given) - 1)] if given else None
