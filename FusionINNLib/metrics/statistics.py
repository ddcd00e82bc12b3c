"""SD, SF and AG of the fused image, and SCD: what it holds of each source once the other is taken away."""
import numpy as np


def sd(image: np.ndarray) -> float:
    """SD: standard deviation of the grey levels 0..255 over all pixels (divided by n), 0..127.5; any shape."""
    return float(np.asarray(image, np.float64).std())


def sf(image: np.ndarray) -> float:
    """SF: spatial frequency sqrt(RF^2 + CF^2), RF and CF the root mean squares of the differences of neighbours in i and in j.

    Shape (j, i), grey levels 0..255. Eskicioglu, Fisher: Image quality measures and their performance. IEEE Transactions on
    Communications 43(12), 1995; the means are over the differences that there are, as the field's code has it, not over all pixels.
    """
    image = np.asarray(image, np.float64)
    return float(np.sqrt((np.diff(image, axis=1) ** 2).mean() + (np.diff(image, axis=0) ** 2).mean()))


def ag(image: np.ndarray) -> float:
    """AG: mean over all pixels of sqrt((gi^2 + gj^2) / 2), the gradient by central differences, one-sided at the border.

    Shape (j, i), grey levels 0..255. Cui, Feng, Xu, Li, Chen: Detail preserved fusion of visible and infrared images using regional
    saliency extraction and multi-scale image decomposition. Optics Communications 341, 2015; differences as the field's code has them.
    """
    along_j, along_i = np.gradient(np.asarray(image, np.float64))
    return float(np.sqrt((along_i ** 2 + along_j ** 2) / 2).mean())


def scd(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """SCD: corr(first, fused - second) + corr(second, fused - first), Pearson's, -2..2; grey levels of one shape.

    Aslantas, Bendes: A new image quality metric for image fusion: the sum of the correlations of differences. AEU 69(12), 2015,
    equation 3. A difference that is constant (the fused image is a copy of a source) correlates with nothing and counts 0.
    """
    first, second, fused = (np.asarray(image, np.float64) for image in (first, second, fused))
    return _correlation(first, fused - second) + _correlation(second, fused - first)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / spread) if spread > 0 else 0.0
