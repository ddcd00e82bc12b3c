"""All metrics of a fused slice or volume at once, with one policy for what cannot be measured.

Which scale each metric sees: `q_ssim` and `q_ssim_masked` take the values as they are (8-bit, or float on nominal 0..1, neither rounded
nor cut); all others take 8-bit grey levels (`images.grey_levels`), because that is how the field computes them, on saved pictures.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.metrics import fmi, gradient, information, ncie, piella, statistics, vif
from FusionINNLib.metrics.gaussian_window import MASK_TOO_NEAR_BORDER, masked_mean
from FusionINNLib.metrics.images import check_images, check_mask, constant_image, continuous_levels, grey_levels
from FusionINNLib.metrics.ssim import WINDOW, q_ssim_map
from FusionINNLib.progress import Progress

WHOLE_KEYS = ("q_ssim", "q_fmi", "q_ncie", "q_xy", "q_p", "q_xy_centre", "q_p_centre",
              "q_abf", "mi", "en", "sd", "sf", "ag", "vif", "scd", "ncc_sum")
MASKED_KEYS = ("q_ssim_masked", "q_fmi_masked", "q_ncie_masked", "q_xy_masked", "q_p_masked")


@dataclass(frozen=True)
class VolumeMetrics:
    """The metrics of a volume and of its slices."""

    volume: dict[str, float]
    """Means over the measured slices; masked values are weighted by the mask's pixels in each slice, so that each pixel counts alike."""
    slices: dict[int, dict[str, float]]
    """Values of each measured slice, by its index k from 0. NaN: not defined in this slice (no mask there; VIF of a small image)."""
    left_out: dict[int, str]
    """Slices that could not be measured, by k, with the reason as a sentence: an image is constant there."""


def evaluate_slice(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray | None = None) -> dict[str, float]:
    """All metrics of one fused image, by name: `WHOLE_KEYS`, and `MASKED_KEYS` when there is a mask.

    The images have shape (j, i), at least 11 x 11 pixels, and are all uint8 (0..255) or all float (nominal 0..1); the mask has the same
    shape and is true, or not 0, inside. `vif` is NaN for images below 41 pixels a side. Raises InputError for images of
    different size or type, out of range, with NaN, or constant (as 8-bit grey levels), and for a mask that is empty or holds
    no pixel 5 or more pixels from the border.
    """
    first, second, fused = (np.asarray(image) for image in (first, second, fused))
    check_images(first, second, fused, dimensions=2)
    inside = None if mask is None else check_mask(np.asarray(mask), first.shape)
    if inside is not None and not _measurable(inside):
        raise InputError(MASK_TOO_NEAR_BORDER)
    constant = constant_image(*(grey_levels(image) for image in (first, second, fused)))
    if constant is not None:
        raise InputError(constant)
    return _measure(first, second, fused, inside)


def evaluate_volume(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray | None = None,
                    progress: Progress | None = None) -> VolumeMetrics:
    """All metrics of a fused volume, slice by slice along k and as means over the slices.

    Shapes (k, j, i), types and range as in `evaluate_slice`. Slices in which an image is constant, such as the empty ones at both ends of a
    brain, are left out and named in the result. `progress` is told of each slice, and may cancel. Raises InputError as `evaluate_slice`,
    and when no slice can be measured.
    """
    first, second, fused = (np.asarray(image) for image in (first, second, fused))
    check_images(first, second, fused, dimensions=3)
    inside = None if mask is None else check_mask(np.asarray(mask), first.shape)
    progress = progress or Progress()
    slices: dict[int, dict[str, float]] = {}
    left_out: dict[int, str] = {}
    for k in range(len(first)):
        constant = constant_image(*(grey_levels(image[k]) for image in (first, second, fused)))
        if constant is None:
            slices[k] = _measure(first[k], second[k], fused[k], None if inside is None else inside[k])
        else:
            left_out[k] = constant
        progress.step("measuring slices", k + 1, len(first))
    if not slices:
        raise InputError("No slice of the volumes can be measured, because in each of them one of the images is constant.")
    return VolumeMetrics(_volume_means(slices, inside), slices, left_out)


def _measure(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray | None) -> dict[str, float]:
    """The values of one slice that has been checked."""
    levels = grey_levels(first), grey_levels(second), grey_levels(fused)
    f = levels[2]
    maps = {"q_ssim": q_ssim_map(*(continuous_levels(image) for image in (fused, first, second)), data_range=255.0),
            "q_fmi": fmi.fmi_map(*levels), "q_xy": gradient.q_xy_map(*levels), "q_p": piella.q_p_map(*levels)}
    values = {name: float(values.mean()) for name, values in maps.items()}
    values |= {"q_ncie": ncie.q_ncie(*levels), "ncc_sum": ncie.ncc_sum(*levels),
               "q_xy_centre": gradient.q_xy_centre(*levels), "q_p_centre": piella.q_p_centre(*levels), "q_abf": gradient.q_abf(*levels),
               "mi": information.mi(*levels), "en": information.en(f), "sd": statistics.sd(f), "sf": statistics.sf(f),
               "ag": statistics.ag(f), "scd": statistics.scd(*levels),
               "vif": vif.vif(*levels) if min(f.shape) >= vif.SMALLEST_SIDE else float("nan")}
    values = {name: values[name] for name in WHOLE_KEYS}
    return values if mask is None else values | _masked(maps, levels, mask)


def _masked(maps: dict[str, np.ndarray], levels: tuple[np.ndarray, np.ndarray, np.ndarray], mask: np.ndarray) -> dict[str, float]:
    if not _measurable(mask):
        return dict.fromkeys(MASKED_KEYS, float("nan"))
    values = {f"{name}_masked": masked_mean(values, mask) for name, values in maps.items()}
    values["q_ncie_masked"] = ncie.q_ncie_masked(*levels, mask)
    return {name: values[name] for name in MASKED_KEYS}


def _measurable(mask: np.ndarray) -> bool:
    """Whether the mask holds the centre of at least one SSIM window that fits inside the image, which is the largest window."""
    margin = len(WINDOW) // 2
    return bool(mask[margin:-margin, margin:-margin].any())


def _volume_means(slices: dict[int, dict[str, float]], mask: np.ndarray | None) -> dict[str, float]:
    even = np.ones(len(slices))
    means = {name: _mean(slices, name, even) for name in WHOLE_KEYS}
    if mask is not None:
        pixels = np.array([np.count_nonzero(mask[k]) for k in slices], np.float64)
        means |= {name: _mean(slices, name, pixels) for name in MASKED_KEYS}
    return means


def _mean(slices: dict[int, dict[str, float]], name: str, weights: np.ndarray) -> float:
    """Weighted mean over the slices in which the value is defined, NaN when there is none."""
    values = np.array([values[name] for values in slices.values()])
    defined = np.isfinite(values) & (weights > 0)
    return float(np.average(values[defined], weights=weights[defined])) if defined.any() else float("nan")
