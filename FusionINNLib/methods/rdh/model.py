"""What is likely among whole coefficients: by frequency and by how lively a cube is, in tables of integers that are sent along.

Each cube has a class, each frequency one too; their sum says how large a coefficient is expected to be, in half octaves, and chooses the
table. First come all classes of a tile's cubes, then their slopes, then cube by cube 512 coefficients.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.methods.rdh.blocks import VOXELS
from FusionINNLib.methods.rdh.rans import Decoder, Tables, encode, frequencies_of
from FusionINNLib.methods.rdh.transform import STEEPEST

SIZES = 26  # tables of coefficients, by expected size in half octaves
_OFFSET = 14  # of sizes: the smallest is 2**-7 steps
CLASSES = 40  # of cubes, and of frequencies
CLASS_TABLE, SLOPE_TABLE, NOTHING = SIZES, SIZES + 1, SIZES + 2


@dataclass(frozen=True)
class Coded:
    """Cubes as whole numbers: classes (n,) and slopes (n,) from 0 upwards, coefficients (n, 512), and classes of frequencies (512,)."""

    classes: np.ndarray
    slopes: np.ndarray
    coefficients: np.ndarray
    frequencies: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(n, 512) table of each coefficient."""
        return sizes(self.classes[:, None], self.frequencies)


def sizes(classes: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """The table of coefficients by the class of their cube and of their frequency."""
    return np.clip(classes + frequencies - CLASSES, 0, SIZES - 1)


def classified(values: np.ndarray, slope: np.ndarray, whole: np.ndarray) -> Coded:
    """Coefficients in steps (n, 512), real and whole ones, and slopes (n,), with the classes that fit them."""
    size = np.minimum(np.abs(values), 2.0 ** 12)
    by_frequency = np.maximum(size.mean(0), 2.0 ** -6)
    by_cube = np.maximum((size / by_frequency).mean(1), 2.0 ** -9)
    frequencies = np.clip(np.rint(2 * np.log2(by_frequency)) + CLASSES // 2, 0, CLASSES - 1)
    classes = np.clip(np.rint(2 * np.log2(by_cube)) + CLASSES // 2 + _OFFSET, 0, CLASSES - 1)
    return Coded(classes.astype(np.int64), slope + STEEPEST, whole, frequencies.astype(np.int64))


def counts(coded: Coded) -> tuple[np.ndarray, int]:
    """How often each symbol occurs in each table, (`NOTHING` + 1, symbols), and what is added to coefficients to make symbols of them."""
    reach = max(int(np.abs(coded.coefficients).max(initial=0)), CLASSES // 2, STEEPEST)
    width = 2 * reach + 1
    table = np.bincount((coded.sizes * width + coded.coefficients + reach).ravel(), minlength=(NOTHING + 1) * width)
    table = table.reshape(NOTHING + 1, width)
    for row, symbols in ((CLASS_TABLE, coded.classes), (SLOPE_TABLE, coded.slopes)):
        table[row] = np.bincount(symbols, minlength=width)
    return table, reach


def bits(coded: Coded) -> float:
    """About how many bits are needed for all."""
    table, _ = counts(coded)
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    return float(-(table * np.log2(np.where(table, share, 1))).sum())


def to_words(coded: Coded, tiles: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, int]:
    """16-bit words of each tile, by tiles (n,) of the cubes, ascending; and the frequencies and the reach that a reader needs."""
    table, reach = counts(coded)
    frequencies = frequencies_of(table)
    cubes = _lanes(tiles)
    longest = max(map(len, cubes))
    tables, symbols = np.full((len(cubes), longest * (VOXELS + 2)), NOTHING), np.zeros((len(cubes), longest * (VOXELS + 2)), np.int64)
    size, shifted = coded.sizes, coded.coefficients + reach
    for lane, mine in enumerate(cubes):
        n = len(mine)
        ends = np.cumsum([n, n, n * VOXELS])
        tables[lane, :ends[2]] = np.concatenate([np.full(n, CLASS_TABLE), np.full(n, SLOPE_TABLE), size[mine].ravel()])
        symbols[lane, :ends[2]] = np.concatenate([coded.classes[mine], coded.slopes[mine], shifted[mine].ravel()])
    lengths = np.array([len(mine) * (VOXELS + 2) for mine in cubes])
    return encode(Tables(frequencies), tables, symbols, lengths), frequencies, reach


def from_words(words: list[np.ndarray], tiles: np.ndarray, wanted: np.ndarray, frequencies: np.ndarray, reach: int,
               by_frequency: np.ndarray) -> Coded:
    """What `to_words` was given, of the wanted tiles alone (bool, one a tile); of other cubes all is 0."""
    n = len(tiles)
    classes, slopes, coefficients = np.zeros(n, np.int64), np.full(n, STEEPEST), np.zeros((n, VOXELS), np.int64)
    lanes = sorted(((mine, word) for mine, word, take in zip(_lanes(tiles), words, wanted) if take), key=lambda lane: len(lane[0]))
    if lanes:
        cubes = [mine for mine, _ in lanes]
        longest = len(cubes[-1])
        decoder = Decoder(Tables(frequencies), [word for _, word in lanes])
        own = np.array([np.pad(mine, (0, longest - len(mine)), constant_values=-1) for mine in cubes])
        for found, row in ((classes, CLASS_TABLE), (slopes, SLOPE_TABLE)):
            for turn in range(longest):
                _keep(found, own[:, turn], decoder.next(np.where(_there(own, turn), row, NOTHING)))
        for turn in range(longest):
            there = _there(own, turn)
            size = np.where(there[:, None], sizes(classes[own[:, turn]][:, None], by_frequency), NOTHING)
            symbols = np.stack([decoder.next(size[:, place]) for place in range(VOXELS)], 1)
            _keep(coefficients, own[:, turn], symbols - reach)
    return Coded(classes, slopes, coefficients, by_frequency)


def _lanes(tiles: np.ndarray) -> list[np.ndarray]:
    """Cubes of each tile, by tiles (n,), ascending."""
    return np.split(np.arange(len(tiles)), np.flatnonzero(np.diff(tiles)) + 1)


def _there(own: np.ndarray, turn: int) -> np.ndarray:
    return own[:, turn] >= 0


def _keep(found: np.ndarray, places: np.ndarray, symbols: np.ndarray) -> None:
    found[places[places >= 0]] = symbols[places >= 0]
