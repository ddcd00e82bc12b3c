"""Entropy and mutual information of grey-level histograms, in bits.

Shannon 1948; as fusion metrics: Qu, Zhang, Yan: Information measure for performance of image fusion. Electronics Letters 38(7), 2002.
"""
import numpy as np

LEVELS = 256


def en(image: np.ndarray) -> float:
    """EN: entropy of the histogram of an image of grey levels (uint8, any shape), 0..8 bits."""
    return entropy(np.bincount(image.ravel(), minlength=LEVELS))


def mi(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """MI: I(first; fused) + I(second; fused) in bits, 0..16; images of grey levels, uint8 of one shape."""
    return mutual_information(first, fused) + mutual_information(second, fused)


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """I(a; b) = H(a) + H(b) - H(a, b) of the 256x256 joint histogram, 0..8 bits; uint8 of one shape."""
    counts = np.bincount(a.ravel().astype(np.intp) * LEVELS + b.ravel(), minlength=LEVELS * LEVELS).reshape(LEVELS, LEVELS)
    return entropy(counts.sum(axis=1)) + entropy(counts.sum(axis=0)) - entropy(counts)


def entropy(counts: np.ndarray) -> float:
    """Entropy in bits of a histogram of counts of any shape; empty bins count nothing."""
    filled = counts[counts > 0]
    share = filled / filled.sum()
    return float(-(share * np.log2(share)).sum())
