"""What images the metrics accept, and the two scales on which they see them."""
import numpy as np

from FusionINNLib.errors import InputError

NAMES = ("first", "second", "fused")
SMALLEST_SIDE = 11
"""Pixels; the side of the SSIM window."""
LOWEST, HIGHEST = -0.5, 1.5
"""Float images are nominally 0..1; beyond these bounds they were never scaled to that."""


def grey_levels(image: np.ndarray) -> np.ndarray:
    """The image as it would be saved to an 8-bit file: uint8, 0..255, same shape.

    8-bit images are returned as they are. Floats on nominal 0..1 become floor(256 v) cut to 0..255: equal bins, which is how
    matplotlib wrote the images on which the paper's Table 1 was computed.
    """
    if image.dtype == np.uint8:
        return image
    return np.clip(np.floor(image.astype(np.float64) * 256), 0, 255).astype(np.uint8)


def continuous_levels(image: np.ndarray) -> np.ndarray:
    """The image as float64 on nominal 0..255, neither rounded nor cut: 8-bit as it is, floats on nominal 0..1 times 255."""
    if image.dtype == np.uint8:
        return image.astype(np.float64)
    return image.astype(np.float64) * 255


def check_images(first: np.ndarray, second: np.ndarray, fused: np.ndarray, dimensions: int) -> None:
    """Raise InputError unless the three arrays are comparable images.

    They must have `dimensions` axes and one shape, at least 11 pixels a side, be all uint8 or all float on nominal 0..1
    (-0.5..1.5 is let through), and hold no NaN or infinity.
    """
    images: dict[str, np.ndarray] = dict(zip(NAMES, (first, second, fused)))
    _check_shapes(images, dimensions)
    _check_types(images)
    for name, image in images.items():
        _check_values(name, image)


def check_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The mask as booleans (true where it is not 0). Raises InputError when its shape is not `shape`, with NaN, or when it is empty."""
    if mask.shape != shape:
        raise InputError(f"The mask is {_size(mask.shape)} but the images are {_size(shape)}; give a mask on the images' own grid.")
    if not np.isfinite(mask).all():
        raise InputError("The mask holds values that are not numbers (NaN or infinite); give one of zeros and ones.")
    inside = mask != 0
    if not inside.any():
        raise InputError("The mask is empty; give one that covers the brain, or none.")
    return inside


def constant_image(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> str | None:
    """A sentence naming the first of three images of grey levels (uint8) that has a single level, or None when all of them vary."""
    for name, image in zip(NAMES, (first, second, fused)):
        if image.min() == image.max():
            return f"The {name} image is constant (grey level {int(image.flat[0])} everywhere), so it cannot be compared with another."
    return None


def _check_shapes(images: dict[str, np.ndarray], dimensions: int) -> None:
    shape = images["first"].shape
    for name, image in images.items():
        if image.shape != shape:
            raise InputError(f"The first image is {_size(shape)} but the {name} one is {_size(image.shape)}; bring them to one size.")
    if len(shape) != dimensions:
        raise InputError(f"The images have {len(shape)} axes where {dimensions} are needed; give grey images, not colour ones.")
    if min(shape[-2:]) < SMALLEST_SIDE:
        raise InputError(f"The images are {_size(shape)}; the metrics need at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels a slice.")
    if 0 in shape:
        raise InputError("The images hold no slices.")


def _check_types(images: dict[str, np.ndarray]) -> None:
    for name, image in images.items():
        if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
            raise InputError(f"The {name} image is of type {image.dtype}; give 8-bit grey levels 0..255 or floats scaled to 0..1.")
    if len({image.dtype == np.uint8 for image in images.values()}) > 1:
        raise InputError("Some of the images are 8-bit and some are floats; give all three as 8-bit or all three as floats on 0..1.")


def _check_values(name: str, image: np.ndarray) -> None:
    if image.dtype == np.uint8:
        return
    if not np.isfinite(image).all():
        raise InputError(f"The {name} image holds values that are not numbers (NaN or infinite); repair it before measuring.")
    low, high = float(image.min()), float(image.max())
    if low < LOWEST or high > HIGHEST:
        raise InputError(f"The {name} image reaches from {low:g} to {high:g}, but float images must be scaled to 0..1 before measuring.")


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
