"""Normalisation: which value becomes 0 and 1, nothing clipped, and the way back in the stored type."""
import numpy as np
import pytest
from making import head, noise

from FusionINNLib.preprocessing.normalization import (
    SHOWN_AS,
    Normalization,
    bright_level,
    fit_slice,
    fit_tissue,
    fit_volume,
    kept_apart,
    scaled,
    tamed,
    without_extremes,
)

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4"]


def there_and_back(array, normalization):
    return normalization.undo_as(normalization.apply(array), array.dtype)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2"])
def test_what_is_not_finite_is_scaled_to_background(dtype):
    array = np.arange(60).reshape(3, 4, 5).astype(dtype)
    normalization = fit_volume(array)
    expected = normalization.apply(array)
    if array.dtype.kind == "f":
        array.flat[7:10], expected.flat[7:10] = (np.nan, np.inf, -np.inf), 0
    found = scaled(array, normalization)
    assert found.dtype == np.float32 and expected.any()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("fit", [fit_volume, fit_slice])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2"])
def test_all_values_of_narrow_integers_come_back(dtype, fit):
    array = noise(dtype, (20, 40, 50))
    back = there_and_back(array, fit(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("fit", [fit_volume, fit_slice])
@pytest.mark.parametrize("dtype, lowest", [("i4", 2 ** 31 - 65536), ("i4", -2 ** 31), ("u4", 2 ** 32 - 65536), ("i8", 2 ** 53 + 1),
                                           ("i8", -2 ** 63), ("i8", 2 ** 63 - 65536), ("u8", 2 ** 64 - 65536), ("i8", -30000)])
def test_wide_integers_far_from_zero_come_back(dtype, lowest, fit):
    array = (np.array([lowest], dtype) + noise("u2", (20, 40, 50)).astype(dtype)).astype(dtype)
    assert int(array.max()) - int(array.min()) == 65535
    np.testing.assert_array_equal(there_and_back(array, fit(array)), array)


@pytest.mark.parametrize("dtype", TYPES)
def test_what_lies_beyond_a_type_stays_at_its_end(dtype):
    limits = np.iinfo(dtype)
    back = Normalization(0.0, 1e12).undo_as(np.array([-1.0, 1.0]), np.dtype(dtype))
    assert back.tolist() == [limits.min, limits.max]


def test_the_whole_range_of_64_bits_comes_back_to_a_part_of_it():
    array = noise("i8", (4, 20, 20))
    back = there_and_back(array, fit_volume(array))
    assert np.abs(back.astype(float) - array.astype(float)).max() < 1e-7 * 2.0 ** 64


def test_zero_is_the_background_and_one_is_bright():
    array = head(shape=(12, 60, 64))
    normalization = fit_volume(array)
    assert normalization.offset == 0
    assert normalization.scale == pytest.approx(np.percentile(array[array > 45], 99.9), rel=0.01)
    assert bright_level(normalization.apply(array)) == pytest.approx(1.0, abs=0.01)


def test_a_few_negatives_of_a_skull_stripped_volume_do_not_shift_the_scale():
    array = head(np.float32, (12, 60, 64))
    plain = fit_volume(array)
    array[6, 30, 30:33] = -200.0
    with_negatives = fit_volume(array)
    assert with_negatives.offset == 0 and with_negatives.scale == pytest.approx(plain.scale, rel=1e-3)
    assert with_negatives.apply(array).min() < -0.1  # and nothing is clipped


def test_noise_around_a_head_starts_at_its_minimum():
    generator = np.random.default_rng(0)
    array = (head(np.float64, (12, 60, 64)) + np.abs(generator.normal(scale=6, size=(12, 60, 64)))).astype(np.int16)
    normalization = fit_volume(array)
    assert normalization.offset <= 1
    assert 700 < normalization.scale < 950


def test_a_saturated_volume_has_its_zero_below():
    array = np.full((6, 20, 20), 255, np.uint8)
    array[0, 0, :5] = [3, 10, 20, 30, 40]
    normalization = fit_volume(array)
    assert normalization.offset == 3 and normalization.scale == 252


def test_a_tiny_object_is_found():
    array = np.zeros((20, 60, 60), np.int16)
    array[10, 30, 30] = 700
    assert fit_volume(array) == Normalization(0.0, 700.0)


def wild(dtype, share: float, height: float) -> np.ndarray:
    """A head of 40..900 some of whose voxels are as bright as `height`, all over."""
    array = head(dtype, (12, 60, 64))
    inside = np.flatnonzero(array)
    array.flat[np.random.default_rng(3).choice(inside, max(1, round(share * inside.size)), replace=False)] = height
    return array


@pytest.mark.parametrize("share, height", [(0.0005, 30000), (0.004, 9000), (0.02, 9000), (0.04, 9000)])
@pytest.mark.parametrize("dtype", ["i2", "f4", "i8"])
def test_wild_voxels_leave_the_scale_to_the_tissue(dtype, share, height):
    plain, array = fit_volume(head(dtype, (12, 60, 64))), wild(dtype, share, height)
    tissue = fit_tissue(array)
    assert tissue.normalization.offset == plain.offset and tissue.normalization.scale == pytest.approx(plain.scale, rel=0.05)
    apart = kept_apart(array, tissue)
    np.testing.assert_array_equal(apart, array == height)
    entering = scaled(tamed(array, tissue, apart), tissue.normalization)
    assert entering[apart] == pytest.approx(SHOWN_AS, abs=0.01) and np.abs(entering).max() <= SHOWN_AS + 0.01


@pytest.mark.parametrize("dtype, value", [("i2", -32768), ("f4", -1e10), ("f4", 1e20), ("i4", 2 ** 30), ("f8", -9999.0)])
def test_padding_is_background(dtype, value):
    array = head(dtype, (12, 60, 64))
    outside = array == 0
    array[outside] = value
    tissue = fit_tissue(array)
    entering = scaled(tamed(array, tissue, kept_apart(array, tissue)), tissue.normalization)
    assert tissue.padding == pytest.approx((value,)) and (entering[outside] == 0).all()
    assert 0.9 < np.percentile(entering[~outside], 99.9) < 1.1 and entering.min() == 0


def test_failed_fits_far_below_do_not_shift_the_scale():
    generator = np.random.default_rng(0)
    array = (head(np.float64, (12, 60, 64)) + np.abs(generator.normal(scale=6, size=(12, 60, 64)))).astype(np.int16)
    plain = fit_volume(array)
    array[6, 30, 30:33] = -30000
    tissue = fit_tissue(array)
    assert abs(tissue.normalization.offset - plain.offset) <= 1 and tissue.normalization.scale == pytest.approx(plain.scale, rel=0.01)
    assert np.count_nonzero(kept_apart(array, tissue)) == 3


def test_an_ordinary_volume_is_left_alone():
    array = head(np.int16, (12, 60, 64), top=100)
    array[5, 30, 30] = 350  # more than three times brighter than the rest: a vessel, as real volumes have it
    tissue = fit_tissue(array)
    assert (tissue.padding, tissue.low, tissue.high) == ((), None, None)
    assert without_extremes(array) is array


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_not_finite_is_left_out(dtype):
    array = head(dtype, (12, 60, 64))
    plain = fit_volume(array)
    array[3, 20:30, 20], array[3, 5, 5], array[3, 5, 6] = np.nan, np.inf, -np.inf
    holes = fit_volume(array)
    assert np.isfinite([holes.offset, holes.scale]).all()
    assert (holes.offset, holes.scale) == (plain.offset, pytest.approx(plain.scale, rel=0.01))
    assert fit_slice(np.full((4, 4), np.nan)) == Normalization(0.0, 1.0)


@pytest.mark.parametrize("dtype", ["i2", "f4", "i8"])
def test_a_constant_slice_becomes_zero_and_keeps_its_unit(dtype):
    part = np.full((5, 6), 7, dtype)
    normalization = fit_slice(part)
    assert (normalization.apply(part) == 0).all() and normalization.scale == 1
    np.testing.assert_array_equal(there_and_back(part, normalization), part)
    assert np.isfinite(fit_volume(part).scale)


def test_bool_comes_back():
    array = head() > 400
    back = there_and_back(array, fit_volume(array))
    assert back.dtype == bool
    np.testing.assert_array_equal(back, array)


def test_overshoot_below_the_background_makes_no_wild_voxels_of_a_head():
    """Splines ring: a minimum far below a background of zeros, and a head that fills less than a quarter of the volume."""
    stored = np.zeros((20, 40, 40), np.float32)
    stored[5:15, 10:28, 10:28] = 300 + 100 * np.random.default_rng(0).random((10, 18, 18), np.float32)
    stored[3:5, 8:30, 8:30] = -60 * np.random.default_rng(1).random((2, 22, 22), np.float32)
    tissue = fit_tissue(stored)
    assert not kept_apart(stored, tissue).any()
    assert tissue.normalization.offset == stored.min() and abs(tissue.normalization.offset + tissue.normalization.scale - 400) < 5


def test_a_spline_makes_no_wild_voxels_of_a_head():
    """Resampled by a spline no background voxel is exactly 0, and the minimum lies far below it: a bright tumour stays tissue."""
    from scipy.ndimage import zoom

    stored = np.zeros((24, 60, 60), np.float32)
    stored[4:20, 15:42, 15:42] = 60 + 100 * np.random.default_rng(0).random((16, 27, 27), np.float32)
    stored[8:16, 15:27, 15:27] = 600  # at the border of the head
    resampled = zoom(stored, 0.9, order=3)
    tissue = fit_tissue(resampled)
    assert (resampled != 0).mean() > 0.95 and resampled.min() < -50, "else this shows nothing"
    assert not kept_apart(resampled, tissue).any() and tissue.normalization.scale + tissue.normalization.offset > 500
