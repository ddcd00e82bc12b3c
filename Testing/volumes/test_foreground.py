"""What is head and what is background: each question has an answer of its own."""
import numpy as np
import torch

from FusionINNLib.volumes.foreground import LEVEL, background_value, filled_foreground, foreground, head_mask


def test_background():
    values = np.concatenate([np.full(500, -3.0), np.linspace(0, 90, 400), [-1000]])
    assert background_value(values) == -3
    assert background_value(np.concatenate([np.full(900, 255.0), np.linspace(0, 254, 2000)])) < 10  # saturated, not background
    noise = np.random.default_rng(0).normal(50, 10, 4000)
    assert noise.min() < background_value(noise) < 30


def test_the_head_of_a_volume_without_its_skull_keeps_what_is_negative():
    values = np.zeros((20, 20, 20), np.float32)
    values[5:15, 5:15, 5:15] = np.random.default_rng(0).uniform(50, 100, (10, 10, 10))
    values[8, 8, 8] = -20
    np.testing.assert_array_equal(head_mask(values), values != 0)


def test_the_foreground_of_a_pair_is_the_larger_of_both_beyond_the_level():
    pair = np.random.default_rng(0).normal(0, LEVEL, (2, 30, 40)).astype(np.float32)
    mask = foreground(pair)
    assert mask.dtype == bool and 0.1 < mask.mean() < 0.9
    np.testing.assert_array_equal(mask, pair.max(0) > LEVEL)


def test_the_foreground_of_tensors_is_that_of_arrays():
    pairs = np.random.default_rng(1).normal(0, LEVEL, (3, 2, 8, 9)).astype(np.float32)
    mask = foreground(torch.from_numpy(pairs).split(1, 1))
    assert mask.shape == (3, 1, 8, 9) and mask.dtype == torch.bool
    np.testing.assert_array_equal(mask[:, 0].numpy(), np.stack([foreground(pair) for pair in pairs]))


def test_the_filled_foreground_has_no_holes_and_no_specks():
    image = np.zeros((40, 40))
    image[10:30, 8:32] = 0.5
    image[18:22, 18:22] = 0.0
    image[3, 3] = 1.0
    expected = np.zeros((40, 40), bool)
    expected[10:30, 8:32] = True
    mask = filled_foreground(image, np.zeros_like(image))
    assert mask[18:22, 18:22].all() and not mask[3, 3] and (mask != expected).sum() <= 4  # an opening by a cross takes the corners
