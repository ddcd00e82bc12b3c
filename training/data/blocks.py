"""Blocks of whole volumes for 3-D networks: pairs of T1ce and FLAIR from inside the head. LGG volumes, few and thick slices, give none."""
import numpy as np
from numpy.random import Generator

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.foreground import foreground
from training.data.crops import VALIDATED_SET
from training.data.paper_slices import CONTRASTS
from training.data.prepare import PreparedCase

LEAST = 0.5  # share of a block that belongs to the head


class BlockSampler:
    """Draws pairs of blocks (2, side, side, side), axes (k, j, i), nominal 0..1 scale.

    Args:
        cases: set name -> cases; those of `VALIDATED_SET` with both contrasts count.
        side: in voxels.

    Raises InputError where there is none.
    """

    def __init__(self, cases: dict[str, list[PreparedCase]], side: int):
        self.cases = [case for case in cases.get(VALIDATED_SET, []) if set(CONTRASTS) <= set(case.names)]
        self.side = side
        if not self.cases:
            raise InputError(f"The split names no cases of {VALIDATED_SET} with T1ce and FLAIR, the only ones that blocks are cut from: "
                             "add some to 'train' and 'val'.")

    def batch(self, rows: range, key: list[int]) -> np.ndarray:
        """Some rows, (len(rows), 2, side, side, side) float32, of the batch that `key` names."""
        return np.stack([augmented(self.block(rng), rng) for rng in (np.random.default_rng([*key, row]) for row in rows)])

    def block(self, rng: Generator) -> np.ndarray:
        """One pair, half of which is head where five tries find that."""
        case = self.cases[rng.integers(len(self.cases))]
        chosen = [case.index(name) for name in CONTRASTS]
        for _ in range(5):
            starts = [int(rng.integers(max(0, size - self.side) + 1)) for size in case.contrasts.shape[1:]]
            parts = [slice(start, start + self.side) for start in starts]
            stored = case.contrasts[(chosen, *parts)].astype(np.float32)
            pair = (stored - case.offset[chosen, None, None, None]) / case.scale[chosen, None, None, None]
            if foreground(pair).mean() > LEAST:
                break
        return np.pad(pair, ((0, 0), *((0, self.side - size) for size in pair.shape[1:]))).astype(np.float32)


def augmented(pair: np.ndarray, rng: Generator) -> np.ndarray:
    """Mirrored along any axis, and, as published, a gamma and noise on one of the two now and then; background stays background.

    Published: gamma .1 to 2 and noise of up to .1, of raw units, on the MR volume alone. Here on either, and milder: .5 to 2, sd up to .03.
    """
    for axis in (1, 2, 3):
        if rng.random() < 0.5:
            pair = np.flip(pair, axis)
    pair = np.ascontiguousarray(pair)
    for image in pair:
        if rng.random() < 0.25:
            image[:] = np.maximum(image, 0) ** np.exp(rng.uniform(-np.log(2), np.log(2)))
        if rng.random() < 0.25:
            image += (image > 0.02) * rng.normal(0, rng.uniform(0, 0.03), image.shape)
    return pair.astype(np.float32)
