"""Voxels that do not enter a fusion as they are: padding, and what lies far beyond all tissue. A record keeps where, and their values.

They would take the scale from the tissue, or come back inexactly beside ordinary voxels. What is fused in their place is in
`preprocessing/normalization.py`, `tamed`.
"""
import base64
import zlib

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.results.recipe import Recipe, SourceRecord


def pack(stored: np.ndarray, apart: np.ndarray) -> str | None:
    """Where `apart` (k, j, i) is true, and the stored values there, as text; None where it is nowhere."""
    if not apart.any():
        return None
    values = np.ascontiguousarray(stored[apart], stored.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(np.packbits(apart).tobytes() + values.tobytes(), 9)).decode("ascii")


def restore(stored: np.ndarray, packed: str | None) -> None:
    """Put the values back into an array (k, j, i), in place. Raises ResultError for a damaged text."""
    if packed is not None:
        apart, values = _unpack(packed, stored.shape, stored.dtype)
        stored[apart] = values


def of_slices(source: SourceRecord, recipe: Recipe, chosen: list[int]) -> str | None:
    """The same for a volume that is made of these slices alone."""
    if source.kept_apart is None:
        return None
    stored = np.zeros(recipe.shape, source.dtype)
    apart, values = _unpack(source.kept_apart, stored.shape, stored.dtype)
    stored[apart] = values
    return pack(np.take(stored, chosen, recipe.axis), np.take(apart, chosen, recipe.axis))


def _unpack(packed: str, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Where (k, j, i), and the values in the order of the array."""
    try:
        content, size = zlib.decompress(base64.b64decode(packed)), int(np.prod(shape))
        length = (size + 7) // 8
        apart = np.unpackbits(np.frombuffer(content, np.uint8, length), count=size).astype(bool).reshape(shape)
        values = np.frombuffer(content, dtype.newbyteorder("<"), offset=length)
        if len(values) != np.count_nonzero(apart):
            raise ValueError("values")
        return apart, values
    except (ValueError, zlib.error) as problem:
        raise ResultError("The record of voxels that were kept apart is damaged: fuse the sources again.") from problem
