"""Bringing volumes together: known motions are found, and what can't be believed is not."""
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from FusionINNLib.errors import Cancelled, GeometryError, InputError
from FusionINNLib.registration import alignment
from FusionINNLib.registration.alignment import align, motion, patients_differ, resample_labels
from FusionINNLib.registration.resampling import onto_grid
from FusionINNLib.registration.rigid import find_head
from FusionINNLib.volumes.io import read_volume
from FusionINNLib.volumes.volume import Volume, transform_points


@pytest.fixture(autouse=True)
def threads_as_before():
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    yield
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _rigid(shift, degrees, centre=(0, 0, 0)) -> np.ndarray:
    """Rotation about x, y, then z through `centre`, then the shift; RAS mm."""
    euler = sitk.Euler3DTransform(centre, *[float(x) for x in np.radians(degrees)], shift)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(euler.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = euler.TransformPoint((0.0, 0.0, 0.0))
    return matrix


def _head(affine: np.ndarray, shape: tuple[int, int, int], contrast: int) -> Volume:
    """An unsymmetric head of some ellipsoids on any grid; contrast 0 and 1 differ as ADC and FLAIR do."""
    k, j, i = np.meshgrid(*(np.arange(size, dtype=np.float64) for size in shape), indexing="ij")
    x, y, z = transform_points(affine, np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1)).T
    values = np.zeros(x.shape)
    parts = [((0, 0, 0), (62, 75, 58), (80, 50)), ((0, 2, 2), (52, 64, 48), (45, 75)), ((14, 8, 6), (7, 26, 9), (130, 15)),
             ((-14, 4, 8), (9, 22, 10), (130, 15)), ((26, -34, 12), (12, 9, 11), (100, 120)), ((-30, 30, -16), (8, 12, 7), (60, 95)),
             ((5, 40, 20), (5, 5, 12), (20, 30))]
    for centre, radii, levels in parts:
        inside = sum(((p - c) / r) ** 2 for p, c, r in zip((x, y, z), centre, radii)) < 1
        values[inside] = levels[contrast]
    values[values > 0] += np.random.default_rng(contrast).normal(0, 2, np.count_nonzero(values))
    return Volume(values.reshape(shape).astype(np.float32), affine, ("adc", "flair")[contrast])


def _grid(spacing, shape_kji) -> np.ndarray:
    """An oblique, left-handed grid with the origin in its middle."""
    affine = np.eye(4)
    affine[:3, :3] = _rigid((0, 0, 0), (6, -4, 5))[:3, :3] @ np.diag([-1, 1, 1]) * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape_kji)[::-1] - 1) / 2)
    return affine


@pytest.fixture(scope="module")
def pair() -> tuple[Volume, Volume]:
    """(reference: 1.2 x 1.2 x 5 mm, moving: 2.4 mm) of one head, in place."""
    thick, fine = (30, 150, 140), (64, 70, 66)
    return _head(_grid((1.2, 1.2, 5.0), thick), thick, 1), _head(_grid((2.4, 2.4, 2.4), fine), fine, 0)


def _errors(found: np.ndarray, truth: np.ndarray, reference: Volume) -> tuple[float, float]:
    points = find_head(reference).points
    return (float(np.linalg.norm(transform_points(found, points) - transform_points(truth, points), axis=1).max()),
            motion(np.linalg.inv(truth) @ found, points)[1])


@pytest.mark.parametrize("shift, degrees", [((4, 0, 0), (0, 0, 5)), ((-3, 6, -5), (5, 3, -4)), ((0, 8, -6), (0, 8, 3))])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_known_motion_is_found(pair, shift, degrees, swapped):
    reference, moving = pair[::-1] if swapped else pair
    truth = _rigid(shift, degrees, (10, -5, 3))
    done = align(reference, replace(moving, affine=truth @ moving.affine))
    assert done.mode == "rigid" and done.resampled and done.similarity_after > done.similarity_before
    apart, angle = _errors(done.transform, truth, reference)
    assert apart < 1 and angle < 1
    assert done.shift_mm == pytest.approx(motion(truth, find_head(reference).points)[0], abs=1)
    assert done.volume.same_grid(reference) and done.volume.array.dtype == np.float32
    in_place = align(reference, moving, "header").volume.array
    assert np.corrcoef(done.volume.array.ravel(), in_place.ravel())[0, 1] > 0.97


def test_the_result_depends_neither_on_threads_nor_on_the_run(pair):
    reference, moving = pair
    moved = replace(moving, affine=_rigid((3, 2, 1), (2, 0, 3)) @ moving.affine)
    found = []
    for threads in (1, 2, 2):
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        found.append(align(reference, moved))
    for other in found[1:]:
        np.testing.assert_array_equal(other.transform, found[0].transform)
        np.testing.assert_array_equal(other.volume.array, found[0].volume.array)


def test_right_headers_are_kept(pair):
    done = align(*pair)
    assert done.mode == "header" and done.resampled and any("nothing worth correcting" in text for text in done.warnings)
    np.testing.assert_array_equal(done.transform, np.eye(4))
    np.testing.assert_array_equal(done.volume.array, align(*pair, "header").volume.array)


def test_an_absurd_or_failed_registration_is_dropped(pair, monkeypatch):
    monkeypatch.setattr(alignment, "register_rigid", lambda *_: _rigid((0, 0, 0), (0, 0, 90)))
    done = align(*pair)
    assert done.mode == "header" and "absurd" in done.warnings[-1]

    def failing(*_):
        raise RuntimeError("all samples map outside moving image buffer")
    monkeypatch.setattr(alignment, "register_rigid", failing)
    done = align(*pair)
    assert done.mode == "header" and "failed" in done.warnings[-1]
    monkeypatch.setattr(alignment, "register_rigid", lambda *_: _rigid((8, 0, 0), (0, 0, 0)))
    done = align(*pair)
    assert done.mode == "header" and "nothing worth" in done.warnings[-1]


def test_the_same_grid_is_left_alone(pair):
    reference = pair[0]
    moving = replace(reference, array=(reference.array * 10).astype(np.int16), name="adc")
    for mode, said in (("auto", "none"), ("none", "none"), ("header", "header"), ("rigid", "header")):
        done = align(reference, moving, mode)
        assert done.volume is moving and done.mode == said and not done.resampled, mode
        assert done.shift_mm == 0 and done.similarity_after == done.similarity_before > 0.5


def test_onto_a_grid_without_interpolation(pair):
    """The very object, one with other axes, or nothing."""
    reference = pair[1]
    assert onto_grid(reference, reference) is reference
    affine = reference.affine.copy()
    affine[:3, 3] += affine[:3, 1] * (reference.shape[1] - 1)
    affine[:3, 1] *= -1
    turned = replace(reference, array=np.ascontiguousarray(reference.array[:, ::-1]), affine=affine)
    back = onto_grid(turned, reference)
    assert back.same_grid(reference) and back.array.tobytes() == reference.array.tobytes()
    shifted = reference.affine.copy()
    shifted[0, 3] += 0.5
    assert onto_grid(replace(reference, affine=shifted), reference) is None


def test_other_axes_on_the_same_voxels_are_reordered_exactly(pair):
    reference = pair[1]
    array = (reference.array * 10).astype(np.int16)
    affine = reference.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (array.shape[2] - 1)
    affine[:3, 0] *= -1
    turned = Volume(np.ascontiguousarray(array[:, :, ::-1].transpose(2, 0, 1)), affine[:, [1, 2, 0, 3]], "adc", slope=0.1)
    # (k, j, i) of the turned volume are (i, k, j) of the reference.
    done = align(reference, turned)
    assert done.mode == "none" and not done.resampled and "reordered" in done.warnings[0]
    assert done.volume.array.dtype == np.int16 and done.volume.slope == 0.1
    np.testing.assert_array_equal(done.volume.array, array)


def test_refusals(pair):
    reference, moving = pair
    with pytest.raises(GeometryError, match="different grids"):
        align(reference, moving, "none")
    with pytest.raises(InputError, match="auto, none, header, rigid"):
        align(reference, moving, "magic")
    for away in (110, 400):
        with pytest.raises(GeometryError, match="apart"):
            align(reference, replace(moving, affine=_rigid((0, 0, away), (0, 0, 0)) @ moving.affine), "header")


def test_cancel_passes_through(pair):
    reference, moving = pair
    said = []

    def stop(fraction, text):
        said.append(fraction)
        if len(said) == 3:
            raise Cancelled("Stopped.")
    with pytest.raises(Cancelled):
        align(reference, moving, "rigid", stop)
    assert len(said) == 3 and 0 <= said[0] <= said[-1] <= 1


def test_resampling_keeps_a_ramp_and_fills_with_background():
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    k, j, i = np.meshgrid(np.arange(12.0), np.arange(14.0), np.arange(16.0), indexing="ij")
    ramp = Volume(((i + 2 * j - 3 * k) * 10).astype(np.int16), affine, "ramp", slope=0.5, intercept=100.0)
    finer = affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    finer[:3, 3] = (3, 4, 5)
    reference = Volume(np.random.default_rng(0).normal(size=(6, 7, 8)), finer, "x")
    done = align(reference, ramp, "header")
    kk, jj, ii = np.meshgrid(np.arange(6.0), np.arange(7.0), np.arange(8.0), indexing="ij")
    expected = ((ii + 3) / 2 + 2 * (jj + 4) / 2 - 3 * (kk + 5) / 2) * 10 * 0.5 + 100
    np.testing.assert_allclose(done.volume.array, expected, atol=1e-3)
    assert not done.volume.is_scaled and any("coarser" in text for text in done.warnings)


def test_nan_does_not_spread(pair):
    reference, moving = pair
    array = moving.array.copy()
    array[30, 30, 30] = np.nan
    done = align(reference, replace(moving, array=array), "header")
    assert np.isfinite(done.volume.array).all()


def test_labels_by_nearest_neighbour(pair):
    reference, moving = pair
    labels = replace(moving, array=np.where(moving.array > 100, 4, 0).astype(np.uint8), name="seg")
    done = resample_labels(labels, reference)
    assert done.array.dtype == np.uint8 and set(np.unique(done.array)) == {0, 4} and "resampled" in done.notes[-1]
    volume_mm3 = [np.count_nonzero(v.array) * np.prod(v.spacing_ijk_mm) for v in (labels, done)]
    assert volume_mm3[1] == pytest.approx(volume_mm3[0], rel=0.1)
    assert resample_labels(done, reference) is done
    away = replace(labels, affine=_rigid((500, 0, 0), (0, 0, 0)) @ labels.affine)
    assert "none of the segmentation" in resample_labels(away, reference).notes[-1]


def _named(file: str, *folders: str, **tags) -> Volume:
    return Volume(np.zeros((2, 2, 2)), np.eye(4), file.split(".")[0], identity={"file": file, "folders": folders, **tags})


@pytest.mark.parametrize("a, b", [
    (_named("sub-001_adc.nii.gz"), _named("sub-002_flair.nii.gz")),
    (_named("flair.nii.gz", "sub-001"), _named("sub-002_adc.nii.gz")),
    (_named("flair.nii.gz", "Brats18_TCIA01_378_1"), _named("t1ce.nii.gz", "Brats18_TCIA02_135_1")),
    (_named("Brats18_2013_3_1_flair.nii.gz"), _named("Brats18_2013_20_1_t1ce.nii.gz")),
    (_named("BraTS-GLI-00005-000-t1n.nii.gz"), _named("BraTS-GLI-00007-000-t2f.nii.gz")),
    (_named("TCGA_CS_4941_19960909_flair.nii"), _named("TCGA_CS_4942_19960909_flair.nii")),
    (_named("UPENN-GBM-00001_11_FLAIR.nii.gz"), _named("UPENN-GBM-00002_11_T1.nii.gz")),
    (_named("flair.nii", "patient07"), _named("t1.nii", "patient08")),
    (_named("adc_20200131.nii"), _named("flair_2020-03-01.nii")),
    (_named("adc.nii", "anat", "ses-pre", "sub-1"), _named("flair.nii", "anat", "ses-post", "sub-1")),
    (_named("a", patient_id="1"), _named("b", patient_id="2")),
    (_named("a", patient_id="1", study_date="20200101"), _named("b", patient_id="1", study_date="20200102")),
    (_named("a", study_uid="1.2"), _named("b", study_uid="1.3")),
])
def test_different_patients_are_noticed_without_naming_them(a, b):
    for first, second in ((a, b), (b, a)):
        sentence = patients_differ(first, second)
        assert sentence and sentence.endswith(".")
        assert not any(character.isdigit() for character in sentence)


@pytest.mark.parametrize("a, b", [
    (_named("t1ce.nii.gz", "Brats18_TCIA01_378_1"), _named("flair.nii.gz", "Brats18_TCIA01_378_1")),
    (_named("sub-01_adc.nii.gz"), _named("sub-01_flair.nii.gz")),
    (_named("sub-01_adc.nii.gz"), _named("flair.nii.gz")),
    (_named("003_ADC.nii.gz"), _named("007_FLAIR.nii.gz")),
    (_named("T1.nii", "data"), _named("T2.nii", "data2")),
    (_named("Brats18_2013_20_1_flair_reg.nii.gz"), _named("Brats18_2013_20_1_t1ce.nii.gz")),
    (_named("BraTS20_Training_001_flair.nii"), _named("BraTS20_Training_001_t1ce.nii")),
    (_named("BraTS-GLI-00005-000-t1n.nii.gz"), _named("BraTS-GLI-00005-000-t2f.nii.gz")),
    (_named("UCSF-PDGM-0004_ADC.nii.gz"), _named("UCSF-PDGM-0004_FLAIR_bias.nii.gz")),
    (_named("head_20200131101112_3.nii"), _named("head_20200131111213_5.nii")),
    (_named("a", patient_id="1", study_uid="1.2"), _named("b", patient_id="1", study_uid="1.2")),
    (_named("adc"), _named("flair", patient_id="7")),
])
def test_the_same_patient_is_not_suspected(a, b):
    assert patients_differ(a, b) is None and patients_differ(b, a) is None


def test_isles_headers_agree_within_a_voxel_and_known_motions_are_found(shared_folder):
    folder = shared_folder / "data" / "isles22" / "sub-strokecase0009"
    flair, adc = read_volume(folder / "flair.nii.gz"), read_volume(folder / "adc.nii.gz")
    asis = align(flair, adc)
    assert asis.shift_mm < 2 and asis.rotation_deg < 1.5 and asis.similarity_after >= asis.similarity_before
    for shift, degrees in (((4, 0, 0), (0, 0, 5)), ((0, 8, -6), (0, 8, 3))):
        truth = _rigid(shift, degrees, (0, -20, 10))
        done = align(flair, replace(adc, affine=truth @ adc.affine))
        apart, angle = _errors(done.transform, truth @ asis.transform, flair)
        assert done.mode == "rigid" and apart < 1 and angle < 1


def test_brats_offset_is_found(shared_folder):
    folder = shared_folder / "data" / "brats18" / "Brats18_2013_3_1"
    flair, t1ce = read_volume(folder / "flair.nii.gz"), read_volume(folder / "t1ce.nii.gz")
    assert align(flair, t1ce).volume is t1ce
    truth = _rigid((3, -5, 4), (3, 0, -4), (-120, 120, 75))
    done = align(flair, replace(t1ce, affine=truth @ t1ce.affine))
    apart, angle = _errors(done.transform, truth, flair)
    assert done.mode == "rigid" and apart < 1 and angle < 1
