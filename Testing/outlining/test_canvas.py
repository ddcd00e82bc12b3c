"""From voxels to the canvas and back: places are kept, padding changes nothing, constant images stay finite."""
import numpy as np
import pytest

from FusionINNLib.errors import InputError
from FusionINNLib.outlining.canvas import SIDE, canvas_of, heads, images_on, standardised, with_neighbours


def ball(shape=(24, 60, 70), centre=(12, 25, 40), radius=8.0) -> np.ndarray:
    grid = np.indices(shape).reshape(3, -1).T - np.array(centre)
    return (np.linalg.norm(grid, axis=1) < radius).reshape(shape)


HEAD = ball(radius=22.0) | ball(centre=(12, 30, 35), radius=22.0)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.9, 0.9), (2.0, 3.0, 3.0), (3.0, 6.0, 6.0)])
def test_what_goes_onto_the_canvas_comes_back_to_its_place(spacing):
    marked = ball()
    canvas = canvas_of(HEAD, spacing)
    there = canvas.onto(marked, 0)
    back = canvas.back(there)
    assert there.shape[1:] == (SIDE, SIDE) and back.shape == marked.shape
    overlap = 2 * ((back > 0.5) & marked).sum() / ((back > 0.5).sum() + marked.sum())
    assert overlap > 0.9
    centres = [np.argwhere(part).mean(0) for part in (marked, back > 0.5)]
    np.testing.assert_allclose(*centres, atol=0.3)


def test_thick_slices_stay_and_thin_ones_are_averaged():
    assert canvas_of(HEAD, (5.0, 1.0, 1.0)).size[0] == HEAD.any((1, 2)).sum()
    assert canvas_of(HEAD, (1.0, 1.0, 1.0)).size[0] == round(HEAD.any((1, 2)).sum() / 3)


def test_a_head_larger_than_the_canvas_gets_larger_pixels():
    canvas = canvas_of(np.ones((3, 300, 200), bool), (1.0, 1.0, 1.0))
    assert canvas.size[1:] == (SIDE, round(200 * SIDE / 300))


def test_padding_by_hand_changes_nothing():
    values = np.where(HEAD, 100 + np.indices(HEAD.shape).sum(0), 0).astype(np.float32)
    padded = np.pad(values, ((0, 0), (3, 14), (11, 2)))
    results = []
    for one in (values, padded):
        head = heads(one, one)
        canvas = canvas_of(head, (1.0, 1.0, 1.0))
        results.append((canvas, images_on(canvas, (one, one), head)))
    np.testing.assert_array_equal(results[0][1], results[1][1])
    marks = [canvas.back(images[0]) for canvas, images in results]
    np.testing.assert_array_equal(np.pad(marks[0], ((0, 0), (3, 14), (11, 2))), marks[1])


def test_scores_are_those_of_the_head_and_constant_images_are_zero():
    values = np.random.default_rng(0).normal(50, 5, HEAD.shape)
    scores = standardised(values, HEAD)
    assert scores[HEAD].mean() == pytest.approx(0, abs=0.01) and scores[HEAD].std() == pytest.approx(1, abs=0.01)
    assert not standardised(np.full(HEAD.shape, 7.0), HEAD).any()
    assert np.abs(standardised(np.where(values > 60, 1e6, values), HEAD)).max() <= 5


def test_neighbours_stand_in_at_the_ends():
    stack = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert with_neighbours(stack, 3)[:, :, 0, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]
    assert with_neighbours(stack, 1)[:, :, 0, 0].tolist() == [[0], [1], [2], [3]]


def test_an_image_without_a_head_is_refused():
    with pytest.raises(InputError, match="head"):
        canvas_of(np.zeros((3, 4, 5), bool), (1.0, 1.0, 1.0))
