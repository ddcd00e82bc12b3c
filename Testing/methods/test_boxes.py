"""Boxes: aligned, around everything but the rim, of few shapes, and the same from each through-plane axis."""
import numpy as np
import pytest

from FusionINNLib.methods.boxes import STEP, Box, batches, find_boxes
from FusionINNLib.preprocessing.slicing import from_stack, to_stack


def one_box(mask, multiple=4, margin=8):
    boxes = find_boxes(iter([mask]), multiple, margin)
    assert len(boxes) <= 1
    return boxes[0] if boxes else None


def test_random_masks_are_covered_with_their_margin():
    random = np.random.default_rng(0)
    for _ in range(300):
        rows, columns = random.integers(16, 90, 2)
        multiple, margin = int(random.choice([2, 4, 16])), int(random.integers(0, 12))
        mask = np.zeros((rows, columns), bool)
        j, i = random.integers(0, rows), random.integers(0, columns)
        mask[j:j + random.integers(1, 40), i:i + random.integers(1, 40)] = True
        box = one_box(mask, multiple, margin)
        whole = rows - rows % multiple, columns - columns % multiple
        inside = mask[:whole[0], :whole[1]]  # what is not in the rim
        if box is None:
            assert not inside.any()
            continue
        for (start, stop), size, at in (((box.j0, box.j1), whole[0], np.flatnonzero(inside.any(1))),
                                        ((box.i0, box.i1), whole[1], np.flatnonzero(inside.any(0)))):
            assert start % multiple == stop % multiple == 0 and 0 <= start < stop <= size
            assert (stop - start) % STEP == 0 or stop - start == size
            if at.size:
                assert start <= max(0, at[0] - margin) and stop >= min(size, at[-1] + 1 + margin)


def test_the_rim_of_odd_sizes_lies_outside():
    box = one_box(np.ones((61, 67), bool))
    assert (box.j0, box.j1, box.i0, box.i1) == (0, 60, 0, 64)
    rim = np.zeros((61, 67), bool)
    rim[60, :] = True
    alone = one_box(rim)
    assert alone is None or alone.j1 <= 60


def test_empty_slices_and_slices_smaller_than_a_cell_have_no_box():
    assert find_boxes(iter([np.zeros((32, 32), bool), np.ones((32, 32), bool)]), 4, 8) == [Box(1, 0, 32, 0, 32)]
    assert find_boxes(iter([np.ones((3, 50), bool)]), 4, 8) == []


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_stacks_are_views_and_come_back(axis):
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    stack = to_stack(array, axis)
    assert len(stack) == array.shape[axis] and np.shares_memory(stack, array)
    np.testing.assert_array_equal(from_stack(stack, axis), array)
    np.testing.assert_array_equal(stack[1], np.take(array, 1, axis))


def test_batches_hold_one_shape_and_lose_nothing():
    boxes = [Box(k, 0, 16 * (1 + k % 3), 0, 32) for k in range(20)]
    groups = list(batches(boxes, 4))
    assert sorted(box.k for group in groups for box in group) == list(range(20))
    assert all(len(group) <= 4 and len({box.shape for box in group}) == 1 for group in groups)


def test_a_box_selects_its_part():
    stack = np.arange(3 * 8 * 9).reshape(3, 8, 9)
    box = Box(2, 1, 5, 3, 9)
    np.testing.assert_array_equal(stack[box.index], stack[2, 1:5, 3:9])
    assert stack[box.index].shape == box.shape == (4, 6)
