"""What `fusioninn export` does: a folder of results in, DICOM series out."""
import argparse
from dataclasses import replace
from pathlib import Path

from FusionINNLib.atomic import check_free, new_folder
from FusionINNLib.cli import unused
from FusionINNLib.cli.terminal import progress, say
from FusionINNLib.errors import InputError
from FusionINNLib.results.dicom_folder import EXPORTED, FOLDERS, write_series
from FusionINNLib.results.dicom_origin import Origin
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.volumes.dicom import headers_of
from FusionINNLib.volumes.io import read_volume
from FusionINNLib.volumes.volume import Volume


def export(options: argparse.Namespace) -> None:
    """fusioninn export RESULT --dicom DIR [--enhanced] [--source DICOM] [--anonymous]"""
    unused.check_needs(options, ("series",), "source")
    unused.check_one(options, "series")
    check_free(options.dicom, options.overwrite, FOLDERS, (options.result, options.source))
    present = [file for file in EXPORTED if (options.result / file).is_file()]
    if not present:
        raise InputError(f"{options.result}: this holds no results; give a folder that 'fusioninn fuse' or 'fusioninn decompose' wrote.")
    volumes = {file: replace(read_volume(options.result / file), name=file.removesuffix(".nii.gz")) for file in present}
    origin = None if options.source is None else _origin(options, next(iter(volumes.values())))
    with new_folder(options.dicom, options.overwrite, FOLDERS, (options.result, options.source)) as folder:
        write_series(volumes, folder, origin, options.enhanced)
    print(f"Wrote {len(volumes)} DICOM series into {options.dicom}: {', '.join(volume.name for volume in volumes.values())}.\n{NOTICE}")


def _origin(options: argparse.Namespace, result: Volume) -> Origin:
    source = read_volume(options.source, series=options.series[0] if options.series else None, progress=progress())
    files: tuple[Path, ...] = source.identity.get("files", ())
    if not files:
        raise InputError(f"{options.source}: this is no DICOM series; give the folder of a source, or leave out --source.")
    same = source.same_grid(result)
    if not same:
        say("Note: the result lies on another grid than the series of --source, so it gets a frame of reference of its own; give the "
            "reference volume's series to keep that.")
    return Origin(headers_of(files), not options.anonymous, same)
