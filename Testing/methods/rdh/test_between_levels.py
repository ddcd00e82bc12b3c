"""Two numbers on a curve, and what lies between grey levels: all of it as it was written, less with each bit that a copy lost."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.rdh import between_levels, plane_curve
from FusionINNLib.methods.rdh.record import record_of
from FusionINNLib.phantom.case import small_case
from FusionINNLib.pipeline import decompose, estimate, fuse, read_fused
from FusionINNLib.results.recipe import to_extension
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.io import read_volume, write_nifti
from training.robustness.damages import DAMAGES

RANDOM = np.random.default_rng(9)
RDH1 = Path(__file__).resolve().parents[2] / "golden" / "rdh1"
DAMAGE = {damage.key: damage for damage in DAMAGES}
MARGIN = ((0, 0), (8, 8), (8, 8))


@pytest.fixture(scope="module")
def fusion():
    made = small_case((24, 72, 68))
    return fuse(*(replace(volume, array=np.pad(volume.array, MARGIN)) for volume in (made.first, made.second)), method="rdh")


def errors(fusion, guess) -> list[tuple[np.ndarray, np.ndarray]]:
    """Errors and spreads of both sources in the head, as parts of their scales."""
    inside, found = fusion.fused.array > 0.03, []
    for image, spread, source, record in zip((guess.first, guess.second), (guess.first_spread, guess.second_spread),
                                             (fusion.first, fusion.second), fusion.recipe.sources):
        scale = abs(record.normalization(0).scale * record.slope)
        found.append(((image.values - source.values)[inside] / scale, spread.values[inside] / scale))
    return found


def sizes(fusion, guess) -> np.ndarray:
    return np.array([np.sqrt((error ** 2).mean()) for error, _ in errors(fusion, guess)])


def copied(fusion, key, folder):
    write_nifti(DAMAGE[key].apply(fusion.fused), folder / "fused.nii", extension=to_extension(fusion.recipe))
    read = read_fused(folder / "fused.nii")
    return estimate(read.fused, read.recipe)


def test_places_next_to_each_other_are_cells_next_to_each_other():
    cells = plane_curve._cells()
    assert (np.abs(np.diff(cells, axis=0)).sum(1) == 1).all() and len(np.unique(cells, axis=0)) == plane_curve.PLACES


def test_two_numbers_come_back_from_a_place_and_from_a_noisy_one_as_well_as_is_said():
    first, second = RANDOM.laplace(0, 0.2 / np.sqrt(2), 60000).clip(-1, 1), RANDOM.uniform(-1, 1, 60000)
    place = plane_curve.places(first, second)
    ratio, before = np.full(len(place), 0.2), 0.0
    for noise in (0.0, 30.0, 300.0, 3000.0):
        seen = np.clip(np.rint(place + RANDOM.uniform(-1, 1, len(place)) * np.sqrt(3) * noise), 0, plane_curve.PLACES - 1).astype(int)
        one, other, *variances = plane_curve.numbers(seen, noise, ratio)
        for truth, found, variance in ((first, one, variances[0]), (second, other, variances[1])):
            assert 0.85 < np.sqrt(((found - truth) ** 2).mean() / variance.mean()) < 1.15
        size = np.sqrt(((one - first) ** 2).mean())
        assert before < size < 0.2
        before = size
    assert np.abs(plane_curve.numbers(place, 0.0, ratio)[0] - first).max() < 4 / (plane_curve.SQUARES * plane_curve.SIDE)


def test_an_estimate_from_the_file_as_written_is_right_to_a_hundredth_everywhere(fusion):
    guess = estimate(fusion.fused, fusion.recipe)
    assert guess.trust is Trust.AS_WRITTEN
    for error, spread in errors(fusion, guess):
        assert np.abs(error).max() < 0.01 and 0.85 < np.sqrt((error ** 2).mean() / (spread ** 2).mean()) < 1.15
        assert 0.85 < (np.abs(error) <= 1.645 * spread).mean() < 0.95


def test_places_that_float32_cannot_tell_apart_are_in_the_spread(fusion):
    """A source beside its negative: nearly all of the head is as bright as .52 to .6, where steps of float32 are wider than places."""
    array = np.pad(small_case((16, 40, 40)).first.array / 1000, MARGIN).astype(np.float32)
    made = fuse(*(replace(fusion.first, array=one / array.max()) for one in (array, -array)), method="rdh", alignment="none")
    for error, spread in errors(made, estimate(made.fused, made.recipe)):
        assert 0.8 < np.sqrt((error ** 2).mean() / (spread ** 2).mean()) < 1.25


def test_each_bit_that_a_copy_lost_costs_something_and_is_in_the_spread(fusion, tmp_path):
    found = [sizes(fusion, estimate(fusion.fused, fusion.recipe))]
    for key in ("bits16", "bits12", "bits8"):
        guess = copied(fusion, key, tmp_path)
        found.append(sizes(fusion, guess))
        for error, spread in errors(fusion, guess):
            assert 0.7 < np.sqrt((error ** 2).mean() / (spread ** 2).mean()) < 1.4
        assert guess.trust is Trust.ROUNDED
    assert (np.diff(found, axis=0) > 0).all() and (found[1] < 0.4 * found[3]).all(), "16 bit is far better than 8"


@pytest.mark.parametrize("key", ["gain10001", "gain102", "offset"])
def test_a_gain_and_an_offset_are_found_and_undone_between_the_levels_too(key, fusion, tmp_path):
    guess = copied(fusion, key, tmp_path)
    assert (sizes(fusion, guess) < 1.5 * sizes(fusion, estimate(fusion.fused, fusion.recipe))).all()
    for error, spread in errors(fusion, guess):
        assert 0.7 < np.sqrt((error ** 2).mean() / (spread ** 2).mean()) < 1.4


@pytest.mark.parametrize("where", [slice(None), slice(32, 64)])
def test_noise_far_below_a_level_is_measured_where_it_is(where, fusion):
    noisy = fusion.fused.array.copy()
    noisy[:, where, where] += np.where(noisy[:, where, where] > 0, RANDOM.normal(0, 0.01 / 255, noisy[:, where, where].shape), 0)
    guess = estimate(replace(fusion.fused, array=noisy), fusion.recipe)
    for error, spread in errors(fusion, guess):
        assert 0.7 < np.sqrt((error ** 2).mean() / (spread ** 2).mean()) < 1.4


def test_what_was_changed_in_one_tile_costs_the_others_nothing(fusion):
    changed = fusion.fused.array.copy()
    changed[20, 40, 40] += np.float32(0.01 / 255)
    as_it_was, guess = (estimate(replace(fusion.fused, array=array), fusion.recipe) for array in (fusion.fused.array, changed))
    assert guess.trust is Trust.ROUNDED
    np.testing.assert_array_equal(guess.first.array[:, :32, :32], as_it_was.first.array[:, :32, :32])
    np.testing.assert_array_equal(guess.first_spread.array[:, :32, :32], as_it_was.first_spread.array[:, :32, :32])


def test_noise_in_one_tile_is_measured_in_that_tile(fusion):
    array = fusion.fused.array.copy()
    array[:, :32, 32:64] += np.where(array[:, :32, 32:64] > 0, RANDOM.normal(0, 0.02 / 255, (24, 32, 32)), 0).astype(np.float32)
    guess = estimate(replace(fusion.fused, array=array), fusion.recipe)
    noisy = replace(fusion, fused=replace(fusion.fused, array=np.pad(array[:, :32, 32:64], ((0, 0), (0, 56), (32, 20)))))
    for error, spread in errors(noisy, guess):
        assert 0.5 < np.sqrt((error ** 2).mean() / (spread ** 2).mean()) < 1.6, "known to a third, from the sums of one tile"


def test_nothing_is_written_where_a_copy_in_8_bit_would_lose_the_levels_by_it():
    levels = np.arange(256, dtype=np.uint8)
    assert between_levels.is_room(levels) and between_levels.is_room(levels[100:]) and not between_levels.is_room(levels[10:])
    case = small_case((12, 40, 40))
    bright = (replace(volume, array=volume.array[:, 14:22, 14:22] + volume.array.max() // 8) for volume in (case.first, case.second))
    made = fuse(*bright, method="rdh", alignment="none")
    record = record_of(made.recipe)
    assert record.between is None or between_levels.is_room(np.rint(record.layout.grey.to_levels(made.fused.array)).astype(np.uint8))
    assert estimate(made.fused, made.recipe).trust is Trust.AS_WRITTEN


@pytest.mark.parametrize("number", [np.nan, np.inf, -1e300])
def test_a_brightest_voxel_that_cannot_be_is_refused(number, fusion):
    record = fusion.recipe.record
    with pytest.raises(ResultError, match="record of the fusion is damaged"):
        record_of(replace(fusion.recipe, record={**record, "between": {**record["between"], "brightest": [0.0, number]}}))


def test_what_an_earlier_version_wrote_comes_back_as_it_did():
    stored, latent = read_fused(RDH1 / "fused.nii.gz"), read_volume(RDH1 / "latent.nii.gz")
    assert stored.trust is Trust.AS_WRITTEN and record_of(stored.recipe).between is None
    for back, name in zip(decompose(stored.fused, latent, stored.recipe), ("first", "second")):
        np.testing.assert_array_equal(back.array, read_volume(RDH1 / f"{name}.nii.gz").array)
    guess = estimate(stored.fused, stored.recipe)
    np.testing.assert_allclose(guess.first.array, read_volume(RDH1 / "first_estimated.nii.gz").array, atol=1e-3)
    assert guess.trust is Trust.AS_WRITTEN and guess.warnings == ()
