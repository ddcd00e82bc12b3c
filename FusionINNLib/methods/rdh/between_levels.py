"""What both estimates lack, as well as it can be said between the grey levels: a quarter of a level around each holds two numbers.

A copy in 8 bit loses them and keeps the estimates that the levels hold. A finer one keeps as much of them as it has steps, and how much
that is, is measured: sums over what was written are in the record, and checksums say where it is as it was.
"""
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from FusionINNLib.methods.rdh import plane_curve
from FusionINNLib.methods.rdh.codec import Layout
from FusionINNLib.methods.rdh.digits import TOP
from FusionINNLib.methods.rdh.error_bytes import ABOVE, from_bytes, to_bytes

WIDTH = 0.25  # of a level: a copy in 8 bit over a narrower range than the levels', rounds to the same level still
LEAST = 2.0 ** -18  # of a level: noise below it is that of float32
SIGNED = 8  # sums with random signs a tile; how wrong parts are, is known to 1 / sqrt(2 SIGNED tiles)
KEPT = 0.5  # of the mean square that was written: a copy with less has steps too wide for anything


@dataclass(frozen=True, eq=False)
class Between:
    """reach: uint8 (3, cubes): largest common error of both estimates, largest and root mean square error of their difference, as
    `to_bytes` gives them. sums: float64 (tiles, `SIGNED` + 3) of the parts of levels, of their products with the levels, of their squares,
    and of the parts with random signs. checksums: (tiles,) CRC-32 of the fused image, float32. counts: (256,) voxels of each level.
    brightest: both errors of the brightest voxel, which holds none."""

    reach: np.ndarray
    sums: np.ndarray
    checksums: np.ndarray
    counts: np.ndarray
    brightest: tuple[float, float]


def is_room(levels: np.ndarray) -> bool:
    """Whether a copy in 8 bit, from the darkest to the brightest of these levels (k, j, i), rounds each to itself, whatever is between."""
    span = int(levels.max()) - int(levels.min())
    return span == TOP or span <= TOP * (1 - WIDTH)


def written(common: np.ndarray, apart: np.ndarray, levels: np.ndarray, layout: Layout) -> tuple[np.ndarray, Between]:
    """The fused image (k, j, i) float32 with these levels (k, j, i), which holds two errors (k, j, i), nominal, between them."""
    cut, cubes = layout.cubes.cut, layout.cubes
    holds = _holding(cut(levels), layout)
    second, first = (np.where(holds, cut(errors), 0) for errors in (common, apart))
    rms = np.sqrt((first ** 2).sum((1, 2, 3)) / np.maximum(holds.sum((1, 2, 3)), 1))
    most = [np.abs(errors).max((1, 2, 3)) * ABOVE for errors in (second, first)]
    reach = np.stack([*map(to_bytes, most), to_bytes(rms)])
    narrow, wide = np.maximum(from_bytes(reach[:2]), 1e-12)[:, :, None, None, None]
    place = plane_curve.places(np.clip(first / wide, -1, 1), np.clip(second / narrow, -1, 1))
    part = np.where(holds, ((place + 0.5) / plane_curve.PLACES - 0.5) * WIDTH, 0)
    values = layout.grey.to_values(levels + cubes.joined(part))
    sums = _sums(_parts(layout.grey.to_levels(values), levels, holds, layout), int(cubes.tiles.max()) + 1)
    top = levels.argmax()
    return values, Between(reach, sums, checksums(values, layout), np.bincount(levels.ravel(), minlength=TOP + 1),
                           (float(common.flat[top]), float(apart.flat[top])))


def refined(real: np.ndarray, levels: np.ndarray, right: np.ndarray, same: np.ndarray, between: Between,
            layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Common error and difference of errors (k, j, i) that are to be expected by what lies between the levels, and the variance that
    either estimate has then; NaN where nothing is known.

    Args:
        real, levels: (k, j, i) levels as they were read, and whole ones.
        right: bool (cubes,): which show the levels that were written.
        same: bool (tiles,): which are as they were written, to the last digit.
    """
    cubes = layout.cubes
    holds = _holding(cubes.cut(levels), layout)
    usable = (np.bincount(cubes.tiles, ~right, minlength=len(same)) == 0) & ~same
    parts = _parts(real, levels, holds, layout)
    change = _change(parts, between.sums, usable)
    found = np.full((3, *holds.shape), np.nan, np.float32)
    grain = _grain(parts, layout)
    coarse = grain > WIDTH / plane_curve.PLACES  # of the brightest, float32 cannot tell all places apart: it steps over up to two
    rounding, as_it_was = float(grain.max(initial=0)) / 12 ** 0.5, same[parts.tile]
    for voxels, shift, slope, noise in ((as_it_was & ~coarse, 0.0, 0.0, LEAST), (as_it_was & coarse, 0.0, 0.0, rounding),
                                        (~as_it_was, *change)):
        which = np.flatnonzero(right[parts.cube] & voxels)
        if len(which) and noise < np.inf:
            part = _undone(parts, shift, slope)[which]
            place = np.clip(np.floor((part / WIDTH + 0.5) * plane_curve.PLACES), 0, plane_curve.PLACES - 1).astype(np.int64)
            narrow, wide, rms = (from_bytes(row)[parts.cube[which]] for row in between.reach)
            apart, common, apart_variance, common_variance = plane_curve.numbers(place, noise / WIDTH * plane_curve.PLACES,
                                                                                 rms / np.maximum(wide, 1e-12))
            at = np.flatnonzero(holds)[which]
            found.reshape(3, -1)[:, at] = common * narrow, apart * wide, common_variance * narrow ** 2 + apart_variance * wide ** 2 / 4
    if between.counts[TOP] == 1:  # more of them where nothing was coded
        found[:, (cubes.cut(levels) == TOP) & right[:, None, None, None]] = np.array([*between.brightest, 0])[:, None]
    return cubes.joined(found[0]), cubes.joined(found[1]), cubes.joined(found[2])


def checksums(values: np.ndarray, layout: Layout) -> np.ndarray:
    """(tiles,) CRC-32 of a fused image (k, j, i) float32."""
    cubes, tiles = layout.cubes.cut(values + np.float32(0)), layout.cubes.tiles  # + 0: there is one zero, whoever stored it
    order = np.argsort(tiles, kind="stable")
    ends = np.flatnonzero(np.diff(tiles[order])) + 1
    return np.array([crc32(np.ascontiguousarray(part, "<f4").tobytes()) for part in np.split(cubes[order], ends)])


def _holding(levels: np.ndarray, layout: Layout) -> np.ndarray:
    """Which voxels hold something: neither black ones, nor the darkest and the brightest, by which a copy is scaled."""
    return (levels != layout.grey.zero) & (levels > 0) & (levels < TOP) & layout.cubes.inside


@dataclass(frozen=True, eq=False)
class _Parts:
    """Of all voxels that hold something, each (n,): part of a level, whole level, number of the cube and of the tile. signs: (n, `SIGNED`)
    random 0 and 1, the same for the same shape and levels."""

    part: np.ndarray
    level: np.ndarray
    cube: np.ndarray
    tile: np.ndarray
    signs: np.ndarray


def _parts(real: np.ndarray, levels: np.ndarray, holds: np.ndarray, layout: Layout) -> _Parts:
    level = layout.cubes.cut(levels)[holds].astype(np.float64)
    cube = np.nonzero(holds)[0]
    drawn = np.random.Generator(np.random.PCG64([29, *layout.cubes.shape])).bytes(holds.size)
    signs = np.frombuffer(drawn, np.uint8)[holds.ravel()][:, None] >> np.arange(SIGNED, dtype=np.uint8) & 1
    return _Parts(layout.cubes.cut(real)[holds] - level, level, cube, layout.cubes.tiles[cube], signs)


def _grain(parts: _Parts, layout: Layout) -> np.ndarray:
    """(n,) steps of float32 where these parts are, in levels."""
    values = layout.grey.to_values(parts.level + parts.part)
    return np.spacing(np.abs(values)).astype(np.float64) / layout.grey.step


def _undone(parts: _Parts, shift: float, slope: float) -> np.ndarray:
    """(n,) parts before they, with their levels, were shifted and stretched."""
    return (parts.level + parts.part - shift) / (1 + slope) - parts.level


def _sums(parts: _Parts, tiles: int) -> np.ndarray:
    """(tiles, `SIGNED` + 3) as in `Between`, of so many tiles."""
    columns = [parts.part, parts.part * parts.level, parts.part ** 2, *(np.where(sign, parts.part, -parts.part) for sign in parts.signs.T)]
    return np.stack([np.bincount(parts.tile, column, tiles) for column in columns], 1)


def _change(parts: _Parts, before: np.ndarray, usable: np.ndarray) -> tuple[float, float, float]:
    """By what parts of levels were shifted, by what more for each level, and the standard deviation of their noise, on the average of the
    usable tiles, bool (tiles,): infinite where they tell nothing any more."""
    known = usable[parts.tile]
    level = parts.level[known]
    if len(level) < 2 or (tiles := _sums(parts, len(usable)))[usable, 2].sum() < KEPT * before[usable, 2].sum():
        return 0.0, 0.0, np.inf
    moved = (tiles - before)[usable, :2].sum(0)
    moments = np.array([[len(level), level.sum()], [level.sum(), (level ** 2).sum()]])
    shift, slope = map(float, np.linalg.lstsq(moments, moved, rcond=None)[0])
    undone = _sums(replace(parts, part=_undone(parts, shift, slope)), len(usable))
    number = np.bincount(parts.tile, minlength=len(usable))
    signed = (undone - before)[usable, 3:]
    return shift, slope, float(max(np.sqrt((signed ** 2).sum() / (SIGNED * number[usable].sum())), LEAST))
