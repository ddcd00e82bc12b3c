"""Made-up diffusion series: a head whose ADC is known, and one of fibres in every direction. Arrays are (k, j, i)."""
import numpy as np
from making import head


def series(b_values, noise: float = 0.0):
    """(images (N, k, j, i), true ADC in 1e-3 mm2/s, inside) of a made-up head."""
    tissue = head(np.float64, (6, 40, 44), seed=2)
    inside = tissue > 0
    adc = np.where(inside, 0.6 + 2 * (tissue - tissue.min()) / np.ptp(tissue), 0)
    images = np.stack([np.where(inside, 1000 * np.exp(-b * adc / 1000), 0) for b in b_values])
    if noise:
        images = np.hypot(images, np.random.default_rng(1).normal(scale=noise, size=images.shape))
    return images, adc, inside


def fibres(b: float, seed: int = 4):
    """(images (1 + 6, k, j, i), b-values (7,), directions (7, 3)) of fibres in every voxel, without noise, and where the head is.

    Directions to the corners of an icosahedron see the mean diffusivity of any tensor exactly: their dyads sum up to twice the identity.
    """
    tissue = head(np.float64, (4, 30, 32), seed=2)
    inside, golden = tissue > 0, (1 + 5 ** 0.5) / 2
    corners = np.array([(0, 1, golden), (0, 1, -golden), (1, golden, 0), (1, -golden, 0), (golden, 0, 1), (-golden, 0, 1)])
    directions = np.vstack([np.zeros(3), corners / np.linalg.norm(corners[0])])
    axes = np.random.default_rng(seed).normal(size=(*tissue.shape, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    tensors = 0.4e-3 * np.eye(3) + 1.2e-3 * axes[..., :, None] * axes[..., None, :]
    seen = np.einsum("na,...ab,nb->n...", directions, tensors, directions)
    b_values = np.array([0.0, *[b] * 6])
    return np.where(inside, 1000 * np.exp(-b_values[:, None, None, None] * seen), 0), b_values, directions, inside
