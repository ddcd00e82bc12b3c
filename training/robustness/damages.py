"""What happens to fused images between writing and estimating: storage, compression, filters, other scales, other grids, edits.

A damage takes the fused volume as it was written, float32 (k, j, i), and gives the volume that somebody stores in its place; the record in
the header stays, as most programs leave it. Noise is drawn from seed 0.
"""
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image
from scipy import ndimage

from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.volumes.volume import Volume

HEAD = 0.05  # fused values beyond this are no background


@dataclass(frozen=True)
class Damage:
    """A row of the matrix. `apply` makes the volume that is stored; `told` is whether the user must be told of it."""

    key: str
    title: str
    apply: Callable[[Volume], Volume]
    told: bool = True


# ---- storage -----------------------------------------------------------------------------------------------------------------------


def _bits(volume: Volume, bits: int, cut: float = 0.0) -> Volume:
    """All integers of so many bits over the range of the voxels, or from its bottom to the level that a share `cut` of the head exceeds.
    Scale factors in the header, which holds them in float32."""
    low, high = float(volume.array.min()), float(volume.array.max())
    if cut:
        high = float(np.quantile(volume.array[volume.array > HEAD], 1 - cut))
    slope, intercept = (float(np.float32(number)) for number in ((high - low) / (2 ** bits - 1), low))
    stored = np.clip(np.rint((volume.array.astype(np.float64) - intercept) / slope), 0, 2 ** bits - 1)
    return replace(volume, array=stored.astype(np.uint8 if bits == 8 else np.uint16), slope=slope, intercept=intercept)


def _few_digits(volume: Volume) -> Volume:
    """16 bit with scale factors of four digits, as some programs print them."""
    exact = _bits(volume, 16)
    return replace(exact, slope=float(f"{exact.slope:.3e}"), intercept=float(f"{exact.intercept:.3e}"))


def _compressed(volume: Volume, **how) -> Volume:
    """Slice by slice through 8 bit and a lossy codec, both over the range of the volume."""
    eight = _bits(volume, 8)
    stack = to_stack(eight.array, volume.through_plane_axis)
    for k in range(len(stack)):
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(stack[k])).save(file, **how)
        stack[k] = np.asarray(Image.open(file))
    return eight


# ---- filters and scales ------------------------------------------------------------------------------------------------------------


def _mapped(volume: Volume, change: Callable[[np.ndarray], np.ndarray]) -> Volume:
    return replace(volume, array=np.ascontiguousarray(change(volume.array.astype(np.float64)), np.float32))


def _noise(share: float, array: np.ndarray) -> np.ndarray:
    """Gaussian noise of a share of the range from background to the 99.9th percentile of the head, everywhere."""
    bright = np.quantile(array[array > HEAD], 0.999)
    return array + share * bright * np.random.default_rng(0).standard_normal(array.shape)


def _shifted_and_back(array: np.ndarray) -> np.ndarray:
    there = ndimage.shift(array, 0.3, order=1, mode="nearest")
    return ndimage.shift(there, -0.3, order=1, mode="nearest")


def _coarser_and_back(array: np.ndarray) -> np.ndarray:
    there = ndimage.zoom(array, 1 / 1.5, order=1, mode="nearest")
    return np.asarray(ndimage.zoom(there, [now / then for now, then in zip(array.shape, there.shape)], order=1, mode="nearest"))


def _gamma(array: np.ndarray) -> np.ndarray:
    return np.sign(array) * np.abs(array) ** 1.05


# ---- grids -------------------------------------------------------------------------------------------------------------------------


def _flipped(volume: Volume, axis: int) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2 - axis] * (volume.shape[axis] - 1)
    affine[:3, 2 - axis] *= -1
    return replace(volume, array=np.ascontiguousarray(np.flip(volume.array, axis)), affine=affine)


def _permuted(volume: Volume, axes: tuple[int, int, int]) -> Volume:
    columns = [2 - axes[2 - column] for column in range(3)]
    return replace(volume, array=np.ascontiguousarray(volume.array.transpose(axes)), affine=volume.affine[:, [*columns, 3]])


def _in_plane(volume: Volume) -> tuple[int, int]:
    """The two axes of (k, j, i) that lie in the slices."""
    first, second = (axis for axis in range(3) if axis != volume.through_plane_axis)
    return first, second


def _flipped_in_plane(volume: Volume) -> Volume:
    return _flipped(volume, _in_plane(volume)[1])


def _transposed(volume: Volume) -> Volume:
    axes, (a, b) = [0, 1, 2], _in_plane(volume)
    axes[a], axes[b] = b, a
    return _permuted(volume, (axes[0], axes[1], axes[2]))


def _turned(volume: Volume) -> Volume:
    """A quarter of a turn within the slices."""
    return _flipped(_transposed(volume), _in_plane(volume)[0])


def _cropped(volume: Volume, voxels: int) -> Volume:
    """Without so many voxels at the start of each axis in the slices, and one less at its end; negative pads with background."""
    axes = _in_plane(volume)
    if voxels < 0:
        widths = [(-voxels, 1 - voxels) if axis in axes else (0, 0) for axis in range(3)]
        array = np.pad(volume.array, widths)
    else:
        array = volume.array[tuple(slice(voxels, size - voxels + 1) if axis in axes else slice(None)
                                   for axis, size in enumerate(volume.shape))]
    affine = volume.affine.copy()
    affine[:3, 3] += sum(voxels * affine[:3, 2 - axis] for axis in axes)
    return replace(volume, array=np.ascontiguousarray(array), affine=affine)


# ---- edits -------------------------------------------------------------------------------------------------------------------------


def _slice_replaced(volume: Volume) -> Volume:
    """The middle slice shows what its neighbour shows."""
    array = volume.array.copy()
    stack = to_stack(array, volume.through_plane_axis)
    stack[len(stack) // 2] = stack[len(stack) // 2 - 1]
    return replace(volume, array=array)


def _painted(volume: Volume) -> Volume:
    """A square of an eighth of the sides in the middle of all slices has one value."""
    array = volume.array.copy()
    stack = to_stack(array, volume.through_plane_axis)
    rows, columns = (slice(size // 2, size // 2 + size // 8) for size in stack.shape[1:])
    stack[:, rows, columns] = np.float32(np.median(array[array > HEAD]))
    return replace(volume, array=array)


def _as_it_is(volume: Volume) -> Volume:
    return volume


DAMAGES = (
    Damage("none", "nothing", _as_it_is, told=False),
    Damage("bits16", "16 bit", partial(_bits, bits=16), told=False),
    Damage("bits12", "12 bit", partial(_bits, bits=12)),
    Damage("bits10", "10 bit", partial(_bits, bits=10)),
    Damage("bits8", "8 bit", partial(_bits, bits=8)),
    Damage("window8", "8 bit in a window that cuts .5 %", partial(_bits, bits=8, cut=0.005)),
    Damage("jpeg95", "JPEG 95", partial(_compressed, format="JPEG", quality=95)),
    Damage("jpeg85", "JPEG 85", partial(_compressed, format="JPEG", quality=85)),
    Damage("jpeg2000", "JPEG 2000, 8 to 1", partial(_compressed, format="JPEG2000", irreversible=True, quality_layers=[8])),
    Damage("noise01", "noise of .1 %", lambda volume: _mapped(volume, partial(_noise, 0.001))),
    Damage("noise05", "noise of .5 %", lambda volume: _mapped(volume, partial(_noise, 0.005))),
    Damage("noise10", "noise of 1 %", lambda volume: _mapped(volume, partial(_noise, 0.01))),
    Damage("smooth05", "smoothed, sigma .5 voxel", lambda volume: _mapped(volume, lambda array: ndimage.gaussian_filter(array, 0.5))),
    Damage("smooth10", "smoothed, sigma 1 voxel", lambda volume: _mapped(volume, lambda array: ndimage.gaussian_filter(array, 1.0))),
    Damage("shift03", "moved .3 voxel and back", lambda volume: _mapped(volume, _shifted_and_back)),
    Damage("coarser15", "to 1.5 times the spacing and back", lambda volume: _mapped(volume, _coarser_and_back)),
    Damage("offset", "+ .005 on every voxel", lambda volume: _mapped(volume, lambda array: array + 0.005)),
    Damage("gain10001", "gain of 1.0001", lambda volume: _mapped(volume, lambda array: array * 1.0001)),
    Damage("gain102", "gain of 1.02", lambda volume: _mapped(volume, lambda array: array * 1.02)),
    Damage("digits4", "16 bit, scale factors of 4 digits", _few_digits),
    Damage("gamma105", "gamma of 1.05", lambda volume: _mapped(volume, _gamma)),
    Damage("flipped", "flipped within the slices, header right", _flipped_in_plane),
    Damage("flipped_through", "slices in the other order, header right", lambda volume: _flipped(volume, volume.through_plane_axis)),
    Damage("turned", "turned by 90 degrees within the slices, header right", _turned),
    Damage("permuted", "axes of the file permuted, header right", lambda volume: _permuted(volume, (2, 0, 1))),
    Damage("cropped", "cropped by 3 and 2 voxels", partial(_cropped, voxels=3)),
    Damage("padded", "padded by 3 and 4 voxels", partial(_cropped, voxels=-3)),
    Damage("slice", "one slice replaced by its neighbour", _slice_replaced),
    Damage("painted", "a square painted over in all slices", _painted),
)
