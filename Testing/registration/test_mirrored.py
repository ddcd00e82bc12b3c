"""A volume that is mirrored left to right is told, whichever way its axes run; one that is not is not."""
from dataclasses import replace

import numpy as np
import pytest
from making import AFFINES, volume

from FusionINNLib.registration.mirrored import mirrored_warning
from FusionINNLib.volumes.io import read_volume


def heads(affine):
    """Two contrasts of one head that is unlike on its two sides."""
    k, j, i = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 48), np.linspace(-1, 1, 52), indexing="ij")
    inside = (k / 1.2) ** 2 + (j / 0.9) ** 2 + (i / 0.8) ** 2 < 1
    tissue = 0.5 + 0.3 * np.sin(5 * i + 2 * j) * np.cos(4 * j - k) + np.random.default_rng(0).normal(scale=0.02, size=i.shape)
    return tuple(volume(np.where(inside, 1000 * one, 0).astype(np.int16), name, affine)
                 for one, name in ((tissue, "first"), (1.2 - tissue, "second")))


@pytest.mark.parametrize("affine, axis", [("lps", 2), ("oblique", 2), ("permuted", 1)])
def test_mirrored_volumes_are_told(affine, axis):
    first, second = heads(AFFINES[affine])
    assert mirrored_warning(first, second) == ()
    mirrored = replace(second, array=np.ascontiguousarray(np.flip(second.array, axis)))
    said = mirrored_warning(first, mirrored)
    assert len(said) == 1 and said[0].startswith("second fits first better") and "left to right" in said[0]


def test_contrasts_that_say_nothing_of_each_other_are_no_evidence():
    """Nearly noise: mirrored it fits better, by a few hundredths of a bit."""
    first, second = heads(AFFINES["lps"])
    other = np.flip(second.array, 2)
    noise = np.random.default_rng(1).normal(500, 200, other.shape) + 0.25 * other
    assert mirrored_warning(first, replace(second, array=np.where(other > 0, noise, 0).clip(0).astype(np.int16))) == ()


def test_few_real_slices_are_not_taken_for_mirrored(shared_folder):
    """Slabs of 8 slices of which the mirrored one fits 1.4 and 2.5 times as well, by hundredths of a bit."""
    for name, start in (("Brats18_CBICA_AQN_1", 70), ("Brats18_TCIA02_370_1", 120)):
        case = shared_folder / "data" / "brats18" / name
        slabs = [replace(whole, array=whole.array[start:start + 8]) for whole in (read_volume(case / "flair.nii.gz"),
                                                                                  read_volume(case / "t1ce.nii.gz"))]
        assert mirrored_warning(*slabs) == ()


def test_a_single_slice_across_has_no_sides():
    first, second = heads(AFFINES["lps"])
    assert mirrored_warning(*(replace(one, array=one.array[:, :, 25:26]) for one in (first, second))) == ()


def test_real_pairs(shared_folder):
    case = shared_folder / "data" / "openms" / "patient07"
    first, second = (read_volume(case / f"{name}.nii.gz") for name in ("flair", "t1ce"))
    assert mirrored_warning(first, second) == ()
    assert mirrored_warning(first, replace(second, array=np.ascontiguousarray(second.array[:, :, ::-1])))
