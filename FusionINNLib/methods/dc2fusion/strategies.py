"""How two maps become one image: fusion strategies of DC2Fusion's code, on whole volumes. Maps are (2, K, J, I)."""
import numpy as np


def shares(maps: np.ndarray) -> tuple[float, float]:
    """FL1N: what each map counts for, its L1 norm over that of both; halves where both are nothing. They sum to 1.

    The released L1NW multiplies by the norms themselves, so that the result grows with the square of the maps and with the size of the
    volume, and sums over the batch; see `l1nw`.
    """
    norms = np.abs(maps, dtype=np.float64).reshape(2, -1).sum(1)
    return (float(norms[0] / norms.sum()), float(norms[1] / norms.sum())) if norms.sum() > 0 else (0.5, 0.5)


def fl1n(maps: np.ndarray) -> np.ndarray:
    """The maps by their `shares`, (K, J, I)."""
    first, second = shares(maps)
    return np.float32(first) * maps[0] + np.float32(second) * maps[1]


def l1nw(maps: np.ndarray) -> np.ndarray:
    """As released, for one volume: the maps times their L1 norms, (K, J, I)."""
    norms = np.abs(maps, dtype=np.float64).reshape(2, -1).sum(1)
    return (norms[0] * maps[0] + norms[1] * maps[1]).astype(np.float32)
