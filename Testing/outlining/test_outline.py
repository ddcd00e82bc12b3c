"""From logits to an outline, and how well outlines agree."""
import numpy as np
import pytest

from FusionINNLib.outlining.agreement import agreement
from FusionINNLib.outlining.outline import Rule, kept_islands, outline_of


def cube(low, high, shape=(20, 20, 20)) -> np.ndarray:
    marked = np.zeros(shape, bool)
    marked[tuple(slice(a, b) for a, b in zip(low, high))] = True
    return marked


LARGE, SMALL = cube((0, 0, 0), (5, 5, 5)), cube((10, 10, 10), (12, 12, 12))


@pytest.mark.parametrize("rule, kept", [(Rule(), LARGE | SMALL), (Rule(least_share=1.0), LARGE), (Rule(least_share=0.05), LARGE | SMALL),
                                        (Rule(least_ml=0.1), LARGE), (Rule(least_ml=1.0), np.zeros_like(LARGE))])
def test_islands_are_kept_by_size(rule, kept):
    np.testing.assert_array_equal(kept_islands(LARGE | SMALL, 0.001 * 5, rule), kept)


def test_voxels_that_touch_at_corners_are_one_island():
    pair = cube((0, 0, 0), (2, 2, 2)) | cube((2, 2, 2), (4, 4, 4))
    np.testing.assert_array_equal(kept_islands(pair, 1.0, Rule(least_share=1.0)), pair)


def test_nothing_is_an_outline_too():
    assert not outline_of(np.zeros((3, 4, 5), np.float32), 0.001, Rule(least_share=1.0)).any()


def test_agreement_of_cubes_is_what_can_be_counted():
    first, second = cube((2, 2, 2), (6, 6, 6)), cube((2, 2, 4), (6, 6, 8))
    found = agreement(first, second, (1.0, 1.0, 1.0))
    assert (found.dice, found.sensitivity, found.precision) == (0.5, 0.5, 0.5)
    assert found.hd95_mm == pytest.approx(2.0)
    assert agreement(first, second, (1.0, 1.0, 3.0)).hd95_mm == pytest.approx(6.0), "in mm, along the right axis"
    assert agreement(first, first, (1.0, 1.0, 1.0)) == type(found)(1.0, 0.0, 1.0, 1.0)


def test_what_is_not_defined_is_none():
    nothing = np.zeros_like(LARGE)
    assert agreement(nothing, nothing, (1, 1, 1)) == type(agreement(LARGE, LARGE, (1, 1, 1)))(None, None, None, None)
    missed = agreement(nothing, LARGE, (1, 1, 1))
    assert (missed.dice, missed.sensitivity, missed.precision, missed.hd95_mm) == (0, 0, None, None)
