"""Rows of the tables that need no network: one image above a threshold inside the head."""
from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from FusionINNLib.outlining.agreement import dice
from FusionINNLib.outlining.outline import Rule, kept_islands
from training.data.targets import CORE, Target
from training.segmentation.held_out import Patient

PERCENTILES = (85.0, 90.0, 92.5, 95.0, 96.0, 97.0, 98.0, 99.0, 99.5)
_BLUR_MM = 1.0
_LARGEST = Rule(least_share=1.0)


def thresholded(target: Target, patients: Mapping[tuple[str, str], Patient],
                fold_of: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], np.ndarray]:
    """(set, case) -> boolean (k, j, i) of all patients: FLAIR by Otsu for a whole lesion; for the core of a tumour T1 with contrast by the
    percentile of the head that is best for the patients of other folds."""
    if target is not CORE:
        return {key: above_otsu(patient) for key, patient in patients.items()}
    found = {key: {percentile: bright_and_filled(patient, percentile) for percentile in PERCENTILES} for key, patient in patients.items()}
    scores = {key: [dice(marked, patients[key].drawn) or 0.0 for marked in by_percentile.values()] for key, by_percentile in found.items()}

    def best_for(fold: int) -> float:
        others = [score for key, score in scores.items() if fold_of[key] != fold] or [[0.0] * len(PERCENTILES)]
        return PERCENTILES[int(np.argmax(np.mean(others, 0)))]

    return {key: by_percentile[best_for(fold_of[key])] for key, by_percentile in found.items()}


def above_otsu(patient: Patient) -> np.ndarray:
    """FLAIR above Otsu's threshold inside the head, the largest island."""
    from skimage.filters import threshold_otsu

    level = threshold_otsu(patient.flair[patient.head])
    return kept_islands(patient.head & (patient.flair > level), patient.voxel_ml, _LARGEST)


def bright_and_filled(patient: Patient, percentile: float) -> np.ndarray:
    """T1 with contrast, smoothed by 1 mm, above a percentile of the head: the largest island, with what it encloses in each slice."""
    smooth = ndimage.gaussian_filter(patient.t1ce, [_BLUR_MM / edge for edge in patient.spacing_mm])
    island = kept_islands(patient.head & (smooth > np.percentile(smooth[patient.head], percentile)), patient.voxel_ml, _LARGEST)
    return np.stack([np.asarray(ndimage.binary_fill_holes(part)) for part in island])
