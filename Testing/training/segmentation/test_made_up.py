"""Heads without a lesion that are made of a patient's head: by mirroring, about the middle of the head, what nothing was drawn in."""
import numpy as np
import pytest

from FusionINNLib.outlining.canvas import canvas_of
from training.data.canvas_cases import SETS
from training.segmentation.held_out import Patient
from training.segmentation.made_up import made_up, mirror_plane

SHAPE, MIDDLE = (6, 50, 61), 32.5


def head():
    k, j, i = np.ogrid[:SHAPE[0], :SHAPE[1], :SHAPE[2]]
    return (np.hypot((j - 25) / 22, (i - MIDDLE) / 25) < 1) & (k >= 0)


def patient(lesion):
    """Brightness that differs between left and right, and a bright lesion."""
    i = np.broadcast_to(np.arange(SHAPE[2]), SHAPE)
    image = np.where(head(), 100 + i, 0).astype(np.float32) + 500 * lesion
    return Patient("brats18", "x", lesion, lesion, head(), canvas_of(head(), SETS["brats18"]), SETS["brats18"], image, image)


def box(columns, slices=slice(2, 5)):
    lesion = np.zeros(SHAPE, bool)
    lesion[slices, 20:26, columns] = True
    return lesion


def test_the_plane_is_that_of_the_head():
    assert mirror_plane(head()) == 2 * MIDDLE


@pytest.mark.parametrize("columns", [slice(12, 20), slice(45, 53)])
def test_nothing_of_a_lesion_on_one_side_is_left_in_either_head(columns):
    one = patient(box(columns))
    made = made_up(one)
    assert made.is_free.all() and not (made.half & one.lesion).any()
    for image, other in zip(made.patched, made.twice):
        assert max(image.max(), other.max()) < 200 < one.flair.max()
        assert np.array_equal(image[:, :12], one.flair[:, :12]), "far from it"
        assert np.allclose(image[one.lesion], np.where(one.lesion, 100 + 2 * MIDDLE - np.arange(SHAPE[2]), 0)[one.lesion])
        inner = other[..., 8:58]
        assert np.array_equal(inner, inner[..., ::-1]), "the half and itself, mirrored about the middle of the head"
        assert np.array_equal(other[made.half], one.flair[made.half])


def test_slices_in_which_both_halves_show_a_lesion_do_not_count():
    made = made_up(patient(box(slice(12, 20)) | box(slice(45, 48), slice(4, 6))))
    assert made.is_free.tolist() == [True] * 4 + [False] * 2


def test_a_head_without_a_lesion_stays_as_it_is():
    one = patient(np.zeros(SHAPE, bool))
    assert np.array_equal(made_up(one).patched[0], one.t1ce)
