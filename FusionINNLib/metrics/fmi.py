"""Q_FMI: feature mutual information between the fused image and its sources, on raw pixels in 3x3 windows.

Haghighat, Aghagolzadeh, Seyedarabi: A non-reference image fusion metric based on mutual information of image features. Computers and
Electrical Engineering 37(5), 2011; Haghighat, Razian: Fast-FMI: non-reference image fusion metric. AICT 2014.

A window of grey levels, rescaled to 0..1 and divided by its sum, is read as a distribution over its 9 places. The joint distribution of
two windows is modelled as the mixture phi * (Frechet bound) + (1 - phi) * (independence) that has their correlation; the bound is the
upper one (comonotone places) for a positive correlation and the lower one (counter-monotone) for a negative one.

How it is made fast, with the same numbers: grey levels are integers, so sums, cumulative sums and correlations are exact integers; and a
Frechet bound is a staircase of at most 17 of the 81 cells, found by merging the two cumulative sums, while the entropy of the
independent part is known in closed form. Only the cells of the staircase need a logarithm.
"""
import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.metrics.gaussian_window import masked_mean

PLACES = 9
CHUNK = 4096
"""Windows at a time: their working arrays stay in the processor's cache."""
_INDEX = np.arange(1, PLACES + 1, dtype=np.int32)[:, None]
_PRODUCTS = np.arange(255 * 255 + 1, dtype=np.float64)
_X_LOG_X = _PRODUCTS * np.log2(np.maximum(_PRODUCTS, 1))
"""x log2 x of every product of two weights."""


def fmi_map(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """FMI of every 3x3 window that fits inside the image: the mean of its values for (first, fused) and (second, fused).

    The images have shape (j, i) and hold grey levels (uint8). Returns (j - 2, i - 2), float64, 0 (nothing in common) to about 1.

    As in the published code, a window equal to the fused one scores 1 without being computed; but the second source is compared
    with the fused window already rescaled to 0..1, unless the first source was equal to it. So FMI(A, B, F) is not FMI(B, A, F)
    where a window is constant but for one brighter pixel: both its entropies are 0 and it scores 0 when computed.
    Two constant windows, equal or not, score 1; a constant and a varying one 0.
    """
    for image in (first, second, fused):
        if image.dtype != np.uint8:
            raise InputError(f"FMI needs 8-bit grey levels but got {image.dtype}; convert the images with grey_levels first.")
    a, b, f = (_windows(image) for image in (first, second, fused))
    weights_f = _weights(f)
    first_equal = np.count_nonzero(a != f, axis=0) == 0
    # b == rescaled f, in integers: rescaled f is weights_f / span.
    span = weights_f.max(axis=0)
    unlike: np.ndarray = b * span != weights_f
    second_equal = np.count_nonzero(unlike, axis=0) == 0
    np.copyto(second_equal, np.count_nonzero(b != f, axis=0) == 0, where=first_equal)
    score = (_scores(a, weights_f, first_equal) + _scores(b, weights_f, second_equal)) / 2
    return score.reshape(first.shape[0] - 2, first.shape[1] - 2)


def q_fmi(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q_FMI of the whole image, background included: the mean of `fmi_map`, 0..1."""
    return float(fmi_map(first, second, fused).mean())


def q_fmi_masked(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray) -> float:
    """Q_FMI over the windows whose centre lies in the boolean `mask` (j, i). Raises InputError when there is none."""
    return masked_mean(fmi_map(first, second, fused), mask)


def _windows(image: np.ndarray) -> np.ndarray:
    """All 3x3 windows as columns (9, n), places in column-major order: the cumulative sums, and so the values, depend on it."""
    rows, columns = image.shape[0] - 2, image.shape[1] - 2
    return np.stack([image[j:j + rows, i:i + columns].ravel() for i in range(3) for j in range(3)])


def _weights(windows: np.ndarray) -> np.ndarray:
    """Grey levels above the window's minimum, int32; ones where the window is constant."""
    weights = (windows - windows.min(axis=0)).astype(np.int32)
    weights[:, ~weights.any(axis=0)] = 1
    return weights


def _scores(windows: np.ndarray, weights_f: np.ndarray, equal: np.ndarray) -> np.ndarray:
    """Scores (n,) of all windows of one source, of which the equal ones are 1."""
    scores = np.ones(equal.shape)
    todo = np.flatnonzero(~equal)
    for start in range(0, len(todo), CHUNK):
        some = todo[start:start + CHUNK]
        scores[some] = _pair_scores(_weights(windows[:, some]), weights_f[:, some])
    return scores


def _pair_scores(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """2 I(X; Y) / (H(X) + H(Y)) for the distributions x / sum(x) and y / sum(y) of the columns of two weight arrays (9, n)."""
    correlation = _correlation(x, y)
    # The lower bound of (X, Y) is the upper bound of (X reversed, Y).
    x = np.where(correlation < 0, x[::-1], x)
    total = x.sum(axis=0) * y.sum(axis=0)
    mass, product, i, j = _staircase(x, y)
    phi = _mixing(np.abs(correlation), x, y, (mass * i * j).sum(axis=0))
    entropies = _entropy(x) + _entropy(y)
    information = _information(phi, mass, product, total, entropies)
    score = np.divide(2 * information, entropies, out=np.zeros_like(entropies), where=entropies > 0)
    both_constant = (x == 1).all(axis=0) & (y == 1).all(axis=0)
    return np.where(both_constant, 1.0, score)


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's coefficient of the weights, 0 where one of them is constant."""
    sum_x, sum_y = x.sum(axis=0), y.sum(axis=0)
    covariance = PLACES * (x * y).sum(axis=0) - sum_x * sum_y
    variance_x = PLACES * (x * x).sum(axis=0) - sum_x * sum_x
    variance_y = PLACES * (y * y).sum(axis=0) - sum_y * sum_y
    spread = np.sqrt(variance_x.astype(np.float64) * variance_y)
    return np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)


def _staircase(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The comonotone coupling of two distributions: the cells (i, j) that may hold mass, in order along the staircase.

    Returns four arrays (17, n): the mass of the cell times sum(x) sum(y), the product x_i y_j, and the places i and j from 1.
    Every step of either cumulative sum ends a cell. Each end is packed into one integer, (level, 255 - weight, whose step), so that one
    merge sorts all three; among equal levels, the step that reached it (weight > 0) comes before those that stay (weight 0).
    """
    sum_x, sum_y = x.sum(axis=0, dtype=np.int32), y.sum(axis=0, dtype=np.int32)
    level_x, level_y = np.cumsum(x[:-1], axis=0, dtype=np.int32) * sum_y, np.cumsum(y[:-1], axis=0, dtype=np.int32) * sum_x
    ends = _merge((level_x << 9) | ((255 - x[:-1]) << 1), (level_y << 9) | ((255 - y[:-1]) << 1) | 1)
    of_y = (ends & 1).astype(bool)
    weight = 255 - ((ends >> 1) & 255)
    # Levels are below 2040^2 < 2^22, so that the packed numbers stay below 2^31.
    level = np.concatenate([ends >> 9, (sum_x * sum_y)[None]])
    mass = np.diff(level, axis=0, prepend=np.int32(0))
    j = np.ones(mass.shape, np.int32)
    j[1:] += np.cumsum(of_y, axis=0, dtype=np.int32)
    i = np.arange(2, len(mass) + 2, dtype=np.int32)[:, None] - j
    product = np.empty_like(mass)
    here_x, here_y = x[-1].copy(), y[-1].copy()
    np.multiply(here_x, here_y, out=product[-1])
    # Backwards, because a cell is named by the next end of either kind.
    for step in range(len(ends) - 1, -1, -1):
        np.copyto(here_y, weight[step], where=of_y[step])
        np.copyto(here_x, weight[step], where=~of_y[step])
        np.multiply(here_x, here_y, out=product[step])
    return mass, product, i, j


def _merge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Merge two arrays (8, n), ascending along axis 0, into one (16, n): Batcher's bitonic merge, all columns at once."""
    keys, count = np.concatenate([a, b[::-1]]), a.shape[1]
    for distance in (8, 4, 2, 1):
        pairs = keys.reshape(-1, 2, distance, count)
        keys = np.stack([np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])], axis=1).reshape(-1, count)
    return keys


def _mixing(correlation: np.ndarray, x: np.ndarray, y: np.ndarray, coupled: np.ndarray) -> np.ndarray:
    """phi: the given correlation over the one that the places have under the coupling, `coupled` = E[ij] sum(x) sum(y)."""
    sum_x, sum_y = x.sum(axis=0), y.sum(axis=0)
    moment_x, moment_y = (_INDEX * x).sum(axis=0), (_INDEX * y).sum(axis=0)
    variance_x = sum_x * (_INDEX * _INDEX * x).sum(axis=0) - moment_x * moment_x
    variance_y = sum_y * (_INDEX * _INDEX * y).sum(axis=0) - moment_y * moment_y
    spread = np.sqrt(variance_x.astype(np.float64) * variance_y)
    covariance = (coupled - moment_x * moment_y).astype(np.float64)
    return np.divide(correlation * spread, covariance, out=np.zeros_like(spread), where=spread > 0)


def _entropy(weights: np.ndarray) -> np.ndarray:
    """Entropy in bits of the distributions weights / sum(weights), columns (9, n)."""
    total = weights.sum(axis=0)
    return np.log2(total) - _X_LOG_X[weights].sum(axis=0) / total


def _information(phi: np.ndarray, mass: np.ndarray, product: np.ndarray, total: np.ndarray, entropies: np.ndarray) -> np.ndarray:
    """I(X; Y) in bits under the mixture: H(X) + H(Y) + sum p log2 |p|, p = phi mass + (1 - phi) product, both over `total`.

    All 81 cells are counted as if they were independent, then the cells of the staircase are put right. phi may exceed 1, so that a
    cell of the independent part turns negative: hence |p|, as in the published code.
    """
    rest = 1 - phi
    mixed = phi * mass + rest * product
    log_rest = np.log2(np.abs(rest), out=np.zeros_like(rest), where=rest != 0)
    size = np.abs(mixed)
    np.copyto(size, 1.0, where=size == 0)
    correction = mixed * np.log2(size) - rest * (_X_LOG_X[product] + product * log_rest)
    staircase = np.where(mass > 0, correction, 0.0).sum(axis=0)
    return phi * entropies + rest * log_rest - phi * np.log2(total) + staircase / total
