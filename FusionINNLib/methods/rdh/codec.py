"""Average and difference to 256 grey levels that hold both, and the difference back from the levels."""
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from FusionINNLib.methods.rdh import digits, model, transform
from FusionINNLib.methods.rdh.allocation import bases
from FusionINNLib.methods.rdh.blocks import SIDE, Cubes
from FusionINNLib.methods.rdh.grey import Grey
from FusionINNLib.progress import Progress

DARK = 0.03  # nominal value below which nothing is hidden, and both sources are what the fused image shows
BRIGHT = 0.99  # quantile of the levels above that one, from which on voxels carry nothing: windows cut the brightest
WORTH = 1  # voxels above it that a cube must have to be coded
COARSE, FINE, HALVINGS = 2.0, 1e-4, 14  # steps of coefficients, nominal, between which the one is sought that fills the room
SPARE = 0.998  # of the room, that estimated sizes may fill


@dataclass(frozen=True, eq=False)
class Layout:
    """Where things are and how they are coded; both sides need it.

    cubes, grey: see there. threshold: level from which on voxels carry digits. base: uint8 (all cubes,), 0 where a cube is not coded, 1
    where it is but carries nothing. step: of coefficients. frequencies, reach, by_frequency: tables, see model.py. words: (tiles,) 16-bit
    words of each tile. sums: (tiles,) their CRC-32. groups: (tiles, bases) of carriers, see digits.py.
    seen: (tiles,) CRC-32 of the levels of the tile's coded cubes. rest_seen: the same of cubes that are not coded, in each tile that has
    some. top: the brightest level that digits are in, and that
    predicts a difference.
    """

    cubes: Cubes
    grey: Grey
    threshold: int
    base: np.ndarray
    step: float
    frequencies: np.ndarray
    reach: int
    by_frequency: np.ndarray
    words: np.ndarray
    sums: np.ndarray
    groups: np.ndarray
    seen: np.ndarray
    rest_seen: np.ndarray
    top: int

    @property
    def order(self) -> np.ndarray:
        """Numbers of the coded cubes, tile by tile."""
        return self._by_tile(self.base > 0)

    @property
    def rest(self) -> np.ndarray:
        """Numbers of the other cubes, tile by tile."""
        return self._by_tile(self.base == 0)

    @property
    def tiles(self) -> np.ndarray:
        """Tile of each cube of `order`, counted over all tiles, ascending."""
        return self.cubes.tiles[self.order]

    @property
    def steps(self) -> np.ndarray:
        """Step of the coefficients of each cube of `order`: larger where digits are too, as a similarity pays less there."""
        return self.step * np.sqrt(np.maximum(self.base[self.order], 1))

    def _by_tile(self, which: np.ndarray) -> np.ndarray:
        found = np.flatnonzero(which)
        return found[np.argsort(self.cubes.tiles[found], kind="stable")]


def hidden(average: np.ndarray, difference: np.ndarray, grey: Grey, axis: int, progress: Progress) -> tuple[np.ndarray, Layout]:
    """Levels (k, j, i) uint8 near an average, that hold the difference as well as there is room, and the layout by which they are read.

    Args:
        average, difference: (k, j, i) of the sources on the nominal scale. axis: across the slices, as similarities look at them.
    """
    cubes, real = Cubes(average.shape), grey.to_levels(average)
    threshold = int(np.ceil(grey.to_levels(np.array(DARK))))
    inside = cubes.inside
    levels = cubes.cut(np.clip(np.rint(real), 0, digits.TOP))
    shown = (levels >= threshold) & inside
    coded = shown.sum((1, 2, 3)) >= WORTH
    base = np.where(coded, bases(average, axis, grey.step, cubes.cut, shown), 0).astype(np.uint8)
    none = np.zeros(0, np.int64)
    top = min(int(np.quantile(levels[shown], BRIGHT)), digits.TOP - 1) if coded.any() else digits.TOP - 1
    layout = Layout(cubes, grey, threshold, base, 1.0, none, 0, none, none, none, none.reshape(0, len(digits.GROUPS)), none, none, top)
    layout = replace(layout, rest_seen=checksums(levels[layout.rest], cubes.tiles[layout.rest]))
    if not coded.any():
        return cubes.joined(levels).astype(np.uint8), layout
    rounded, levels = levels, np.minimum(levels, digits.TOP - 1)
    levels.reshape(-1)[np.where(inside, cubes.cut(real), -np.inf).argmax()] = digits.TOP  # one voxel, by which a copy is scaled
    order, tiles = layout.order, layout.tiles
    a, d = (cubes.cut(volume)[order].astype(np.float64) for volume in (average, difference))
    a = np.minimum(a, grey.to_values(np.array(top)))
    slope = transform.slopes(a, d, shown[order])
    rest = d - transform.predicted(slope, a, shown[order])
    carriers, carrier_base, carrier_tile = _carriers(shown[order], levels[order], layout)
    layout = replace(layout, groups=digits.rooms(carrier_base, carrier_tile, len(np.unique(tiles))))
    progress.step("coding the difference", 1, 4)
    filled = _filling(layout, rest, shown[order], slope, digits.capacity(layout.groups))
    progress.step("coding the difference", 3, 4)
    if filled is None:
        bare = replace(layout, base=np.zeros_like(base), groups=none.reshape(0, len(digits.GROUPS)))
        return cubes.joined(rounded).astype(np.uint8), replace(bare, rest_seen=checksums(rounded[bare.rest], cubes.tiles[bare.rest]))
    layout, words = filled
    bits = np.unpackbits(np.concatenate(words).astype("<u2").view(np.uint8), bitorder="little")
    mine = levels[order]
    mine[carriers] = digits.write(bits, cubes.cut(real)[order][carriers], carrier_base, carrier_tile, layout.groups,
                                  (threshold, layout.top))
    levels[order] = mine
    whole = cubes.joined(levels).astype(np.uint8)
    progress.step("coding the difference", 4, 4)
    return whole, replace(layout, seen=checksums(cubes.cut(whole)[order], tiles))


def difference_of(levels: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What levels (k, j, i) uint8 hold: the difference (k, j, i) float64, 0 where nothing is known; which cubes of `layout.order` were
    read with certainty; and which show what was written."""
    order, tiles = layout.order, layout.tiles
    cubes = layout.cubes.cut(levels)
    shown = ((cubes >= layout.threshold) & layout.cubes.inside)[order]
    carriers, carrier_base, carrier_tile = _carriers(shown, cubes[order], layout)
    bits = digits.read(cubes[order][carriers].astype(np.int64), carrier_base, carrier_tile, layout.groups, 16 * int(layout.words.sum()))
    words = np.split(np.packbits(bits, bitorder="little").view("<u2"), layout.words.cumsum()[:-1])
    intact = np.array([crc32(word.tobytes()) for word in words]) == layout.sums
    coded = model.from_words(words, tiles, intact, layout.frequencies, layout.reach, layout.by_frequency)
    counts = np.unique(tiles, return_counts=True)[1]
    known = np.repeat(intact, counts)
    average = layout.grey.to_values(np.minimum(cubes[order], layout.top)).astype(np.float64)
    found = transform.residual(coded.coefficients, layout.steps) + transform.predicted(coded.slopes - transform.STEEPEST, average, shown)
    found[~known] = 0
    whole = np.zeros((len(layout.base), SIDE, SIDE, SIDE))
    whole[order] = np.where(shown, found, 0)
    seen = np.repeat(checksums(cubes[order], tiles) == layout.seen, counts)
    return layout.cubes.joined(whole), known, seen


def is_rest_seen(levels: np.ndarray, layout: Layout) -> np.ndarray:
    """Bool: which cubes of `layout.rest` show, in levels (k, j, i) uint8, what was written."""
    rest = layout.rest
    tiles = layout.cubes.tiles[rest]
    right = checksums(layout.cubes.cut(levels)[rest], tiles) == layout.rest_seen
    return np.repeat(right, np.unique(tiles, return_counts=True)[1])


def checksums(levels: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """(tiles,) CRC-32 of the levels of cubes (n, 8, 8, 8) by tiles (n,), ascending."""
    if not len(levels):
        return np.zeros(0, np.int64)
    ends = np.flatnonzero(np.diff(tiles)) + 1
    return np.array([crc32(part.astype(np.uint8).tobytes()) for part in np.split(levels, ends)])


def _carriers(shown: np.ndarray, levels: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which voxels of cubes of `order` (n, 8, 8, 8) hold digits, by what is shown of them and by their levels; base and tile of each,
    tiles counted from 0."""
    base = layout.base[layout.order].astype(np.int64)
    carriers = shown & (levels <= layout.top) & (base > 1)[:, None, None, None]
    at = np.nonzero(carriers)[0]
    return carriers, base[at], np.unique(layout.tiles, return_inverse=True)[1][at]


def _filling(layout: Layout, rest: np.ndarray, shown: np.ndarray, slope: np.ndarray,
             room: int) -> tuple[Layout, list[np.ndarray]] | None:
    """The layout with the finest step whose words fit into so many bits, and those words; None where not even those of an empty
    difference do, as in volumes of a few voxels or flat ones with few spots."""
    low, high, tiles = np.log(FINE), np.log(COARSE), layout.tiles

    def coded_with(step: float) -> model.Coded:
        values = transform.coefficients(rest, shown, replace(layout, step=step).steps)
        return model.classified(values, slope, transform.quantised(values))

    overhead = 32 * len(np.unique(tiles))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        fits = model.bits(coded_with(float(np.exp(middle)))) + overhead <= SPARE * room
        low, high = (low, middle) if fits else (middle, high)
    while True:
        step = float(np.exp(high))
        coded = coded_with(step)
        words, frequencies, reach = model.to_words(coded, tiles)
        lengths = np.array([len(word) for word in words])
        if 16 * lengths.sum() <= room:
            break
        if not coded.coefficients.any():
            return None
        high += 0.01
    return replace(layout, step=step, frequencies=frequencies, reach=reach, by_frequency=coded.frequencies, words=lengths,
                   sums=np.array([crc32(word.astype("<u2").tobytes()) for word in words])), words
