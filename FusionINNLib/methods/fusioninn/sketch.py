"""Random projections of both sources of a slice, and a checksum of its fused image, kept in the record: by them an estimate knows
whether it is made from what was written, and how wrong it is.

A projection is the sum over a box of the voxels with random signs, divided by the root of their number. The mean square of the differences
of projections of two images is, on average, the mean square of the difference of the images (Johnson & Lindenstrauss 1984; Alon, Matias &
Szegedy 1999 call it a sketch): whatever happened to the fused image, the error of what comes out of it is measured, not guessed. So few
numbers tell nothing else of a source: a box has tens of thousands of voxels.
"""
import base64
import zlib
from dataclasses import dataclass

import numpy as np

PROJECTIONS = 64  # of each source and slice: the root mean square error of a slice is known to 9 %; a reader takes as many as there are
UNIT = 2.0 ** -14  # they are kept as 16-bit multiples of this, on the nominal scale


def projections(images: np.ndarray, number: int, count: int = PROJECTIONS) -> np.ndarray:
    """(n, count) of images (n, J, I) of one box, with the signs that belong to this number of a slice and this shape."""
    size = images[0].size
    drawn = np.random.Generator(np.random.PCG64([17, number, *images.shape[1:]])).bytes(count * -(-size // 8))
    bits = np.unpackbits(np.frombuffer(drawn, np.uint8)).reshape(count, -1)[:, :size]
    flat = images.reshape(len(images), -1).astype(np.float32)
    means = flat.mean(1, keepdims=True)  # taken off and added again: a sum over the bits alone would lose digits
    ones = bits.sum(1, dtype=np.int64)[None]
    signed = 2 * ((flat - means) @ bits.T.astype(np.float32)).astype(np.float64) + means.astype(np.float64) * (2 * ones - size)
    return signed / np.sqrt(size)


def error_by_sketch(images: np.ndarray, number: int, known: np.ndarray) -> float:
    """Root mean square error of both images (2, J, I) of one box, by the projections (2, n) of what they should be."""
    seen, most = projections(images, number, known.shape[-1]), 32767 * UNIT
    return float(np.sqrt(np.mean((np.clip(seen, -most, most) - np.clip(known, -most, most)) ** 2)))


def checksum(fused: np.ndarray) -> int:
    """CRC-32 of a box (J, I) of a fused image, float32: the same for the very same numbers alone."""
    return zlib.crc32(np.ascontiguousarray(fused, "<f4").tobytes())


@dataclass(frozen=True)
class Sketches:
    """projections: (K, 2, n) of both sources. checksums: (K,) of the fused image; zeros for slices without a box."""

    projections: np.ndarray
    checksums: np.ndarray

    def of_slices(self, chosen: list[int]) -> "Sketches":
        """Those of a volume made of these slices alone."""
        return Sketches(self.projections[chosen], self.checksums[chosen])

    def to_text(self) -> str:
        """ASCII, 347 characters a slice."""
        steps = np.clip(np.rint(self.projections / UNIT), -32767, 32767)
        return base64.urlsafe_b64encode(steps.astype("<i2").tobytes() + self.checksums.astype("<u4").tobytes()).decode("ascii")


def from_text(text: str, count: int) -> Sketches:
    """What `to_text` gave, of so many slices. Raises ValueError for anything else."""
    content = base64.b64decode(text, b"-_", validate=True)
    number, rest = divmod(len(content) - 4 * count, 4 * count)
    if number < 1 or rest:
        raise ValueError("sketches")
    steps = np.frombuffer(content[:-4 * count], "<i2").reshape(count, 2, number)
    return Sketches(steps * UNIT, np.frombuffer(content[-4 * count:], "<u4"))
