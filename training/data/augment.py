"""Changes to a pair of source crops that make the network meet contrasts, sharpness and fields of view it has no data for.

A crop is (2, H, W) float32 on the nominal 0..1 scale, background 0. All randomness comes from the generator that is handed in.
"""
import numpy as np
from numpy.random import Generator
from scipy import ndimage

BACKGROUND = 0.02  # at and below this a pixel is taken for background and keeps its value in a change of contrast


def augment(pair: np.ndarray, rng: Generator) -> np.ndarray:
    """One random chain of the changes below."""
    pair = flip_and_turn(pair, rng)
    if rng.random() < 0.15:
        pair = blend_contrasts(pair, rng)
    for channel in range(2):
        pair[channel] = change_contrast(pair[channel], rng)
        if rng.random() < 0.12:
            pair[channel] = blur(pair[channel], rng)
    if rng.random() < 0.1:
        pair = cut_field_of_view(pair, rng)
    if rng.random() < 0.05:
        moved = rng.integers(2)
        pair[moved] = shift(pair[moved], rng)
    if rng.random() < 0.3:
        pair = add_rician_noise(pair, rng)
    return pair


def flip_and_turn(pair: np.ndarray, rng: Generator) -> np.ndarray:
    """One of the eight symmetries of the square."""
    pair = np.rot90(pair, int(rng.integers(4)), (1, 2))
    return np.ascontiguousarray(pair[:, :, ::-1] if rng.random() < 0.5 else pair)


def change_contrast(image: np.ndarray, rng: Generator) -> np.ndarray:
    """A random curve of intensities: mostly a gamma, sometimes a monotone or a folded (contrast-reversing) piecewise-linear one."""
    kind = rng.random()
    if kind < 0.6:
        return np.maximum(image, 0) ** np.exp(rng.uniform(-0.4, 0.4)) * rng.uniform(0.85, 1.1)
    knots = np.linspace(0, 1.2, 7)
    values = rng.uniform(0, 1.1, 7)
    if kind < 0.8:
        values = np.cumsum(rng.uniform(0.02, 0.4, 7))
        values *= rng.uniform(0.8, 1.1) / values[-1]
    values = ndimage.gaussian_filter1d(values, 0.7, mode="nearest")
    weight = np.clip((image - BACKGROUND) / 0.08, 0, 1)  # no jump at the edge of the head
    return ((1 - weight) * image + weight * np.interp(image, knots, values)).astype(np.float32)


def blend_contrasts(pair: np.ndarray, rng: Generator) -> np.ndarray:
    """Replace one source by a weighted sum or difference of both: a contrast that no scanner made but that shows the same anatomy."""
    target, weight = rng.integers(2), rng.uniform(-0.8, 0.8)
    other = pair[1 - target]
    mixed = pair[target] + weight * other
    if weight < 0:
        mixed = mixed - weight * 0.7 * np.clip(pair.max(0) / 0.3, 0, 1)  # keeps the head above the background
    pair[target] = np.maximum(mixed, 0) / max(1.0, 1 + weight)
    return pair


def blur(image: np.ndarray, rng: Generator) -> np.ndarray:
    """One source of lower resolution, as when 2 mm ADC meets 0.5 mm FLAIR."""
    return ndimage.gaussian_filter(image, rng.uniform(0.5, 2.0))


def cut_field_of_view(pair: np.ndarray, rng: Generator) -> np.ndarray:
    """One source is empty outside an ellipse, as when one volume is skull-stripped and the other is not."""
    height, width = pair.shape[1:]
    rows, columns = np.ogrid[:height, :width]
    centre = rng.uniform(0.2, 0.8, 2) * (height, width)
    radius = rng.uniform(0.3, 0.7, 2) * (height, width)
    inside = ((rows - centre[0]) / radius[0]) ** 2 + ((columns - centre[1]) / radius[1]) ** 2 < 1
    pair[rng.integers(2)] *= inside
    return pair


def shift(image: np.ndarray, rng: Generator) -> np.ndarray:
    """A misalignment of up to two pixels."""
    return ndimage.shift(image, rng.uniform(-2, 2, 2), order=1, mode="nearest")


def add_rician_noise(pair: np.ndarray, rng: Generator) -> np.ndarray:
    """Noise of magnitude images (Gudbjartsson & Patz 1995), inside the head only."""
    sigma = rng.uniform(0.002, 0.015)
    noisy = np.hypot(pair + rng.normal(0, sigma, pair.shape), rng.normal(0, sigma, pair.shape))
    return np.where(pair > BACKGROUND, noisy, pair).astype(np.float32)
