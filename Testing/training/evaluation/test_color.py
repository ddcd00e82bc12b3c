"""Colour differences against values that are known elsewhere."""
import numpy as np
import pytest

from training.evaluation.color import color_figures

WHITE, BLACK, RED, GREEN, BLUE = (1, 1, 1), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)


def plain(color):
    return np.ones((4, 5, 3)) * color


@pytest.mark.parametrize("one, other, expected", [(WHITE, BLACK, 100.0), (RED, GREEN, 86.61), (RED, BLUE, 52.88), (BLUE, GREEN, 83.19)])
def test_ciede2000_of_the_corners_of_srgb(one, other, expected):
    """As published calculators give them for sRGB under D65."""
    assert color_figures(plain(one), plain(other))["delta_e2000"] == pytest.approx(expected, abs=0.05)


def test_a_change_of_brightness_alone_leaves_the_chroma():
    rng = np.random.default_rng(0)
    image = rng.random((8, 8, 3)) * 0.5 + 0.2
    same, brighter = color_figures(image, image), color_figures(image + 0.1, image)
    assert same == {"delta_e2000": 0, "cb": 0, "cr": 0}
    assert brighter["delta_e2000"] > 3 and brighter["cb"] < 0.01 and brighter["cr"] < 0.01


def test_chroma_is_that_of_jpeg():
    """Pillow's conversion rounds to whole levels, this one does not."""
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (2, 30, 30, 3), np.uint8)
    theirs = [np.asarray(Image.fromarray(image).convert("YCbCr"), float)[..., 1:] for image in pixels]
    expected = np.abs(theirs[0] - theirs[1]).mean((0, 1))
    found = color_figures(pixels[0] / 255, pixels[1] / 255)
    assert (found["cb"], found["cr"]) == pytest.approx(tuple(expected), abs=0.2)


def test_images_that_cannot_be_compared():
    with pytest.raises(ValueError, match="two RGB images of one size"):
        color_figures(np.zeros((4, 4, 3)), np.zeros((4, 5, 3)))
    with pytest.raises(ValueError, match="two RGB images of one size"):
        color_figures(np.zeros((4, 4)), np.zeros((4, 4)))
