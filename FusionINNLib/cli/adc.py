"""What `fusioninn adc` does: a diffusion-weighted series in, a map of the apparent diffusion coefficient out."""
import argparse
from dataclasses import replace
from pathlib import Path

from FusionINNLib.atomic import check_file
from FusionINNLib.cli import unused
from FusionINNLib.cli.terminal import progress, say
from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.adc import UNIT, Adc, adc_of
from FusionINNLib.volumes.diffusion import read_diffusion
from FusionINNLib.volumes.nifti import write_nifti
from FusionINNLib.volumes.volume import Volume


def adc(options: argparse.Namespace) -> None:
    """fusioninn adc DWI [--bval FILE] --out FILE"""
    out = options.out
    if not out.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(f"{out.name}: give the new file a name that ends with .nii.gz.")
    unused.check_one(options, "series")
    check_file(out, options.overwrite, (options.dwi, options.bval))
    volume, fit = read_adc(options.dwi, options.bval, options.series[0] if options.series else None)
    unused.check_choices(options, (volume,))
    write_nifti(volume, out, description=f"ADC in {UNIT}, b = {', '.join(f'{b:g}' for b in fit.b_values)} s/mm2", cal_min=0.0, cal_max=3.0)
    for note in volume.notes:
        say(f"Note: {volume.name}: {note}.")
    print(f"Wrote {out}: ADC in {UNIT}.")


def read_adc(path: Path, bval: Path | None, series: str | None) -> tuple[Volume, Adc]:
    """ADC of a diffusion series as a volume on its grid, and how it was fitted."""
    diffusion = read_diffusion(path, bval, series, progress())
    fit = adc_of(diffusion.images, diffusion.b_values)
    first = diffusion.first
    return replace(first, array=fit.values, name=f"{first.name} ADC", unit=UNIT, notes=(*first.notes, *fit.notes)), fit
