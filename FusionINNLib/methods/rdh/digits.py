"""Bits in grey levels: the level of a voxel modulo its base is a digit (quantisation index modulation, Chen & Wornell 2001).

Where a volume is dark nothing is hidden. Levels never cross the threshold when digits are written, so a reader finds the same carriers.
"""
from collections.abc import Iterator

import numpy as np

TOP = 255  # the brightest level
GROUPS = {2: (1, 1), 3: (12, 19), 4: (1, 2), 5: (7, 16), 6: (12, 31), 7: (11, 30), 8: (1, 3)}  # base: digits that hold so many bits


def rooms(bases: np.ndarray, tiles: np.ndarray, count: int) -> np.ndarray:
    """(count, bases of `GROUPS`) groups of carriers that there are in each of so many tiles; carriers have bases (n,) and tiles (n,)."""
    return np.stack([np.bincount(tiles[bases == base], minlength=count) // digits for base, (digits, _) in GROUPS.items()], 1)


def capacity(groups: np.ndarray) -> int:
    """Bits that these `rooms` hold."""
    return int(_bits(groups).sum())


def write(bits: np.ndarray, levels: np.ndarray, bases: np.ndarray, tiles: np.ndarray, groups: np.ndarray,
          ends: tuple[int, int]) -> np.ndarray:
    """Whole levels (n,) from one end to the other that hold these bits, each nearest to a real one (n,). Carriers without a bit are
    rounded; tiles (n,) ascend."""
    threshold, top = ends
    padded = np.append(bits.astype(np.int64), np.zeros(64, np.int64))
    result = np.clip(np.rint(levels), threshold, top).astype(np.int64)
    for base, carriers, first in _order(bases, tiles, groups):
        digits, width = GROUPS[base]
        mine, start = carriers[first < len(bits)], first[first < len(bits)]
        value = padded[start[:, None] + np.arange(width)] @ (1 << np.arange(width))
        digit = value[:, None] // base ** np.arange(digits) % base
        nearest = digit + base * np.rint((levels[mine] - digit) / base).astype(np.int64)
        result[mine] = nearest + base * (nearest < threshold) - base * (nearest > top)
    return result


def read(levels: np.ndarray, bases: np.ndarray, tiles: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """The first `count` bits of whole levels (n,). Where a tile has other carriers than it had, its own bits are wrong and no others."""
    bits = np.zeros(max(capacity(groups), count) + 64, np.uint8)
    padded = np.append(levels, 0)
    for base, carriers, first in _order(bases, tiles, groups):
        digits, width = GROUPS[base]
        value = (padded[carriers] % base) @ base ** np.arange(digits, dtype=np.int64)
        bits[first[:, None] + np.arange(width)] = value[:, None] >> np.arange(width) & 1
    return bits[:count]


def _bits(groups: np.ndarray) -> np.ndarray:
    return groups * np.array([width for _, width in GROUPS.values()])


def _order(bases: np.ndarray, tiles: np.ndarray, groups: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """By base: itself, (groups, digits) of carriers, -1 for missing ones, and (groups,) of the first bit of each. Bits go tile by tile."""
    each = _bits(groups)
    before = (each.ravel().cumsum() - each.ravel()).reshape(each.shape)
    for column, (base, (digits, width)) in enumerate(GROUPS.items()):
        number, mine = groups[:, column], np.flatnonzero(bases == base)
        owner = tiles[mine]
        rank = np.arange(len(mine)) - np.searchsorted(owner, owner)
        fits = rank < digits * number[owner]
        start = number.cumsum() - number
        carriers = np.full(number.sum() * digits, -1)
        carriers[digits * start[owner][fits] + rank[fits]] = mine[fits]
        turn = np.arange(number.sum()) - np.repeat(start, number)
        yield base, carriers.reshape(-1, digits), np.repeat(before[:, column], number) + width * turn
