"""How far the colours of a fused image are from those of the functional image that they came from (PET, SPECT). Images are (J, I, 3) RGB in
0..1. Needs scikit-image."""
import numpy as np

CHROMA = np.array([[-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])  # Cb and Cr of full-range YCbCr, as JPEG and OpenCV have it


def color_figures(fused: np.ndarray, functional: np.ndarray) -> dict[str, float]:
    """Means over all pixels of `delta_e2000` (CIEDE2000: 1 is about what an eye sees, black and white differ by 100), and of the absolute
    differences `cb` and `cr` in grey levels 0..255.

    A fused image is meant to differ in brightness, which counts in the first and not in the other two. Raises ValueError for images of
    different or other shapes.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    if fused.shape != functional.shape or fused.ndim != 3 or fused.shape[2] != 3:
        raise ValueError(f"two RGB images of one size are compared, not {fused.shape} and {functional.shape}")
    far = deltaE_ciede2000(rgb2lab(functional), rgb2lab(fused))
    cb, cr = 255 * np.abs((fused.astype(np.float64) - functional) @ CHROMA.T).mean((0, 1))
    return {"delta_e2000": float(far.mean()), "cb": float(cb), "cr": float(cr)}
