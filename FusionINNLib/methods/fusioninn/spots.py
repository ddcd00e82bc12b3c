"""Voxels whose latent the fused image does not tell, or not well, kept in the record: few, and an estimate is far off around each of them.

A learned latent beyond 6 has no digit (`digits.DigitExchange`), nor has a fused value beyond 2. From the fused image alone such a voxel
cannot be told from others: the digit that is there would be read as that of a latent, and that is an error of up to half of the range,
felt some voxels around, that no drawn latent shows. Latents beyond 4 have wide digits.
"""
import base64
from dataclasses import dataclass

import numpy as np

MOST = 50_000  # spots of a volume: from noise or broken maps alone come more, whose estimate then lacks some


@dataclass(frozen=True, eq=False)
class Spots:
    """slices, rows, columns: (n,) of each spot in the stack (K, J, I). latents: (n,) float32, as they are in the latent image."""

    slices: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    latents: np.ndarray

    def within(self, index: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, columns, counted from its corner, and latents of those in the box with this index (k, rows, columns)."""
        k, rows, columns = index
        some = ((self.slices == k) & (self.rows >= rows.start) & (self.rows < rows.stop)
                & (self.columns >= columns.start) & (self.columns < columns.stop))
        return self.rows[some] - rows.start, self.columns[some] - columns.start, self.latents[some]

    def of_slices(self, chosen: list[int]) -> "Spots":
        """Those of a volume made of these slices alone, in this order."""
        places = [(place, np.flatnonzero(self.slices == k)) for place, k in enumerate(chosen)]
        return put_together([(place, self.rows[some], self.columns[some], self.latents[some]) for place, some in places])

    def to_text(self) -> str:
        """ASCII, 16 characters or less a spot."""
        numbers = np.stack([self.slices, self.rows, self.columns]).astype("<u2")
        return base64.urlsafe_b64encode(numbers.tobytes() + self.latents.astype("<f4").tobytes()).decode("ascii")


NONE = Spots(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


def put_together(parts: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]) -> Spots:
    """Of (slice, rows, columns, latents) of some slices."""
    return Spots(_joined([np.full(len(rows), k, np.int32) for k, rows, _, _ in parts], NONE.slices),
                 _joined([rows for _, rows, _, _ in parts], NONE.rows), _joined([columns for _, _, columns, _ in parts], NONE.columns),
                 _joined([latents for _, _, _, latents in parts], NONE.latents))


def _joined(parts: list[np.ndarray], none: np.ndarray) -> np.ndarray:
    return np.concatenate([*parts, none])[:MOST]


def from_text(text: str, shape: tuple[int, int, int]) -> Spots:
    """What `to_text` gave, of a stack of this shape (K, J, I). Raises ValueError for anything else."""
    content = base64.b64decode(text, b"-_", validate=True)
    count, rest = divmod(len(content), 10)
    numbers = np.frombuffer(content[:6 * count], "<u2").reshape(3, count).astype(np.int32)
    latents = np.frombuffer(content[6 * count:], "<f4").astype(np.float32) if not rest else np.empty(0)
    if rest or (numbers >= np.array(shape)[:, None]).any() or not np.isfinite(latents).all():
        raise ValueError("spots")
    slices, rows, columns = numbers
    return Spots(slices, rows, columns, latents)
