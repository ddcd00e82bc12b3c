"""The loss of LAGN: each term by values worked out by hand or in numpy."""
import numpy as np
import pytest
import torch
from scipy import ndimage

from training.losses.lagn import edges, intensity, lagn_loss, structure


def images(count=3, side=16, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random((2, count, side, side), np.float32))


def test_intensity_is_the_distance_to_the_brighter_source_or_to_their_mean():
    sources = torch.tensor([0.2, 0.8]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    assert float(intensity(torch.full((1, 1, 4, 4), 0.5), sources, True)) == pytest.approx(0.3)
    assert float(intensity(torch.full((1, 1, 4, 4), 0.5), sources, False)) == pytest.approx(0)


def test_gradient_is_that_of_scipys_sobel_filters():
    batch = images()
    sobel = np.array([[sum(np.abs(ndimage.sobel(image, axis, mode="constant")) for axis in (0, 1)) for image in sample]
                      for sample in batch.double().numpy()])
    expected = np.abs(sobel[:, 2] - sobel[:, :2].max(1)).mean()
    assert float(edges(batch[:, 2:], batch[:, :2])) == pytest.approx(expected, rel=1e-5)


def test_structure_asks_for_the_livelier_source_alone():
    lively = images(1, seed=1)
    flat = 0.5 + 0.01 * (lively - 0.5)
    sources = torch.cat([flat, lively], 1)
    assert float(structure(lively, sources)) == pytest.approx(0, abs=1e-5)
    assert float(structure(flat, sources)) > 0.5


def test_generated_images_count_half_where_they_count():
    batch, believed = images(seed=2), images(2, seed=3)
    fused, sources = batch[:, 2:], batch[:, :2]
    whole, parts = lagn_loss(fused, sources, believed)
    less, fewer = lagn_loss(fused, sources, believed, generated=False)
    assert set(parts) - set(fewer) == {"generated"}
    assert float(whole - less) == pytest.approx(0.5 * float(intensity(fused, believed, True) + edges(fused, believed)), rel=1e-5)
