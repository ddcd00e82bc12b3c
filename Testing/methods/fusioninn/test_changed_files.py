"""An estimate from a file that somebody turned, scaled, rounded or damaged: undone where that can be, with a spread that is right, and
told."""
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import ResultError
from FusionINNLib.methods.fusioninn.record import FusionRecord, record_of
from FusionINNLib.methods.fusioninn.sketch import PROJECTIONS, from_text, projections
from FusionINNLib.methods.fusioninn.written_scale import is_as_written, rounding_step
from FusionINNLib.phantom.case import small_case
from FusionINNLib.pipeline import decompose, estimate, fuse, read_fused
from FusionINNLib.results.folder import InputFile, write_estimate
from FusionINNLib.results.recipe import to_extension
from FusionINNLib.results.trust import worst
from FusionINNLib.volumes.io import write_nifti
from FusionINNLib.volumes.volume import Volume

MARGIN = 12  # voxels of background that are put around the made-up head, which else reaches the edges


@pytest.fixture(scope="module")
def fusion():
    """A made-up head with background around it, fused by the model that the program brings."""
    return fuse_within((4, 72, 72), ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))


def fuse_within(shape: tuple[int, int, int], margins: tuple[tuple[int, int], ...]):
    case = small_case(shape)
    return fuse(*(replace(volume, array=np.pad(volume.array, margins)) for volume in (case.first, case.second)), device="cpu")


@pytest.fixture
def stored(fusion, tmp_path):
    """Writes a volume with the record of the fusion, or one without what records of format 1 lack, and reads it again."""
    def store(volume: Volume, older: bool = False):
        recipe = fusion.recipe
        if older:
            recipe = replace(recipe, record=FusionRecord(record_of(recipe).boxes, record_of(recipe).background).to_dict())
        write_nifti(volume, tmp_path / "fused.nii", extension=to_extension(recipe))
        return read_fused(tmp_path / "fused.nii")
    return store


def turned(volume: Volume, axes: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    """Array axes in another order, then some of them flipped; every voxel stays where it is in the patient."""
    array = volume.array.transpose(axes)
    affine = volume.affine[:, [*(2 - axes[2 - column] for column in range(3)), 3]].copy()
    for axis in flips:
        array = np.flip(array, axis)
        affine[:3, 3] += affine[:3, 2 - axis] * (array.shape[axis] - 1)
        affine[:3, 2 - axis] *= -1
    return replace(volume, array=np.ascontiguousarray(array), affine=affine)


def cropped(volume: Volume, part: tuple[slice, ...]) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += sum(affine[:3, 2 - axis] * one.start for axis, one in enumerate(part) if one.start)
    return replace(volume, array=np.ascontiguousarray(volume.array[part]), affine=affine)


# ---- as written --------------------------------------------------------------------------------------------------------------------


def test_what_nobody_touched_is_the_very_same(fusion, stored):
    read = stored(fusion.fused)
    np.testing.assert_array_equal(read.fused.array, fusion.fused.array)
    assert all("unusual voxels" in note for note in read.notes), "its slices are thick"
    assert is_as_written(read.fused.array) and rounding_step(read.fused.array) == 0
    record = record_of(fusion.recipe)
    older = replace(fusion.recipe, record=FusionRecord(record.boxes, record.background, spots=record.spots).to_dict())
    with_, without = (estimate(read.fused, recipe, samples=2, device="cpu") for recipe in (read.recipe, older))
    assert with_.warnings == without.warnings == ()
    for name in ("first", "second", "first_spread", "second_spread", "cycle_error"):
        np.testing.assert_array_equal(getattr(with_, name).array, getattr(without, name).array)


def test_the_record_reads_back_and_holds_no_more_than_it_says(fusion):
    record, count = record_of(fusion.recipe), fusion.recipe.shape[fusion.recipe.axis]
    text = record.sketches.to_text()
    assert len(text) < 350 * count and json.loads(json.dumps(fusion.recipe.to_dict())) == fusion.recipe.to_dict()
    again = from_text(text, count)
    np.testing.assert_allclose(again.projections, record.sketches.projections, atol=1e-4)
    np.testing.assert_array_equal(again.checksums, record.sketches.checksums)
    for wrong in (text[:-4], "!" + text[1:], 7):
        with pytest.raises(ResultError, match="damaged"):
            record_of(replace(fusion.recipe, record=fusion.recipe.record | {"sketches": wrong}))


def test_exact_decomposition_does_not_need_what_is_new_in_the_record(fusion):
    older = replace(fusion.recipe, record=FusionRecord(record_of(fusion.recipe).boxes, record_of(fusion.recipe).background).to_dict())
    for found, source in zip(decompose(fusion.fused, fusion.latent, older, device="cpu"), (fusion.first, fusion.second)):
        np.testing.assert_array_equal(found.array, source.array)


def test_projections_measure_the_difference_of_images():
    generator = np.random.default_rng(0)
    one, ratios = generator.random((1, 40, 52)), []
    for number in range(30):
        other = one + 0.01 * generator.standard_normal(one.shape)
        differences = projections(one, number) - projections(other, number)
        ratios.append((differences ** 2).mean() / ((one - other) ** 2).mean())
    assert np.mean(ratios) == pytest.approx(1, abs=0.2) and differences.shape == (1, PROJECTIONS)
    assert not np.allclose(projections(one, 1), projections(one, 2))
    np.testing.assert_allclose(projections(one, 1, 16), projections(one, 1)[:, :16], rtol=1e-5)  # records may hold fewer


# ---- grids -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes, flips", [((0, 1, 2), (2,)), ((0, 1, 2), (1, 2)), ((0, 2, 1), ()), ((0, 2, 1), (1,)), ((2, 0, 1), (0,)),
                                         ((0, 1, 2), (0,))])
def test_a_turned_file_is_turned_back(axes, flips, fusion, stored):
    read = stored(turned(fusion.fused, axes, flips))
    np.testing.assert_array_equal(read.fused.array, fusion.fused.array)
    np.testing.assert_allclose(read.fused.affine, fusion.fused.affine, atol=1e-4)
    assert any("turned or flipped" in note for note in read.notes)


@pytest.mark.parametrize("axes, flips", [((0, 1, 2), (2,)), ((0, 1, 2), (1, 2)), ((0, 2, 1), ()), ((2, 0, 1), (0,))])
def test_the_boxes_of_an_older_record_tell_the_orientation(axes, flips, tmp_path):
    fusion = fuse_within((3, 48, 48), ((0, 2), (50, 6), (20, 36)))
    older = replace(fusion.recipe, record=FusionRecord(record_of(fusion.recipe).boxes, record_of(fusion.recipe).background).to_dict())
    for volume, is_turned in ((fusion.fused, False), (turned(fusion.fused, axes, flips), True)):
        write_nifti(volume, tmp_path / "fused.nii", extension=to_extension(older))
        read = read_fused(tmp_path / "fused.nii")
        np.testing.assert_array_equal(read.fused.array, fusion.fused.array)
        assert any("turned or flipped" in note for note in read.notes) == is_turned


def test_a_cropped_file_is_put_back_where_it_was(fusion, stored):
    read = stored(cropped(fusion.fused, (slice(0, 4), slice(3, 94), slice(5, 96))))
    assert np.abs(read.fused.array - fusion.fused.array).max() < 1e-8  # what is missing was black, not nothing
    assert any("cropped or padded" in note for note in read.notes)
    wide = np.pad(fusion.fused.array, ((1, 0), (2, 3), (0, 4)))
    affine = fusion.fused.affine.copy()
    affine[:3, 3] -= affine[:3, 2] + 2 * affine[:3, 1]
    np.testing.assert_array_equal(stored(replace(fusion.fused, array=wide, affine=affine)).fused.array, fusion.fused.array)


@pytest.mark.parametrize("what, words", [("through the head", "cropped through the head"), ("nothing", "nothing was fused"),
                                         ("resampled", "resampled onto another grid"), ("older", "cropped or resampled")])
def test_what_cannot_be_put_back_is_refused_with_the_remedy(what, words, fusion, stored):
    parts = {"through the head": (slice(0, 4), slice(0, 48), slice(0, 96)), "nothing": (slice(0, 4), slice(0, 8), slice(0, 8)),
             "older": (slice(0, 4), slice(3, 94), slice(5, 96))}
    changed = cropped(fusion.fused, parts[what]) if what in parts else fusion.fused
    affine = changed.affine.copy()
    if what == "nothing":
        affine[:3, 3] += 200 * affine[:3, 0]
    if what == "resampled":
        changed, affine = replace(changed, array=np.ascontiguousarray(changed.array[:, ::2, ::2])), affine @ np.diag([2, 2, 1, 1.0])
    with pytest.raises(ResultError, match=words + ".*on the grid it was written on"):
        stored(replace(changed, affine=affine), older=what == "older")


def test_a_header_that_was_moved_changes_nothing(fusion, stored):
    """Voxels in their order on a grid that a transform moved: they are what was written."""
    affine = fusion.fused.affine.copy()
    affine[:3, 3] += (3.3, -2.1, 0.4)
    read = stored(replace(fusion.fused, affine=affine))
    np.testing.assert_array_equal(read.fused.array, fusion.fused.array)
    np.testing.assert_allclose(read.fused.affine, affine, atol=1e-4)


# ---- scales ------------------------------------------------------------------------------------------------------------------------


def test_what_an_offset_took_near_black_is_in_the_spread(fusion, stored):
    """It is undone, but beside it float32 had no room for what black and nearly black voxels hid."""
    read = stored(replace(fusion.fused, array=fusion.fused.array + np.float32(0.005)))
    plain, after = (estimate(one, fusion.recipe, samples=4, device="cpu") for one in (fusion.fused, read.fused))
    head = fusion.fused.array > 0.05
    for name, source in (("first", fusion.first), ("second", fusion.second)):
        errors = [np.sqrt(((getattr(guess, name).values - source.values)[head] ** 2).mean()) for guess in (plain, after)]
        spreads = [np.sqrt((getattr(guess, f"{name}_spread").values[head] ** 2).mean()) for guess in (plain, after)]
        assert errors[1] > 1.5 * errors[0] and spreads[1] > 1.4 * spreads[0], (name, errors, spreads)


@pytest.mark.parametrize("gain, offset", [(1.0001, 0), (1.02, 0), (1, 0.005), (0.97, -0.0123)])
def test_a_gain_and_an_offset_are_taken_off(gain, offset, fusion, stored):
    read = stored(replace(fusion.fused, array=(fusion.fused.array.astype(np.float64) * gain + offset).astype(np.float32)))
    assert np.abs(read.fused.array - fusion.fused.array).max() < 2e-7 and any("gain" in note for note in read.notes)


def test_scale_factors_in_few_digits_are_corrected(fusion, stored):
    low, high = fusion.fused.array.min(), fusion.fused.array.max()
    slope, intercept = float((high - low) / 65535), float(low)
    array = np.rint((fusion.fused.array - intercept) / slope).astype(np.uint16)
    rough = stored(replace(fusion.fused, array=array, slope=float(f"{slope:.3e}"), intercept=float(f"{intercept:.3e}")))
    assert np.abs(rough.fused.array - fusion.fused.array).max() < 2 * slope
    fine = stored(replace(fusion.fused, array=array, slope=slope, intercept=intercept))
    assert not any("gain" in note for note in fine.notes) and any("stored in steps" in note for note in fine.notes)


@pytest.mark.parametrize("change", [lambda array: array ** 1.05, lambda array: ndimage.gaussian_filter(array, 0.4)])
def test_what_is_no_gain_is_not_taken_for_one(change, fusion, stored):
    array = change(np.maximum(fusion.fused.array, 0)).astype(np.float32)
    np.testing.assert_array_equal(stored(replace(fusion.fused, array=array)).fused.array, array)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_step_of_integers_is_found_also_in_floats(bits):
    generator = np.random.default_rng(0)
    step = 1.3 / 2 ** bits
    values = (np.rint(generator.random((40, 50, 30)) / step) * step).astype(np.float32)
    assert rounding_step(values) == pytest.approx(step, rel=1e-3)
    assert rounding_step(generator.random((40, 50, 30), dtype=np.float32)) == 0


# ---- spreads -----------------------------------------------------------------------------------------------------------------------


def noisy(array):
    return array + 0.005 * np.random.default_rng(0).standard_normal(array.shape)


DAMAGES = {"16 bit": lambda array: np.rint(array * 40000) / 40000, "12 bit": lambda array: np.rint(array * 4000) / 4000,
           "8 bit": lambda array: np.rint(array * 250) / 250, "noise": noisy, "smoothed": lambda array: ndimage.gaussian_filter(array, 0.5),
           "smoothed away": lambda array: ndimage.gaussian_filter(array, (0, 1.5, 1.5)),
           "slices swapped": lambda array: array[[0, 2, 1, 3]], "painted": lambda array: np.where(array > 0.6, 0.6, array)}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_spread_is_as_large_as_the_error_and_the_estimate_not_worse_than_what_is_seen(damage, fusion, stored):
    read = stored(replace(fusion.fused, array=DAMAGES[damage](fusion.fused.array.astype(np.float64)).astype(np.float32)))
    guess = estimate(read.fused, read.recipe, samples=4, device="cpu")
    assert guess.warnings or any("stored in steps" in note for note in read.notes)
    inside = (fusion.first.array > 100) & (fusion.second.array > 30)
    for got, spread, source, record in zip((guess.first, guess.second), (guess.first_spread, guess.second_spread),
                                           (fusion.first, fusion.second), fusion.recipe.sources):
        error = rms((got.array - source.values)[inside])
        assert 0.5 < error / rms(spread.array[inside]) < 1.8
        seen = record.normalization(0).undo(read.fused.array) * record.slope + record.intercept
        assert error < 1.05 * rms((seen - source.values)[inside])


def test_smoothing_gives_back_the_amplitude_it_took_and_bare_slices_are_told(fusion, stored):
    def error(sigma, recipe=None):
        read = stored(replace(fusion.fused, array=ndimage.gaussian_filter(fusion.fused.array, (0, sigma, sigma))))
        guess = estimate(read.fused, recipe or read.recipe, samples=2, device="cpu")
        return rms(guess.first.array - fusion.first.array), guess.warnings

    older = replace(fusion.recipe, record={name: value for name, value in fusion.recipe.record.items() if name != "sketches"})
    assert error(0.5)[0] < 0.85 * error(0.5, older)[0]
    assert any("nothing that was hidden is left" in warning for warning in error(1.5)[1])


STATES = {"as written": (lambda array: array, "as written"),
          "16 bit": (DAMAGES["16 bit"], "rounded"), "8 bit": (DAMAGES["8 bit"], "rounded"),
          "gain": (lambda array: 1.02 * array, "damaged, undone"), "turned": (None, "damaged, undone"),
          **{name: (DAMAGES[name], "damaged") for name in ("noise", "smoothed", "smoothed away", "slices swapped", "painted")},
          "noise, then 8 bit": (lambda array: DAMAGES["8 bit"](noisy(array / 4) * 4), "damaged")}


@pytest.mark.parametrize("what", STATES)
def test_one_word_says_what_became_of_the_fused_image(what, fusion, stored, tmp_path):
    change, word = STATES[what]
    if change is None:
        read = stored(turned(fusion.fused, (0, 2, 1), (1,)))
    else:
        read = stored(replace(fusion.fused, array=change(fusion.fused.array.astype(np.float64)).astype(np.float32)))
    guess = estimate(read.fused, read.recipe, samples=8, device="cpu")
    assert worst(read.trust, guess.trust).value == word
    write_estimate(guess, tmp_path, InputFile("fused.nii", ""), read.recipe, {})
    assert json.loads((tmp_path / "estimate.json").read_text())["state"] == guess.trust.value


@pytest.mark.parametrize("what, word", [("written", "as written"), ("turned", "damaged, undone"), ("bare", "unknown")])
def test_the_command_line_says_the_worst_of_file_and_estimate(what, word, fusion, tmp_path, capsys):
    """The digits of a file that was turned back are all there: only the file tells that it was turned. One without a record tells
    nothing, whatever its digits."""
    image = turned(fusion.fused, (0, 2, 1), (1,)) if what == "turned" else fusion.fused
    write_nifti(image, tmp_path / "fused.nii", **({} if what == "bare" else {"extension": to_extension(fusion.recipe)}))
    out = tmp_path / "guess"
    assert main(["decompose", str(tmp_path / "fused.nii"), "--estimate", "--out", str(out), "--samples", "2", "--device", "cpu"]) == 0
    assert f"State of the fused image: {word}." in capsys.readouterr().out
    assert json.loads((out / "estimate.json").read_text())["state"] == word


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values.astype(np.float64) ** 2).mean()))
