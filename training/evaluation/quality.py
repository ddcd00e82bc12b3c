"""The figures of one slice, and of the latent of one case. Images are (J, I) on the nominal 0..1 scale, masks boolean (J, I)."""
import numpy as np
from scipy import ndimage

from FusionINNLib.metrics.gaussian_window import masked_mean
from FusionINNLib.metrics.ssim import ssim_map

Pair = tuple[np.ndarray, np.ndarray]
LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float)


def similarity(image: np.ndarray, source: np.ndarray, head: np.ndarray) -> tuple[float, float]:
    """Q_SSIM of an image to one source with data range 1: (mean over the slice, mean over windows with their centre in the head)."""
    values = ssim_map(image, source, 1.0)
    return float(values.mean()), masked_mean(values, head)


def high_frequency_energy(image: np.ndarray, head: np.ndarray) -> float:
    """Mean square of the 3x3 Laplacian inside the head."""
    return float((ndimage.convolve(image.astype(np.float64), LAPLACIAN)[head] ** 2).mean())


def fused_figures(fused: np.ndarray, sources: Pair, head: np.ndarray) -> dict[str, float]:
    """How good a fused slice is, against the plain average: similarities, gain of their sum, high-frequency energy ratio."""
    average = (sources[0] + sources[1]) / 2
    values: dict[str, float] = {}
    for name, image in (("fused", fused), ("average", average)):
        values |= similarities(name, (image, image), sources, head)
    for place in ("", "_inside"):
        values[f"gain{place}"] = sum(values[f"fused_{n}{place}"] - values[f"average_{n}{place}"] for n in (1, 2))
    values["sharpness"] = high_frequency_energy(fused, head) / max(max(high_frequency_energy(source, head) for source in sources), 1e-12)
    return values


def similarities(name: str, images: Pair, sources: Pair, head: np.ndarray) -> dict[str, float]:
    """`similarity` of each image to its source, as NAME_1, NAME_1_inside, NAME_2, NAME_2_inside."""
    values = {}
    for n, (image, source) in enumerate(zip(images, sources), start=1):
        values[f"{name}_{n}"], values[f"{name}_{n}_inside"] = similarity(image, source, head)
    return values


def latent_figures(latent: np.ndarray, fused: np.ndarray, heads: np.ndarray) -> dict[str, float]:
    """What the latent (K, J, I) of a case is like inside its heads, nothing rescaled: standard normal noise has 0, 1, 0, 0, 0, 0."""
    inside = latent[heads].astype(np.float64)
    deviations = inside - inside.mean()
    variance = (deviations ** 2).mean()
    return {"z_mean": float(inside.mean()), "z_sd": float(variance ** 0.5),
            "z_kurtosis": float((deviations ** 4).mean() / variance ** 2 - 3),
            "z_right": _correlation(latent[:, :, :-1], latent[:, :, 1:], heads[:, :, :-1] & heads[:, :, 1:]),
            "z_down": _correlation(latent[:, :-1], latent[:, 1:], heads[:, :-1] & heads[:, 1:]),
            "z_fused": _correlation(latent, fused, heads)}


def calibration(estimate: np.ndarray, spread: np.ndarray, source: np.ndarray, heads: np.ndarray) -> float:
    """Root mean square of the spread against that of the error of an estimate (K, J, I) inside the heads: 1 where the spread is honest."""
    error = (estimate - source)[heads].astype(np.float64)
    return float(((spread[heads].astype(np.float64) ** 2).mean() / max((error ** 2).mean(), 1e-24)) ** 0.5)


def _correlation(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    return float(np.corrcoef(a[mask], b[mask])[0, 1])
