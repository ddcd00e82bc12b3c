"""Second implementations of metrics, as loops straight from their definitions: slow, plain, and independent of the package."""
import math

import numpy as np


def slow_sobel(image: np.ndarray, row: int, column: int) -> tuple[float, float]:
    """Strength and direction with zeros beyond the image, y upwards."""
    def pixel(j, i):
        return float(image[j, i]) if 0 <= j < image.shape[0] and 0 <= i < image.shape[1] else 0.0
    x = sum(weight * (pixel(row + d, column + 1) - pixel(row + d, column - 1)) for d, weight in ((-1, 1), (0, 2), (1, 1)))
    y = sum(weight * (pixel(row - 1, column + d) - pixel(row + 1, column + d)) for d, weight in ((-1, 1), (0, 2), (1, 1)))
    return math.sqrt(x * x + y * y), math.atan(y / x) if x else math.pi / 2


def slow_q_abf(a, b, f) -> float:
    numerator = denominator = 0.0
    for row in range(f.shape[0]):
        for column in range(f.shape[1]):
            strength_f, direction_f = slow_sobel(f, row, column)
            for source in (a, b):
                strength, direction = slow_sobel(source, row, column)
                if strength > strength_f:
                    ratio = strength_f / strength
                elif strength == strength_f:
                    ratio = strength_f
                else:
                    ratio = strength / strength_f
                alignment = 1 - abs(direction - direction_f) / (math.pi / 2)
                quality = 0.9994 / (1 + math.exp(-15 * (ratio - 0.5))) * 0.9879 / (1 + math.exp(-22 * (alignment - 0.8)))
                numerator, denominator = numerator + quality * strength, denominator + strength
    return numerator / denominator


def slow_blur(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    size = len(weights)
    return np.array([[(image[j:j + size, i:i + size] * weights).sum() for i in range(image.shape[1] - size + 1)]
                     for j in range(image.shape[0] - size + 1)])


def slow_vif(reference: np.ndarray, image: np.ndarray) -> float:
    reference, image = reference.astype(float), image.astype(float)
    kept = available = 0.0
    for scale, size in enumerate((17, 9, 5, 3)):
        offsets = np.arange(size) - size // 2
        weights = np.exp(-(offsets[:, None] ** 2 + offsets ** 2) / (2 * (size / 5) ** 2))
        weights /= weights.sum()
        if scale:
            reference, image = slow_blur(reference, weights)[::2, ::2], slow_blur(image, weights)[::2, ::2]
        for j in range(reference.shape[0] - size + 1):
            for i in range(reference.shape[1] - size + 1):
                x, y = reference[j:j + size, i:i + size], image[j:j + size, i:i + size]
                dx, dy = x - (weights * x).sum(), y - (weights * y).sum()
                variance_x, variance_y, covariance = ((weights * p).sum() for p in (dx * dx, dy * dy, dx * dy))
                if variance_x < 1e-10:
                    continue
                gain = max(covariance / variance_x, 0) if variance_y > 1e-10 else 0
                noise = variance_y - gain * covariance
                kept += math.log2(1 + gain ** 2 * variance_x / (noise + 2))
                available += math.log2(1 + variance_x / 2)
    return kept / available


def slow_fmi_pair(x: np.ndarray, y: np.ndarray) -> float:
    """FMI of two distributions over 9 places (Fast-FMI), with all 81 cells written out."""
    correlation = np.corrcoef(x, y)[0, 1] if np.ptp(x) > 0 and np.ptp(y) > 0 else 0.0
    places = np.arange(1, 10)
    sd_x, sd_y = (math.sqrt(max((places ** 2 * p).sum() - (places * p).sum() ** 2, 0)) for p in (x, y))
    above, right = np.cumsum(x)[:, None], np.cumsum(y)[None, :]
    bound = np.minimum(above, right) if correlation >= 0 else np.maximum(above + right - 1, 0)
    phi = correlation * sd_x * sd_y / (bound - above * right).sum() if min(sd_x, sd_y) > 1e-9 and correlation != 0 else 0.0
    cells = np.diff(np.diff(np.pad(bound, ((1, 0), (1, 0))), axis=0), axis=1)
    joint = phi * cells + (1 - phi) * np.outer(x, y)

    def entropy(p):
        p = np.abs(p[np.abs(p) > 1e-15])
        return -(p * np.log2(p)).sum()
    signed = joint[np.abs(joint) > 1e-15]
    both = entropy(x) + entropy(y)
    return 2 * (both + (signed * np.log2(np.abs(signed))).sum()) / both if both > 0 else 0.0


def slow_fmi(a, b, f) -> float:
    def rescaled(window):
        span = window.max() - window.min()
        return (window - window.min()) / span if span else np.ones(9)

    def score(window, fused):
        if (window == fused).all():
            return 1.0, fused
        x, y = rescaled(window), rescaled(fused)
        constant = np.ptp(x) == 0 and np.ptp(y) == 0
        return (1.0 if constant else slow_fmi_pair(x / x.sum(), y / y.sum())), y
    scores = []
    for j in range(f.shape[0] - 2):
        for i in range(f.shape[1] - 2):
            window_a, window_b, window_f = (image[j:j + 3, i:i + 3].ravel(order="F").astype(float) for image in (a, b, f))
            score_a, window_f = score(window_a, window_f)
            scores += [score_a, score(window_b, window_f)[0]]
    return float(np.mean(scores))
