"""The Laplacian pyramid against pictures of the golden set, which another program made."""
from pathlib import Path

import numpy as np
import pytest
from skimage.io import imread

from FusionINNLib.methods import registry
from FusionINNLib.methods.classical import laplacian

GOLDEN = Path(__file__).parents[2] / "golden" / "synthetic" / "inputs"


@pytest.mark.parametrize("name, levels", [("synth_head_96x80", 4), ("synth_patches_48x48", 3), ("synth_edges_32x40", 3)])
def test_it_is_that_of_the_golden_set_to_the_pixel(name, levels, monkeypatch):
    monkeypatch.setattr(laplacian, "LEVELS", levels)
    first, second, expected = (imread(GOLDEN / f"{name}__{image}.png").astype(np.float64) for image in ("A", "B", "F_lap"))
    fused = registry.create("laplacian").fuse_slices(first[None], second[None])[0]
    np.testing.assert_array_equal(np.clip(np.floor(fused + 0.5), 0, 255), expected)
