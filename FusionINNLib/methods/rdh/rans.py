"""An entropy coder in NumPy: range asymmetric numeral systems (Duda 2013, arXiv:1311.2540), many streams at once, a lane each.

Integers alone decide, so every machine reads what another one wrote; floating-point models, as those of entropy coding libraries, need not
agree in the last digit. Lanes are independent: one that is damaged says nothing about the others.
"""
import numpy as np

PRECISION = 14  # bits: frequencies of a table add up to TOTAL
TOTAL = 1 << PRECISION
_LOW = 1 << 16  # states lie in _LOW .. 2**32, words have 16 bits


class Tables:
    """Frequencies of symbols by table, (tables, symbols) int, each row adding up to `TOTAL`. Raises ValueError where one does not."""

    def __init__(self, frequencies: np.ndarray):
        self.frequencies = frequencies.astype(np.int64)
        if (self.frequencies < 0).any() or (self.frequencies.sum(1) != TOTAL).any():
            raise ValueError("frequencies")
        self.starts = self.frequencies.cumsum(1) - self.frequencies
        symbols = np.arange(frequencies.shape[1])
        self.symbol_at = np.stack([np.repeat(symbols, row) for row in self.frequencies])


def frequencies_of(counts: np.ndarray) -> np.ndarray:
    """(tables, symbols) of how often each occurs -> frequencies that add up to `TOTAL`, at least 1 for what occurs. A table of which
    nothing occurs is certain of its first symbol."""
    counts = counts.astype(np.int64)
    counts[counts.sum(1) == 0, 0] = 1
    frequencies = np.maximum(counts * TOTAL // counts.sum(1, keepdims=True), counts > 0)
    rows = np.arange(len(counts))
    most = counts.argmax(1)
    frequencies[rows, most] += TOTAL - frequencies.sum(1)  # the commonest symbol pays for all rounding
    return frequencies


def encode(tables: Tables, table: np.ndarray, symbol: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Symbols (lanes, n) by tables (lanes, n), of which the first `lengths` (lanes,) of a lane count -> 16-bit words of each lane."""
    counts = np.arange(table.shape[1]) < lengths[:, None]
    f, start = (np.where(counts, of[table, symbol], other).T.copy() for of, other in ((tables.frequencies, TOTAL), (tables.starts, 0)))
    lanes = len(lengths)
    x, at, words = np.full(lanes, _LOW, np.int64), np.zeros(lanes, np.intp), np.zeros((lanes, table.shape[1] + 2), np.uint16)
    every = np.arange(lanes)
    for step in range(table.shape[1] - 1, -1, -1):
        over = x >= f[step] << (32 - PRECISION)
        if over.any():
            who = every[over]
            words[who, at[who]] = x[who] & 0xFFFF
            at[who] += 1
            x[who] >>= 16
        whole, rest = np.divmod(x, f[step])
        x = (whole << PRECISION) + rest + start[step]
    heads = np.stack([x >> 16, x & 0xFFFF], 1).astype(np.uint16)
    return [np.concatenate([head, row[:end][::-1]]) for head, row, end in zip(heads, words, at)]


class Decoder:
    """Reads lanes of words (16 bit) symbol by symbol, from the tables that each lane names."""

    def __init__(self, tables: Tables, lanes: list[np.ndarray]):
        self._tables, self._every = tables, np.arange(len(lanes))
        longest = max(map(len, lanes), default=0)
        self._words = np.zeros((len(lanes), longest + 1), np.int64)
        for row, words in zip(self._words, lanes):
            row[:len(words)] = words
        self._x = (self._words[:, 0] << 16) | self._words[:, 1]
        self._at = np.full(len(lanes), 2)
        self._end = longest

    def next(self, table: np.ndarray) -> np.ndarray:
        """The next symbol (lanes,) of each lane by its table (lanes,)."""
        slot = self._x & (TOTAL - 1)
        symbol = self._tables.symbol_at[table, slot]
        x = self._tables.frequencies[table, symbol] * (self._x >> PRECISION) + slot - self._tables.starts[table, symbol]
        under = x < _LOW
        self._x = np.where(under, (x << 16) | self._words[self._every, self._at], x)
        self._at = np.minimum(self._at + under, self._end)
        return symbol
