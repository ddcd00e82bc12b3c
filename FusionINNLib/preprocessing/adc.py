"""Apparent diffusion coefficient from diffusion-weighted images: ln S = ln S0 - b ADC, fitted to the b-values of each voxel.

Directions of one b-value are averaged geometrically, which gives the mean diffusivity of the tissue whatever way its fibres run
(Stejskal & Tanner 1965; Le Bihan et al. 1986). What is said in `notes` are sentences without patient or folder.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.foreground import head_mask

UNIT = "1e-3 mm2/s"
_UNWEIGHTED = 50.0
"""Largest b-value (s/mm2) of an image that counts as not weighted."""
_SAME_B = 0.02
"""Relative difference of b-values that count as one: scanners add the gradients of imaging."""
_PERFUSION = 150.0
"""Below this b-value (s/mm2) the signal falls by perfusion as well."""


@dataclass(frozen=True)
class Adc:
    """values: (k, j, i) float32 in 1e-3 mm2/s, 0 outside of the head. b_values: s/mm2, as they were fitted, with the number of images."""

    values: np.ndarray
    b_values: dict[float, int]
    notes: tuple[str, ...]


def adc_of(images: np.ndarray, b_values: np.ndarray) -> Adc:
    """ADC by linear least squares on the logarithm.

    Args:
        images: (N, k, j, i), real values (with scale factors applied), any unit.
        b_values: (N,), s/mm2.

    Raises InputError where the b-values are not one for each image, not finite, negative, or not at least two, one of them near 0.
    """
    b_values = np.asarray(b_values, dtype=np.float64)
    if b_values.shape != (len(images),) or not np.isfinite(b_values).all() or (b_values < 0).any():
        raise InputError(f"There are {b_values.size} b-values for {len(images)} images: give one number of at least 0 for each image.")
    shells = _shells(b_values)
    if len(shells) < 2 or min(shells) > _UNWEIGHTED:
        said = ", ".join(f"{b:g}" for b in shells)
        raise InputError(f"ADC needs an image at b = 0 and one at a higher b-value, and these are at b = {said}: give the whole series.")
    lowest = min(shells)
    unweighted = images[shells[lowest]].mean(axis=0, dtype=np.float64)
    head = head_mask(np.nan_to_num(unweighted).astype(np.float32))
    head &= np.isfinite(images).all(axis=0)  # what is no number in one of them has no ADC
    floor = _noise_floor(images[shells[max(shells)]], head)
    smallest = np.float64(max(floor, 1e-6 * float(np.nanmax(np.abs(unweighted))), np.finfo(np.float32).tiny))
    logs = np.stack([_mean_log(images[places], smallest) for places in shells.values()])
    weights, b = np.array([float(len(places)) for places in shells.values()]), np.array(list(shells))
    centred = b - np.average(b, weights=weights)
    slope = np.tensordot(weights * centred, logs, axes=1) / np.sum(weights * centred ** 2)
    values = np.where(head, -1e3 * slope, 0).astype(np.float32)
    return Adc(values, {one: len(places) for one, places in shells.items()}, _notes(images[shells[max(shells)]], head, floor, shells))


def _shells(b_values: np.ndarray) -> dict[float, np.ndarray]:
    """b-value -> places of its images, rising; what differs by less than `_SAME_B` is one, and so is all up to `_UNWEIGHTED`."""
    shells: list[list[int]] = []
    for place in np.argsort(b_values, kind="stable"):
        last = b_values[shells[-1][0]] if shells else None
        same = last is not None and (b_values[place] <= _UNWEIGHTED or (last > _UNWEIGHTED and b_values[place] <= last * (1 + _SAME_B)))
        shells[-1].append(int(place)) if same else shells.append([int(place)])
    return {round(float(b_values[places].mean()), 3): np.array(places) for places in shells}


def _mean_log(images: np.ndarray, smallest: float) -> np.ndarray:
    """Logarithm of the geometric mean of images (N, k, j, i); what lies at the noise floor counts as the floor."""
    total = np.zeros(images.shape[1:])
    for image in images:
        total += np.log(np.maximum(np.nan_to_num(image.astype(np.float64)), smallest))
    return total / len(images)


def _noise_floor(images: np.ndarray, head: np.ndarray) -> float:
    """What magnitude images show where there is no signal: the median outside of the head; 0 where that was masked away."""
    outside = images[:, ~head]
    return float(np.nanmedian(outside)) if outside.size else 0.0


def _notes(highest: np.ndarray, head: np.ndarray, floor: float, shells: dict[float, np.ndarray]) -> tuple[str, ...]:
    used = ", ".join(f"{b:g} ({len(places)} image{'s' if len(places) > 1 else ''})" for b, places in shells.items())
    notes = [f"ADC from b = {used}; {head.mean():.0%} of the voxels are head, the background is 0"]
    weak: np.ndarray = highest.mean(axis=0)[head] <= 2 * floor
    low = float(np.mean(weak)) if floor > 0 and weak.size else 0.0
    if floor > 0:
        notes.append(f"the noise floor is {floor:.3g}; at the highest b-value {low:.1%} of the head lie below twice that, where ADC "
                     "comes out too low")
    if 0 < sorted(shells)[1] < _PERFUSION:
        notes.append(f"b = {sorted(shells)[1]:g} s/mm2 is low enough for perfusion to raise the ADC")
    return tuple(notes)
