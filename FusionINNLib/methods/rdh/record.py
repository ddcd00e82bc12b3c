"""What this method keeps in a recipe for its ways back: the layout of what is hidden, errors of estimates in each cube, and the grid."""
import base64
import zlib
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.rdh.between_levels import SIGNED, Between
from FusionINNLib.methods.rdh.blocks import VOXELS, Cubes
from FusionINNLib.methods.rdh.codec import Layout
from FusionINNLib.methods.rdh.digits import GROUPS, TOP, capacity
from FusionINNLib.methods.rdh.grey import Grey
from FusionINNLib.methods.rdh.latent import Packing
from FusionINNLib.methods.rdh.model import NOTHING
from FusionINNLib.methods.rdh.rans import TOTAL
from FusionINNLib.results.recipe import Recipe

FARTHEST = 1e3  # nominal: no estimate is so far off


@dataclass(frozen=True, eq=False)
class RdhRecord:
    """layout: see codec.py. affine: 4x4 of the grid that was written. present: the levels that occur, ascending. packing: of the latent.

    errors: uint8 (6, cubes): of the estimates of first and second, and of the fused image taken for either, as `to_bytes` gives them; the
    mean level; and of the estimates in black voxels (0 in files of "rdh 1"). between: what is between the levels, None in files of "rdh 1".
    """

    layout: Layout
    affine: np.ndarray
    present: np.ndarray
    packing: Packing
    errors: np.ndarray
    between: Between | None

    def to_dict(self) -> dict:
        """JSON-ready, compact."""
        own, tables = self.layout, self.layout.frequencies
        return {"grey": [own.grey.step, own.grey.zero], "threshold": own.threshold, "step": own.step, "reach": own.reach,
                "base": _text(own.base, "u1"), "tables": _text(tables, "<u2"), "by_frequency": _text(own.by_frequency, "u1"),
                "words": _text(own.words, "<u4"), "sums": _text(own.sums, "<u4"), "seen": _text(own.seen, "<u4"),
                "rest_seen": _text(own.rest_seen, "<u4"),
                "groups": _text(own.groups, "<u2"), "top": own.top,
                "affine": self.affine.tolist(), "present": _text(self.present, "u1"), "errors": _text(self.errors, "u1"),
                "latent": [*self.packing.units, *map(int, self.packing.whole), self.packing.crc],
                "between": _between_to_dict(self.between) if self.between else {}}


def record_of(recipe: Recipe) -> RdhRecord:
    """The record in a recipe. Raises ResultError for what no fusion can have written: the one in an image header has no checksum."""
    try:
        data, cubes = recipe.record, Cubes(recipe.shape)
        step, zero = data["grey"]
        base, words, sums, seen = (_numbers(data[name], kind) for name, kind in (("base", "u1"), ("words", "<u4"), ("sums", "<u4"),
                                                                                ("seen", "<u4")))
        tables = _numbers(data["tables"], "<u2").astype(np.int64)
        by_frequency, errors = _numbers(data["by_frequency"], "u1").astype(np.int64), _numbers(data["errors"], "u1")
        layout = Layout(cubes, Grey(float(step), int(zero)), int(data["threshold"]), base, float(data["step"]),
                        tables.reshape(NOTHING + 1, -1) if tables.size else tables, int(data["reach"]), by_frequency,
                        words.astype(np.int64), sums, _numbers(data["groups"], "<u2").astype(np.int64).reshape(-1, len(GROUPS)), seen,
                        _numbers(data["rest_seen"], "<u4"), int(data.get("top", TOP)))
        affine = np.array(data["affine"], np.float64)
        first, second, one, other, crc = data["latent"]
        packing = Packing((float(first), float(second)), (bool(one), bool(other)), int(crc))
        _check(layout, affine)
        between = _between_of(data["between"], cubes) if data.get("between") else None
        return RdhRecord(layout, affine, _numbers(data["present"], "u1"), packing, _with_black(errors.reshape(-1, len(base))), between)
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as problem:
        raise ResultError(f"The record of the fusion is damaged ({type(problem).__name__}): fuse the sources again.") from problem


def _with_black(errors: np.ndarray) -> np.ndarray:
    """Six rows, of which "rdh 1" had the first four."""
    if len(errors) not in (4, 6):
        raise ValueError("errors")
    return np.concatenate([errors, np.zeros((6 - len(errors), errors.shape[1]), np.uint8)])


def _between_to_dict(between: Between) -> dict:
    return {"reach": _text(between.reach, "u1"), "sums": _text(between.sums, "<f4"), "seen": _text(between.checksums, "<u4"),
            "counts": _text(between.counts, "<u4"), "brightest": list(between.brightest)}


def _between_of(data: dict, cubes: Cubes) -> Between:
    tiles = int(cubes.tiles.max()) + 1
    counts = _numbers(data["counts"], "<u4").astype(np.int64)
    if counts.shape != (TOP + 1,) or counts.sum() != np.prod(cubes.shape):
        raise ValueError("counts")
    sums = _numbers(data["sums"], "<f4").astype(np.float64).reshape(tiles, SIGNED + 3)
    if not np.isfinite(sums).all():
        raise ValueError("sums")
    common, apart = map(float, data["brightest"])
    if not (abs(common) < FARTHEST and abs(apart) < FARTHEST):
        raise ValueError("brightest")
    return Between(_numbers(data["reach"], "u1").reshape(3, len(cubes.tiles)), sums, _numbers(data["seen"], "<u4").reshape(tiles), counts,
                   (common, apart))


def _check(layout: Layout, affine: np.ndarray) -> None:
    """Raise ValueError for what does not fit together."""
    tiles = len(np.unique(layout.tiles))
    if len(layout.base) != np.prod(layout.cubes.counts) or not all(len(one) == tiles for one in (layout.words, layout.sums, layout.groups,
                                                                                                    layout.seen)):
        raise ValueError("tiles")
    if len(layout.rest_seen) != len(np.unique(layout.cubes.tiles[layout.rest])):
        raise ValueError("rest")
    if tiles and (len(layout.by_frequency) != VOXELS or layout.frequencies.shape[1] != 2 * layout.reach + 1 or layout.words.min() < 2
                  or (layout.frequencies.sum(1) != TOTAL).any() or 16 * layout.words.sum() > capacity(layout.groups)):
        raise ValueError("tables")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
        raise ValueError("affine")
    if not (0 < layout.grey.step < np.inf and 0 < layout.step < np.inf):
        raise ValueError("steps")


def _text(numbers: np.ndarray, kind: str) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(numbers, kind).tobytes(), 9)).decode("ascii")


def _numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)
