"""The grey levels of a fused image again, from a file that somebody stored on another scale; checksums say whether they are right."""
from collections.abc import Iterator

import numpy as np

from FusionINNLib.methods.rdh.codec import checksums
from FusionINNLib.methods.rdh.digits import TOP
from FusionINNLib.methods.rdh.record import RdhRecord

RESCALED = "The grey levels of the file are not those that were written: the written ones were found by their order and checksums"


def found(values: np.ndarray, record: RdhRecord) -> tuple[np.ndarray, float, bool]:
    """Real levels (k, j, i) of values on whichever scale; the share of tiles that are as they were written, by their checksums; and whether
    the scale had to be found."""
    best, share, rescaled = np.zeros(0), -1.0, False
    for number, levels in enumerate(_candidates(values, record)):
        right = share_of_tiles(levels, record)
        if right > share:
            best, share, rescaled = levels, right, number > 0
        if share == 1:
            break
    return best, share, rescaled


def share_of_tiles(levels: np.ndarray, record: RdhRecord) -> float:
    """Which share of the tiles has the levels (k, j, i) that were written."""
    layout = record.layout
    if not len(layout.seen):
        return 1.0
    whole = layout.cubes.cut(whole_levels(levels))[layout.order]
    return float((checksums(whole, layout.tiles) == layout.seen).mean())


def whole_levels(levels: np.ndarray) -> np.ndarray:
    """The nearest ones, uint8."""
    return np.clip(np.rint(levels), 0, TOP).astype(np.uint8)


def _candidates(values: np.ndarray, record: RdhRecord) -> Iterator[np.ndarray]:
    """As they are; from darkest to brightest; and, whatever increasing curve they went through, by their order: as many values as levels,
    or as many voxels of each level as there were."""
    yield record.layout.grey.to_levels(values)
    present = record.present.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return
    yield (values.astype(np.float64) - low) / (high - low) * (present[-1] - present[0]) + present[0]
    distinct, place = np.unique(values, return_inverse=True)
    if len(distinct) <= len(present):  # fewer where the brightest were cut
        yield present[place.reshape(values.shape)]
    elif record.between:
        darkest = np.append(np.sort(values, axis=None), np.inf)[record.between.counts.cumsum()[:-1]]
        yield np.searchsorted(darkest, values, side="right").astype(np.float64)
