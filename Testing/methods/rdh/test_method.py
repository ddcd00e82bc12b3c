"""The way back from every copy that keeps the grey levels apart, exactly with the latent; what cannot be had is said."""
from dataclasses import replace

import numpy as np
import pytest

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.rdh.backward import ROUNDED
from FusionINNLib.methods.rdh.record import record_of
from FusionINNLib.phantom.case import small_case
from FusionINNLib.pipeline import decompose, estimate, fuse, preview, read_fused
from FusionINNLib.results.recipe import to_extension
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.io import read_volume, write_nifti
from FusionINNLib.volumes.volume import Volume
from training.robustness.damages import DAMAGES

MARGIN = ((0, 0), (8, 8), (8, 8))
DAMAGE = {damage.key: damage for damage in DAMAGES}


@pytest.fixture(scope="module")
def case():
    made = small_case((12, 72, 68))
    return tuple(replace(volume, array=np.pad(volume.array, MARGIN)) for volume in (made.first, made.second))


@pytest.fixture(scope="module")
def fusion(case):
    return fuse(*case, method="rdh")


@pytest.fixture(scope="module")
def undamaged(fusion):
    return estimate(fusion.fused, fusion.recipe)


@pytest.fixture(scope="module")
def by_levels(fusion):
    """The estimate from the grey levels alone."""
    grey = record_of(fusion.recipe).layout.grey
    return estimate(replace(fusion.fused, array=grey.to_values(np.rint(grey.to_levels(fusion.fused.array)))), fusion.recipe)


@pytest.fixture
def stored(fusion, tmp_path):
    """Writes a volume with the record of the fusion, and reads it as a user does."""
    def store(volume: Volume):
        write_nifti(volume, tmp_path / "fused.nii", extension=to_extension(fusion.recipe))
        return read_fused(tmp_path / "fused.nii")
    return store


def distance(volume: Volume, source: Volume) -> float:
    return float(np.sqrt(((volume.values - source.values) ** 2).mean()))


def test_an_estimate_is_nearer_than_the_fused_image_and_its_spread_is_right(fusion, undamaged):
    for guess, spread, source, n in ((undamaged.first, undamaged.first_spread, fusion.first, 0),
                                     (undamaged.second, undamaged.second_spread, fusion.second, 1)):
        record = fusion.recipe.sources[n]
        shown = record.normalization(0).undo(fusion.fused.array) * record.slope + record.intercept
        error = guess.values - source.values
        assert np.sqrt((error ** 2).mean()) < 0.2 * np.sqrt(((shown - source.values) ** 2).mean())
        assert 0.8 < np.sqrt((error ** 2).mean() / (spread.values ** 2).mean()) < 1.25
        inside = spread.values > 0
        assert 0.82 < (np.abs(error) <= 1.645 * spread.values)[inside].mean() < 0.98
    assert undamaged.trust is Trust.AS_WRITTEN and undamaged.warnings == ()


def test_the_fused_image_is_near_the_average_and_black_is_black(fusion):
    plain = fuse(fusion.first, fusion.second, method="average").fused.array
    apart = np.abs(fusion.fused.array - plain)
    assert apart.max() < 8 * plain.max() / 255 and apart.mean() < plain.max() / 255
    assert (fusion.fused.array[:, :4] == 0).all()


@pytest.mark.parametrize("key", ["bits16", "bits12", "bits10", "bits8", "gain10001", "gain102", "digits4", "offset", "gamma105", "flipped",
                                 "flipped_through", "turned", "permuted", "cropped", "padded"])
def test_copies_give_an_estimate_as_good_as_their_bits(key, fusion, undamaged, by_levels, stored):
    read = stored(DAMAGE[key].apply(fusion.fused))
    guess = estimate(read.fused, read.recipe)
    np.testing.assert_allclose(guess.first.affine, fusion.fused.affine)
    if key in ("flipped", "flipped_through", "turned", "permuted", "cropped", "padded"):
        np.testing.assert_array_equal(guess.first.array, undamaged.first.array)
        np.testing.assert_array_equal(guess.second_spread.array, undamaged.second_spread.array)
    elif key in ("bits8", "gamma105"):  # nothing between the levels is left, or it is not looked for
        np.testing.assert_allclose(guess.first.array, by_levels.first.array, rtol=0, atol=1e-6 * np.ptp(by_levels.first.array))
        np.testing.assert_allclose(guess.second_spread.array, by_levels.second_spread.array, rtol=1e-3, atol=1e-6)
    else:
        assert distance(guess.first, fusion.first) <= distance(by_levels.first, fusion.first)
    is_rounded = key.startswith("bits") or key in ("gain10001", "digits4")  # too little to reach another level
    assert read.trust is (Trust.ROUNDED if is_rounded else Trust.UNDONE)
    assert guess.warnings == ((ROUNDED,) if is_rounded or key in ("gain102", "offset", "gamma105") else ())
    assert any("since" in note or "other" in note or "order" in note for note in read.notes) == (not is_rounded)


def test_integers_that_lost_their_scale_are_read_as_well(fusion, by_levels, stored):
    eight = replace(DAMAGE["bits8"].apply(fusion.fused), slope=1.0, intercept=0.0)
    read = stored(eight)
    assert read.trust is Trust.UNDONE
    np.testing.assert_allclose(estimate(read.fused, read.recipe).second.array, by_levels.second.array, atol=1e-3)


@pytest.mark.parametrize("key", ["jpeg85", "noise10", "smooth10", "coarser15"])
def test_where_nothing_is_left_both_estimates_are_what_is_seen_and_say_so(key, fusion, stored):
    read = stored(DAMAGE[key].apply(fusion.fused))
    guess = estimate(read.fused, read.recipe)
    assert Trust.DAMAGED in (read.trust, guess.trust) and "checksums" in guess.warnings[0]
    first, second = (record.normalization(0).apply((volume.values - record.intercept) / record.slope)
                     for volume, record in zip((guess.first, guess.second), fusion.recipe.sources))
    np.testing.assert_allclose(first, second, atol=1e-4)
    error = guess.first.values - fusion.first.values
    assert 0.7 < np.sqrt((error ** 2).mean() / (guess.first_spread.values ** 2).mean()) < 1.4


def test_damage_in_one_place_leaves_the_rest(fusion, undamaged, stored):
    painted = fusion.fused.array.copy()
    painted[2:4, 10:16, 30:50] += np.float32(0.1)
    read = stored(replace(fusion.fused, array=painted))
    guess = estimate(read.fused, read.recipe)
    assert guess.trust is Trust.DAMAGED
    same = np.isclose(guess.first.array, undamaged.first.array, atol=1e-4 * np.ptp(undamaged.first.array))
    assert 0.3 < same[fusion.fused.array > 0.05].mean() < 1


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8", "int32", "float32", "float64"])
def test_the_sources_come_back_to_the_last_voxel(dtype, case):
    first, second = (replace(volume, array=(np.rint(volume.array * (200 / volume.array.max()))).astype(dtype)) for volume in case)
    made = fuse(first, second, method="rdh")
    for back, source in zip(decompose(made.fused, made.latent, made.recipe), (first, second)):
        assert back.array.dtype == source.array.dtype
        np.testing.assert_array_equal(back.array, source.array)


def test_all_16_bits_come_back_and_fractions_to_the_last_digits(case, tmp_path):
    random = np.random.default_rng(2)
    wide = replace(case[0], array=random.integers(-32768, 32768, case[0].shape).astype(np.int16))
    fine = replace(case[1], array=(random.random(case[1].shape) * 3).astype(np.float32))
    fine.array[0, 0, 0] = np.nan
    made = fuse(wide, fine, method="rdh", alignment="none")
    for volume, name in ((made.fused, "y.nii.gz"), (made.latent, "z.nii.gz")):
        write_nifti(volume, tmp_path / name)
    first, second = decompose(read_volume(tmp_path / "y.nii.gz"), read_volume(tmp_path / "z.nii.gz"), made.recipe)
    np.testing.assert_array_equal(first.array, wide.array)
    np.testing.assert_allclose(second.array, fine.array, rtol=0, atol=3e-7)


def test_an_image_of_8_bits_is_enough_for_the_exact_way_and_a_changed_one_is_refused(fusion, stored):
    read = stored(DAMAGE["bits8"].apply(fusion.fused))
    for back, source in zip(decompose(read.fused, fusion.latent, read.recipe), (fusion.first, fusion.second)):
        np.testing.assert_array_equal(back.array, source.array)
    changed = fusion.fused.array.copy()
    changed[6, 40, 40] += 0.01
    with pytest.raises(ResultError, match="changed since"):
        decompose(replace(fusion.fused, array=changed), fusion.latent, fusion.recipe)


def test_the_latent_shows_no_anatomy(fusion):
    inside = fusion.fused.array > 0.1
    latent, difference = fusion.latent.array[inside], (fusion.first.values - fusion.second.values)[inside]
    assert abs(np.corrcoef(latent, fusion.fused.array[inside])[0, 1]) < 0.1 and abs(np.corrcoef(latent, difference)[0, 1]) < 0.25


def test_some_slices_are_shown_as_the_whole_has_them(fusion, undamaged):
    shown = preview(fusion, [3, 7])
    np.testing.assert_array_equal(shown.estimate.first.array, undamaged.first.array[[3, 7]])
    np.testing.assert_array_equal(shown.exact[1].array, fusion.second.array[[3, 7]])


def test_a_resampled_or_cut_file_and_a_damaged_record_are_refused_in_words(fusion, stored):
    with pytest.raises(ResultError, match="cropped through the head"):
        stored(replace(fusion.fused, array=fusion.fused.array[:, 30:].copy(), affine=_moved(fusion.fused.affine, 30)))
    with pytest.raises(ResultError, match="resampled"):
        stored(replace(fusion.fused, array=fusion.fused.array[:, ::2].copy(), affine=fusion.fused.affine @ np.diag([1, 2, 1, 1])))
    for name in fusion.recipe.record:
        with pytest.raises(ResultError, match="record of the fusion is damaged"):
            record_of(replace(fusion.recipe, record={**fusion.recipe.record, name: "x"}))


def _moved(affine: np.ndarray, rows: int) -> np.ndarray:
    moved = affine.copy()
    moved[:3, 3] += rows * affine[:3, 1]
    return moved


def test_a_volume_of_one_slice_and_one_with_nothing_in_common(case):
    one, other = (replace(volume, array=volume.array[5:6]) for volume in case)
    made = fuse(one, other, method="rdh", alignment="none")
    np.testing.assert_array_equal(decompose(made.fused, made.latent, made.recipe)[0].array, one.array)
    assert estimate(made.fused, made.recipe).trust is Trust.AS_WRITTEN


def test_what_has_no_room_for_the_shortest_stream_is_fused_and_comes_back_all_the_same(case):
    random = np.random.default_rng(5)
    spots = [np.where(random.random((8, 20, 20)) > 0.999, bright, 0) for bright in (100, 50)]
    for arrays in (spots, ([[[3, 4]]], [[[5, 1]]])):
        first, second = (replace(case[0], array=np.array(array, np.int16)) for array in arrays)
        made = fuse(first, second, method="rdh", alignment="none")
        for back, source in zip(decompose(made.fused, made.latent, made.recipe), (first, second)):
            np.testing.assert_array_equal(back.array, source.array)
        guess = estimate(made.fused, made.recipe)
        for image, spread, source in ((guess.first, guess.first_spread, first), (guess.second, guess.second_spread, second)):
            assert (np.abs(image.array - source.array) <= 6 * spread.array + 1e-3 * source.array.max()).all()


def test_an_edit_where_nothing_is_hidden_is_told_too(fusion, undamaged, by_levels, stored):
    edited = fusion.fused.array.copy()
    assert (edited[:8, :8, :8] < 0.03).all(), "no cube that is coded"
    edited[3:5, 1:3, 1:4] = 0.5
    read = stored(replace(fusion.fused, array=edited))
    with pytest.raises(ResultError, match="changed since it was written"):
        decompose(read.fused, fusion.latent, read.recipe)
    guess = estimate(read.fused, read.recipe)
    assert guess.trust is Trust.DAMAGED and "dark parts" in guess.warnings[0]
    assert guess.first_spread.array[3, 1, 1] > 0 == undamaged.first_spread.array[3, 1, 1]
    np.testing.assert_array_equal(guess.second.array[:, 32:], undamaged.second.array[:, 32:])
    near = fusion.fused.array[8:, :32, :32] > 0.05  # in the edited tile: by the levels alone
    np.testing.assert_array_equal(guess.second.array[8:, :32, :32][near], by_levels.second.array[8:, :32, :32][near])


def test_the_latent_of_another_fusion_is_refused(fusion, case):
    other = fuse(case[0], replace(case[1], array=np.flip(case[1].array, 2).copy()), method="rdh", alignment="none")
    with pytest.raises(ResultError, match="latent image is not the one"):
        decompose(fusion.fused, other.latent, fusion.recipe)
