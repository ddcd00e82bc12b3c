"""Padding and wild voxels: both sources show in the fused image, come back in every voxel, and are told by number and place."""
import re

import numpy as np
import pytest
from making import head, volume

import FusionINNLib as fi
from FusionINNLib.errors import ResultError
from FusionINNLib.preprocessing.left_out import left_out
from FusionINNLib.reports.columns import window
from FusionINNLib.results import kept_apart
from FusionINNLib.results.recipe import recipe_from_dict

SHAPE = (6, 60, 64)


def _hot(array):
    array = array.copy()
    array[2, 30, 25:30] = 30000
    return array


def _padded(array):
    return np.where(array == 0, -32768, array).astype(array.dtype)


def _padded_twice(array):
    padded = _padded(array)
    padded[:, :20][array[:, :20] == 0] = 32767
    return padded


@pytest.mark.parametrize("spoil, words", [(_hot, "5 voxels lie far above all tissue .*30000.* at R "), (_padded, "hold -32768.*padding"),
                                          (_padded_twice, r"\d+ voxels \(\d+%\) hold -32768 and .* hold 32767.*padding")])
def test_a_spoilt_source_is_fused_by_its_tissue_and_comes_back(spoil, words, tiny_model):
    arrays = spoil(head(shape=SHAPE)), head(shape=SHAPE, seed=1)
    sources = [volume(array, name) for array, name in zip(arrays, ("first", "second"))]
    plain = fi.fuse(volume(head(shape=SHAPE), "first"), sources[1], model=tiny_model, device="cpu")
    fusion = fi.fuse(*sources, model=tiny_model, device="cpu")
    assert re.search(words, fusion.warnings[-1])
    scales = [one.recipe.sources[0].normalizations[0].scale for one in (fusion, plain)]
    assert 0.75 < scales[0] / scales[1] < 1.1
    recipe = recipe_from_dict(fusion.recipe.to_dict())
    for back, array in zip(fi.decompose(fusion.fused, fusion.latent, recipe, device="cpu", model=tiny_model), arrays):
        np.testing.assert_array_equal(back.array, array)
    assert 0 <= window(sources[0], 0)[0] < 250 and 700 < window(sources[0], 0)[1] < 1000
    assert left_out(sources[1]) == () and "kept_apart" not in fusion.recipe.to_dict()["sources"][1]


def test_what_is_kept_apart_survives_packing_and_damage_is_said():
    stored = np.arange(2 * 3 * 5, dtype=np.float64).reshape(2, 3, 5)
    packed = kept_apart.pack(stored, stored % 4 == 1)
    back = np.zeros_like(stored)
    kept_apart.restore(back, packed)
    np.testing.assert_array_equal(back, np.where(stored % 4 == 1, stored, 0))
    assert kept_apart.pack(stored, stored < 0) is None
    for damaged in (packed[:-8], "AAAA", kept_apart.pack(stored[:1], stored[:1] > 3)):
        with pytest.raises(ResultError, match="damaged"):
            kept_apart.restore(np.zeros_like(stored), damaged)
