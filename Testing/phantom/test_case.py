"""The made-up case is what it says: the same for the same seed, of the right contrast, and out of place by exactly what is told."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from FusionINNLib.phantom import case as phantom
from FusionINNLib.phantom.case import ADC_UNIT, LABELS, sample_case, small_case, write_sample_case
from FusionINNLib.phantom.head import Head, Tissue
from FusionINNLib.volumes.io import read_segmentation, read_volume
from FusionINNLib.volumes.volume import transform_points


@pytest.fixture(scope="module")
def case():
    return sample_case(0)


def sample_at(volume, points):
    """Nearest voxel values at RAS points, and which points lie on the grid."""
    ijk = np.rint(transform_points(np.linalg.inv(volume.affine), points)).astype(int)
    on_grid = np.all((ijk >= 0) & (ijk < volume.array.shape[::-1]), axis=1)
    i, j, k = np.where(on_grid[:, None], ijk, 0).T
    return volume.array[k, j, i], on_grid


def voxel_points(volume, chosen):
    """RAS points of the voxels where `chosen` (k, j, i) holds."""
    return transform_points(volume.affine, np.argwhere(chosen)[:, ::-1])


def core(case, label):
    """Voxels well inside a label, away from partial volume; of the thin rim, those that are at least not at its edge."""
    inside = case.segmentation.array == label
    in_plane = 1 if label == 4 else 2
    for axis, reach in ((1, in_plane), (2, in_plane), (0, 1)):
        for step in range(1, reach + 1):
            inside = inside & np.roll(inside, step, axis) & np.roll(inside, -step, axis)
    return inside


def median_in(case, label):
    """Median ADC and FLAIR in the middle of a label, the ADC looked up through the known misalignment."""
    points = voxel_points(case.second, core(case, label))
    assert len(points) > 20
    adc, on_grid = sample_at(case.first, transform_points(np.linalg.inv(case.truth.first_to_second), points))
    return np.median(adc[on_grid]), np.median(sample_at(case.second, points)[0])


def test_types_grids_and_units(case):
    assert case.first.array.dtype == case.second.array.dtype == np.int16
    assert case.segmentation.array.dtype == np.uint8
    assert case.first.unit == ADC_UNIT == "1e-6 mm2/s"
    assert case.segmentation.same_grid(case.second) and not case.first.same_grid(case.second)
    assert np.linalg.det(case.second.affine[:3, :3]) < 0 < np.linalg.det(case.first.affine[:3, :3])
    for volume in (case.first, case.second):
        assert np.count_nonzero(np.abs(volume.affine[:3, :3]) > 1e-3) > 3, f"{volume.name} is not oblique"
        assert volume.through_plane_axis == 0


def test_segmentation_has_all_labels(case):
    assert set(np.unique(case.segmentation.array)) == {0, *LABELS} == {0, *case.truth.labels}
    cavity, on_grid = sample_at(case.segmentation, np.array([case.truth.cavity_centre]))
    assert on_grid.all() and cavity[0] == 1


def test_fluid_is_bright_in_adc_and_dark_in_flair(case):
    adc, flair = median_in(case, 1)
    white = voxel_points(case.second, tissue_in_flair(case, Tissue.WHITE))
    white_flair = np.median(sample_at(case.second, white)[0])
    assert 2600 < adc < 3300
    assert flair < 0.5 * white_flair


def test_oedema_and_rim_are_bright_in_flair_and_differ_in_adc(case):
    white = voxel_points(case.second, tissue_in_flair(case, Tissue.WHITE))
    white_flair = np.median(sample_at(case.second, white)[0])
    white_adc = np.median(sample_at(case.first, transform_points(np.linalg.inv(case.truth.first_to_second), white))[0])
    oedema_adc, oedema_flair = median_in(case, 2)
    rim_adc, rim_flair = median_in(case, 4)
    assert min(oedema_flair, rim_flair) > 1.4 * white_flair
    assert oedema_adc > 1.3 * white_adc
    assert rim_adc < 0.95 * white_adc


def tissue_in_flair(case, tissue, every=3):
    """Voxels of the FLAIR (k, j, i) that are all one tissue, as the formula has it, on every third row and column."""
    chosen = np.zeros(case.second.array.shape, bool)
    k, j, i = np.meshgrid(*(np.arange(0, size, every) for size in chosen.shape), indexing="ij")
    points = transform_points(case.truth.head_from_second @ case.second.affine, np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    pure = case.truth.head.fractions(points, 4.0)[tissue] > 0.85
    chosen[k.ravel()[pure], j.ravel()[pure], i.ravel()[pure]] = True
    return chosen


def fluid_agreement(case, first_to_second):
    """Correlation of ADC with the amount of fluid that the formula has at the same place of the FLAIR's world."""
    k, j, i = np.meshgrid(*(np.arange(2, size - 2, 2) for size in case.first.array.shape), indexing="ij")
    ijk = np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1)
    head = transform_points(case.truth.head_from_second @ first_to_second @ case.first.affine, ijk)
    fractions = case.truth.head.fractions(head, 2.4)
    known = fractions[[Tissue.FLUID, Tissue.GREY, Tissue.WHITE, Tissue.CAVITY]].sum(axis=0) > 0.9
    adc = case.first.array[k.ravel(), j.ravel(), i.ravel()][known]
    return np.corrcoef(adc, fractions[[Tissue.FLUID, Tissue.CAVITY]].sum(axis=0)[known])[0, 1]


def test_truth_maps_the_same_anatomy_onto_itself(case):
    truth = case.truth.first_to_second
    with_truth = fluid_agreement(case, truth)
    assert with_truth > 0.94      # 0.97; without the motion 0.70, with the inverse 0.37
    assert with_truth > fluid_agreement(case, np.eye(4)) + 0.15
    assert with_truth > fluid_agreement(case, np.linalg.inv(truth)) + 0.4


def test_misalignment_is_small_and_rigid(case):
    truth = case.truth.first_to_second
    rotation = truth[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) > 0
    assert 1.5 < np.degrees(np.arccos((np.trace(rotation) - 1) / 2)) < 2.5
    centre = np.array([case.truth.cavity_centre])
    assert 1.0 < np.linalg.norm(transform_points(truth, centre) - centre) < 4.0


def test_same_seed_same_voxels_other_seed_other_voxels():
    once, again, other = small_case(seed=3), small_case(seed=3), small_case(seed=4)
    for name in ("first", "second", "segmentation"):
        assert np.array_equal(getattr(once, name).array, getattr(again, name).array)
        assert not np.array_equal(getattr(once, name).array, getattr(other, name).array)


def test_small_case_is_one_grid_of_the_asked_shape():
    case = small_case(shape=(12, 40, 36))
    assert case.first.array.shape == case.second.array.shape == case.segmentation.array.shape == (12, 40, 36)
    assert case.first.array.dtype == case.second.array.dtype == np.int16
    assert case.first.same_grid(case.second) and case.segmentation.same_grid(case.second)
    assert set(np.unique(case.segmentation.array)) >= {0, 1, 2}
    np.testing.assert_array_equal(case.truth.first_to_second, np.eye(4))


def test_fractions_sum_to_one_everywhere():
    points = np.random.default_rng(0).uniform(-130, 130, size=(4000, 3))
    fractions = Head(1).fractions(points, 1.5)
    np.testing.assert_allclose(fractions.sum(axis=0), 1.0, atol=1e-5)
    assert fractions.min() > -1e-6
    assert np.all(fractions[Tissue.AIR, np.linalg.norm(points, axis=1) > 125] == 1)


def test_noise_of_the_air_is_that_of_a_magnitude_image(case):
    air = case.second.array[:, :12, :12].astype(float)
    assert air.min() >= 0
    assert air.mean() / air.std() == pytest.approx(1.913, abs=0.1)      # Rayleigh


def test_written_case_reads_back(tmp_path):
    case = write_sample_case(tmp_path / "new", seed=1)
    for volume, name, read in ((case.first, "adc", read_volume), (case.second, "flair", read_volume),
                               (case.segmentation, "segmentation", read_segmentation)):
        back = read(tmp_path / "new" / f"{name}.nii.gz")
        np.testing.assert_array_equal(back.array, volume.array)
        assert back.array.dtype == volume.array.dtype
        np.testing.assert_allclose(back.affine, volume.affine, atol=1e-4)


def test_import_is_light():
    code = ("import sys, FusionINNLib.phantom.case; "
            "sys.exit(any(m in sys.modules for m in ('torch', 'slicer', 'scipy', 'SimpleITK', 'nibabel')))")
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(phantom.__file__).parents[2]).returncode == 0
