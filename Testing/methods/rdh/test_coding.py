"""What is coded comes back: streams of symbols, digits in grey levels, cubes of a volume."""
import numpy as np
import pytest

from FusionINNLib.methods.rdh import digits, transform
from FusionINNLib.methods.rdh.blocks import Cubes
from FusionINNLib.methods.rdh.grey import fitted
from FusionINNLib.methods.rdh.rans import TOTAL, Decoder, Tables, encode, frequencies_of

RANDOM = np.random.default_rng(5)


def test_streams_of_unlike_lengths_come_back_and_are_as_short_as_their_entropy():
    counts = np.array([[900, 60, 30, 10, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    tables = Tables(frequencies_of(counts))
    lengths = np.array([4000, 100, 1, 0])
    table = RANDOM.integers(0, 2, (4, 4000))
    symbol = np.where(table == 0, RANDOM.choice(4, (4, 4000), p=[0.9, 0.06, 0.03, 0.01]), RANDOM.integers(0, 5, (4, 4000)))
    words = encode(tables, table, symbol, lengths)
    decoder = Decoder(tables, words)
    table[np.arange(4000) >= lengths[:, None]] = 2  # the table of which nothing occurs takes nothing from a stream
    found = np.stack([decoder.next(table[:, place]) for place in range(4000)], 1)
    for lane, length in enumerate(lengths):
        np.testing.assert_array_equal(found[lane, :length], symbol[lane, :length])
    shares = tables.frequencies[table[0], symbol[0]] / TOTAL
    assert -np.log2(shares).sum() < 16 * len(words[0]) < -np.log2(shares).sum() + 48
    assert len(words[3]) == 2


def test_tables_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="frequencies"):
        Tables(np.array([[1, 2, 3]]))


@pytest.mark.parametrize("base", digits.GROUPS)
def test_bits_are_read_from_levels_that_hardly_moved(base):
    levels = RANDOM.uniform(8, 255, 3000)
    bases, tiles = np.full(3000, base), np.repeat([0, 1, 3], 1000)
    groups = digits.rooms(bases, tiles, 4)
    room = digits.capacity(groups)
    assert room > 0.965 * 3000 * np.log2(base) - 64
    bits = RANDOM.integers(0, 2, room)
    whole = digits.write(bits, levels, bases, tiles, groups, (8, 255))
    np.testing.assert_array_equal(digits.read(whole, bases, tiles, groups, room), bits)
    inside = (levels > 8 + base) & (levels < 255 - base)
    assert whole.min() >= 8 and whole.max() <= 255 and np.abs(whole - levels)[inside].max() <= base / 2 + 1e-9


def test_bits_of_all_bases_together_and_a_changed_level_costs_bits_near_it_alone():
    tiles = np.repeat(np.arange(6), 600)
    bases, levels = RANDOM.integers(1, 9, 3600), RANDOM.uniform(20, 200, 3600)
    groups = digits.rooms(bases, tiles, 6)
    room = digits.capacity(groups)
    bits = RANDOM.integers(0, 2, room)
    whole = digits.write(bits, levels, bases, tiles, groups, (8, 255))
    np.testing.assert_array_equal(digits.read(whole, bases, tiles, groups, room), bits)
    whole[tiles == 2] += 1
    bases[np.flatnonzero(tiles == 2)[::3]] = 1  # as where a third became dark
    wrong = np.flatnonzero(digits.read(whole, bases, tiles, groups, room) != bits)
    before = digits.capacity(groups[:2])
    assert wrong.size and before <= wrong.min() and wrong.max() < digits.capacity(groups[:3])


def test_cubes_are_a_volume_again_whatever_its_shape():
    volume = RANDOM.random((9, 17, 8))
    cubes = Cubes((9, 17, 8))
    assert cubes.counts == (2, 3, 1) and cubes.inside.sum() == volume.size and set(cubes.tiles) == {0}
    np.testing.assert_array_equal(cubes.joined(cubes.cut(volume)), volume)
    assert set(Cubes((33, 8, 70)).tiles) == set(range(6))


def test_a_difference_comes_back_to_a_part_of_its_step():
    difference, shown = RANDOM.normal(0, 0.1, (5, 8, 8, 8)), np.ones((5, 8, 8, 8), bool)
    step = np.full(5, 0.01)
    back = transform.residual(transform.quantised(transform.coefficients(difference, shown, step)), step)
    assert 0.2 < np.sqrt(((back - difference) ** 2).mean()) / 0.01 < 0.33
    average = RANDOM.random((5, 8, 8, 8))
    slope = transform.slopes(average, 1.5 * average + 0.3, shown)
    np.testing.assert_array_equal(slope * transform.SLOPE_STEP, 1.5)


def test_black_is_a_level_of_its_own():
    for low, high in ((0.0, 1.3), (-0.2, 1.0), (0.1, 0.9)):
        average = np.linspace(low, high, 1000)
        grey = fitted(average)
        levels = np.rint(grey.to_levels(average))
        assert grey.to_values(np.array(grey.zero)) == 0 and 0 <= levels.min() and levels.max() <= 255
        assert np.abs(grey.to_values(levels) - average).max() < 0.51 * (high - min(low, 0)) / 250
