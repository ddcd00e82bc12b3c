"""An estimate reads one file and no other: as written, stored again with less precision, without its constants, without its scale."""
import json
import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import FusionINNError, InputError, ModelError, ResultError
from FusionINNLib.methods.fusioninn import backward
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.record import record_of
from FusionINNLib.phantom.case import small_case
from FusionINNLib.pipeline import estimate, fuse, read_fused
from FusionINNLib.results.folder import read_fusion
from FusionINNLib.results.recipe import to_extension
from FusionINNLib.volumes.io import read_extension, read_volume, sha256, write_nifti


@pytest.fixture
def alone(fused_case, tmp_path):
    """The fused image, in a folder where there is nothing else, under another name."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return shutil.copy(fused_case / "fused/fused.nii.gz", folder / "sent by mail.nii.gz")


def store_again(path, target, dtype, scaled=True, extension=True):
    """As another program would: integers, with scale factors in the header or without, with the comment or without."""
    image = nib.load(path)
    values = image.get_fdata()
    low, high = values.min(), values.max()
    limits = np.iinfo(dtype)
    slope = (high - low) / (float(limits.max) - limits.min)
    stored = np.rint((values - low) / slope + limits.min).astype(dtype)
    header = image.header.copy()
    header.set_data_dtype(dtype)
    if not extension:
        header.extensions.clear()
    again = nib.Nifti1Image(stored, image.affine, header)
    if scaled:
        again.header.set_slope_inter(slope, low - limits.min * slope)
    again.to_filename(target)
    return target


def test_as_written(alone, fused_case, tiny_model):
    read = read_fused(alone, tiny_model)
    stored = read_fusion(fused_case / "fused")
    np.testing.assert_array_equal(read.fused.array, stored.fused.array)
    assert read.recipe == stored.recipe and read.notes == () and read.fused.array.dtype == np.float32


@pytest.mark.parametrize("dtype, tolerance", [("i2", 1 / 65000), ("u1", 1 / 250)])
@pytest.mark.parametrize("extension", [True, False])
def test_stored_again_as_integers_with_scale_factors(alone, tmp_path, dtype, tolerance, extension, tiny_model):
    read = read_fused(store_again(alone, tmp_path / "again.nii.gz", dtype, extension=extension), tiny_model)
    true = read_fused(alone, tiny_model)
    span = np.ptp(true.fused.array)
    assert np.abs(read.fused.array - true.fused.array).max() < tolerance * span
    if extension:
        assert read.recipe == true.recipe
    else:
        assert len(read.warnings) == 1 and "nominal 0..1 scale" in read.warnings[0]
        assert [source.normalizations[0].scale for source in read.recipe.sources] == [1.0, 1.0]
        assert read.recipe.axis == true.recipe.axis and read.recipe.shape == true.recipe.shape
        covered = {box.k for box in record_of(true.recipe).boxes}
        assert {box.k for box in record_of(read.recipe).boxes} >= covered
    assert not any("guessed" in note for note in read.notes)


@pytest.mark.parametrize("dtype", ["i2", "u1"])
def test_background_comes_out_of_rounding_as_it_was(alone, tmp_path, dtype, tiny_model):
    true = read_fused(alone, tiny_model)
    outside = true.fused.array == np.float32(record_of(true.recipe).background[0])
    assert outside.mean() > 0.05
    stored = read_volume(store_again(alone, tmp_path / "again.nii.gz", dtype)).values
    assert (stored[outside] != np.float32(record_of(true.recipe).background[0])).all()  # else this shows nothing
    read = read_fused(tmp_path / "again.nii.gz", tiny_model)
    np.testing.assert_array_equal(read.fused.array[outside], np.float32(record_of(true.recipe).background[0]))


@pytest.mark.parametrize("dtype", ["i2", "u1"])
@pytest.mark.parametrize("extension", [True, False])
def test_without_scale_factors_the_scale_is_guessed_and_said(tmp_path, dtype, extension):
    case = small_case()
    fusion = fuse(case.first, case.second, device="cpu")
    write_nifti(fusion.fused, tmp_path / "fused.nii.gz", extension=to_extension(fusion.recipe))
    read = read_fused(store_again(tmp_path / "fused.nii.gz", tmp_path / "again.nii.gz", dtype, scaled=False, extension=extension))
    assert any("guessed" in note for note in read.notes)
    bright = np.percentile(fusion.fused.array, 99)
    assert np.percentile(read.fused.array, 99) == pytest.approx(bright, rel=0.1 if extension else 0.4)
    if extension:
        assert np.abs(read.fused.array - fusion.fused.array).mean() < 0.03


def test_floats_on_another_scale_are_guessed_and_wild_voxels_are_not_taken_for_it(alone, tmp_path, tiny_model):
    image = nib.load(alone)
    values = image.get_fdata(dtype=np.float32)
    nib.Nifti1Image(values * 1000, image.affine, image.header).to_filename(tmp_path / "thousand.nii.gz")
    assert any("guessed" in note for note in read_fused(tmp_path / "thousand.nii.gz", tiny_model).notes)
    values[5, 5, 2] = 31.0
    nib.Nifti1Image(values, image.affine, image.header).to_filename(tmp_path / "wild.nii.gz")
    read = read_fused(tmp_path / "wild.nii.gz", tiny_model)
    assert read.notes == () and read.fused.array.max() == 31.0


def test_some_nan_is_no_trouble(alone, tmp_path, tiny_model):
    image = nib.load(alone)
    values = image.get_fdata(dtype=np.float32)
    values[0, 0, 0] = np.nan
    nib.Nifti1Image(values, image.affine, image.header).to_filename(tmp_path / "nan.nii.gz")
    read = read_fused(tmp_path / "nan.nii.gz", tiny_model)
    assert np.isfinite(read.fused.array).all() and any("NaN" in note for note in read.notes)


def test_a_model_that_is_not_here_and_one_that_is_another(alone, paper_model):
    with pytest.raises(ModelError, match="no model 'tiny'.*folder"):
        read_fused(alone)
    assert main(["decompose", str(alone), "--estimate", "--out", str(alone.parent / "out"), "--model", paper_model]) == 2
    assert [path.name for path in alone.parent.iterdir()] == [alone.name]


def spoilt(data):
    data["FusionINN"]["record"]["boxes"][0][4] = 10 ** 6


@pytest.mark.parametrize("change, words", [(lambda data: data["FusionINN"].update(format=9), "newer"), (spoilt, "damaged"),
                                           (lambda data: data["FusionINN"].update(model="../../evil"), "damaged")])
def test_a_header_record_is_checked(alone, tmp_path, change, words, tiny_model):
    data = json.loads(read_extension(alone)[0])
    change(data)
    write_nifti(read_volume(alone), tmp_path / "changed.nii.gz", extension=json.dumps(data).encode())
    with pytest.raises(ResultError, match=words):
        read_fused(tmp_path / "changed.nii.gz", tiny_model)


def test_foreign_comments_are_passed_over(alone, tmp_path, tiny_model):
    for comment in (b"a note", b"[1, 2]", b"\xff\xfe", b'{"other": 1}'):
        write_nifti(read_volume(alone), tmp_path / "x.nii.gz", extension=comment)
        assert any("nominal" in warning for warning in read_fused(tmp_path / "x.nii.gz", tiny_model).warnings)


def test_what_is_no_fused_image_is_refused(tmp_path):
    with pytest.raises(FusionINNError, match="no such file"):
        read_fused(tmp_path / "none.nii.gz")
    with pytest.raises(InputError):
        read_fused(tmp_path)


# ---- the command -----------------------------------------------------------------------------------------------------------------


def decompose(source, out, model, *options):
    return main(["decompose", str(source), "--estimate", "--out", str(out), "--model", str(model), "--device", "cpu", *options])


def test_everything_says_estimated(alone, tmp_path, capsys, tiny_model):
    assert decompose(alone, tmp_path / "out", tiny_model, "--samples", "2") == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"first_estimated.nii.gz", "second_estimated.nii.gz", "first_spread.nii.gz", "second_spread.nii.gz",
                     "cycle_error.nii.gz", "estimate.json", "report.png"}
    for name in names - {"estimate.json", "report.png"}:
        header = nib.load(tmp_path / "out" / name).header
        assert b"ESTIMATED" in header["descrip"].item() and header.get_data_dtype() == np.float32
    said = capsys.readouterr()
    assert "ESTIMATED" in said.out and "not a scan" in said.out and said.err == ""


def test_an_estimate_says_how_it_was_made(alone, tmp_path, tiny_model):
    rounded = store_again(alone, tmp_path / "rounded.nii.gz", "u1", scaled=True, extension=True)
    assert decompose(rounded, tmp_path / "out", tiny_model, "--samples", "2", "--seed", "5") == 0
    record = json.loads((tmp_path / "out/estimate.json").read_text())
    assert "ESTIMATED" in record["kind"] and "not for diagnosis" in record["notice"].lower()
    assert record["fused"] == {"file": "rounded.nii.gz", "sha256": sha256(rounded)}
    assert record["settings"] == {"samples": 2, "seed": 5} and record["model"]["sha256"] == find_card(str(tiny_model)).fingerprint
    assert record["files"] == {path.name: sha256(path) for path in (tmp_path / "out").glob("*.nii.gz")}
    assert "scale factors applied" in record["notes"][0] and str(tmp_path) not in json.dumps(record)


def test_a_record_holds_what_the_estimate_warns_of(alone, tmp_path, capsys, tiny_model, monkeypatch):
    monkeypatch.setattr(backward, "what_was_lost", lambda lost: ("3 of 9 slices were changed.",))
    bare = store_again(alone, tmp_path / "bare.nii.gz", "u1", scaled=False, extension=False)
    assert decompose(bare, tmp_path / "out", tiny_model, "--samples", "1") == 0
    record = json.loads((tmp_path / "out/estimate.json").read_text())
    assert record["warnings"][2:] == ["3 of 9 slices were changed."] and "Warning: 3 of 9" in capsys.readouterr().err
    assert record["warnings"][0].startswith("Nothing in the file shows that it is a fused image")
    assert len(record["notes"]) == 1 and "scale" in record["notes"][0]


def test_seeds(alone, tmp_path, tiny_model):
    for out, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert decompose(alone, tmp_path / out, tiny_model, "--samples", "2", "--seed", seed) == 0
    same, again, other = ((tmp_path / out / "first_estimated.nii.gz").read_bytes() for out in "abc")
    assert same == again != other
    assert decompose(alone, tmp_path / "one", tiny_model, "--samples", "1") == 0
    assert (nib.load(tmp_path / "one/first_spread.nii.gz").get_fdata() == 0).all()


@pytest.mark.parametrize("scaled", [True, False])
def test_what_was_assumed_is_said(alone, tmp_path, capsys, scaled, tiny_model):
    bare = store_again(alone, tmp_path / "bare.nii.gz", "u1", scaled=scaled, extension=False)
    assert decompose(bare, tmp_path / "out", tiny_model, "--samples", "1") == 0
    said = capsys.readouterr().err
    assert "Warning: Nothing in the file shows" in said and "nominal 0..1 scale" in said
    assert ("guessed" in said) is ("speaks for a scan" in said) is not scaled
    assert all(line.startswith(("Note: ", "Warning: ")) for line in said.splitlines())


@pytest.mark.parametrize("scan, scale", [(np.int16, 1.0), (np.int16, 704.0), (np.float32, 1.0)])
def test_of_a_scan_it_is_said_in_strong_words_that_an_estimate_means_nothing(tmp_path, capsys, scan, scale, tiny_model):
    case = small_case()
    write_nifti(replace(case.first, array=case.first.array.astype(scan), slope=scale), tmp_path / "scan.nii.gz")
    assert decompose(tmp_path / "scan.nii.gz", tmp_path / "out", tiny_model, "--samples", "1") == 0
    said = capsys.readouterr().err
    assert "what comes out is made up and means nothing" in said and "speaks for a scan" in said
    assert "means nothing" in json.loads((tmp_path / "out/estimate.json").read_text(encoding="utf-8"))["warnings"][0]


def test_estimates_come_near_the_sources_in_their_units(tmp_path):
    """With the model that the program brings: loose bounds, which the plain average of two unlike contrasts does not meet."""
    case = small_case((12, 80, 76))
    fusion = fuse(case.first, case.second, device="cpu")
    write_nifti(fusion.fused, tmp_path / "fused.nii.gz", extension=to_extension(fusion.recipe))
    for dtype in (None, "u1"):
        path = tmp_path / "fused.nii.gz" if dtype is None else store_again(tmp_path / "fused.nii.gz", tmp_path / f"{dtype}.nii.gz", dtype)
        read = read_fused(path)
        guess = estimate(read.fused, read.recipe, samples=4, device="cpu")
        average = read.fused.array - record_of(read.recipe).background[0]
        for got, source, record in ((guess.first, case.first, read.recipe.sources[0]), (guess.second, case.second, read.recipe.sources[1])):
            inside = source.array > 100
            truth = source.values[inside]
            error = np.abs(got.array[inside] - truth).mean()
            assert error < 0.2 * np.percentile(truth, 95), dtype
            assert error < 0.6 * np.abs(average[inside] * record.normalizations[0].scale - truth).mean(), dtype
        assert (guess.first.unit, guess.second.unit) == (case.first.unit, case.second.unit)


def test_without_a_record_estimates_are_on_the_nominal_scale(tmp_path):
    case = small_case()
    fusion = fuse(case.first, case.second, device="cpu")
    write_nifti(fusion.fused, tmp_path / "bare.nii.gz")
    read = read_fused(tmp_path / "bare.nii.gz")
    guess = estimate(read.fused, read.recipe, samples=2, device="cpu")
    for got in (guess.first, guess.second):
        assert got.unit == "" and 0.5 < np.percentile(got.array, 99.5) < 1.5
