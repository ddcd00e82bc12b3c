"""What `fusioninn evaluate` does: read three images, measure, print."""
import argparse
import math

from FusionINNLib.cli.terminal import progress, put, say
from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.inputs import Comparison, read_comparison
from FusionINNLib.evaluation.output import as_csv, as_json, as_text
from FusionINNLib.metrics import MASKED_KEYS, VolumeMetrics, evaluate_slice, evaluate_volume
from FusionINNLib.metrics.gaussian_window import MASK_TOO_NEAR_BORDER


def evaluate(options: argparse.Namespace) -> None:
    """fusioninn evaluate FIRST SECOND FUSED [--mask M] [--scaled] [--json | --csv]"""
    comparison = read_comparison((options.first, options.second, options.fused), options.mask, options.scaled)
    metrics = _measure(comparison)
    for note in comparison.notes:  # not before, so that what is refused is refused with one sentence
        say(f"Note: {note}")
    write = as_json if options.json else as_csv if options.csv else as_text
    put(write(comparison, metrics))


def _measure(comparison: Comparison) -> VolumeMetrics:
    if comparison.is_picture:
        mask = None if comparison.mask is None else comparison.mask[0]
        first, second, fused = comparison.images
        values = evaluate_slice(first[0], second[0], fused[0], mask)
        return VolumeMetrics(values, {0: values}, {})
    metrics = evaluate_volume(*comparison.images, comparison.mask, progress())
    if comparison.mask is not None and all(math.isnan(metrics.volume[key]) for key in MASKED_KEYS):
        raise InputError(MASK_TOO_NEAR_BORDER)
    return metrics
