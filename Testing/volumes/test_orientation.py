"""Voxels turned to right, anterior, superior and back."""
import numpy as np
import pytest
from making import AFFINES

from FusionINNLib.volumes.orientation import from_ras, to_ras


@pytest.mark.parametrize("grid", AFFINES)
def test_there_and_back_is_the_same_and_axes_run_right_anterior_superior(grid):
    affine = AFFINES[grid]
    k, j, i = np.meshgrid(*map(np.arange, (3, 4, 5)), indexing="ij")
    world = np.einsum("ab,bkji->akji", affine[:3, :3], np.stack([i, j, k]).astype(float))
    right, anterior, superior = (to_ras(part, affine) for part in world)
    assert (np.diff(superior, axis=0) > 0).all() and (np.diff(anterior, axis=1) > 0).all() and (np.diff(right, axis=2) > 0).all()
    array = np.arange(60).reshape(3, 4, 5)
    np.testing.assert_array_equal(from_ras(to_ras(array, affine), affine), array)
