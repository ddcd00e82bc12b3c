"""Q_NCIE: nonlinear correlation information entropy of the two sources and the fused image.

Wang, Shen, Jin: Performance evaluation of image fusion techniques. Chapter 19 in Stathaki (ed.), Image Fusion: Algorithms and
Applications, 2008.
"""
import numpy as np

from FusionINNLib.metrics.information import mutual_information

BITS = 8
"""log2 of the 256 grey levels: entropies are counted to base 256, so that they reach 1."""


def ncc(a: np.ndarray, b: np.ndarray) -> float:
    """Nonlinear correlation coefficient of two images of grey levels (uint8, one shape): mutual information to base 256, 0..1.

    The published code first stretches each image to 0..255. For 8-bit grey levels that only renames levels one to one, which no
    entropy sees, so it is not done here.
    """
    return mutual_information(a, b) / BITS


def q_ncie(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q_NCIE = 1 + sum (r / 3) log256 (r / 3), r the eigenvalues of the 3x3 matrix of `ncc` with a diagonal of ones.

    Images of grey levels, uint8 of one shape (or the pixels of a mask, shape (n,)). From 0.802 (all coefficients 0) to 1: it hardly moves,
    so read it beside `ncc_sum`.
    """
    first_second, first_fused, second_fused = ncc(first, second), ncc(first, fused), ncc(second, fused)
    correlations = np.array([[1, first_second, first_fused], [first_second, 1, second_fused], [first_fused, second_fused, 1]])
    share = np.linalg.eigvalsh(correlations) / 3
    share = share[share > 0]
    return float(1 + (share * np.log2(share)).sum() / BITS)


def ncc_sum(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """ncc(first, fused) + ncc(second, fused), 0..2: what the fused image holds of either source, without the floor of Q_NCIE."""
    return ncc(first, fused) + ncc(second, fused)


def q_ncie_masked(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray) -> float:
    """Q_NCIE from the pixels of the boolean `mask` alone, as if the image had no others. The fewer, the more it overestimates."""
    return q_ncie(first[mask], second[mask], fused[mask])
