"""Results as DICOM series: accepted by dciodvfy, read back to the same place and values, nothing of a patient unless it is wanted."""
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_making import GRID, LPS, save, slices
from making import head, volume

import FusionINNLib as fi
from FusionINNLib.cli.__main__ import main
from FusionINNLib.results.dicom_folder import to_16_bits, write_series
from FusionINNLib.results.dicom_origin import Origin
from FusionINNLib.volumes.io import read_volume

DCIODVFY = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")


@pytest.fixture(scope="module")
def case(tmp_path_factory, tiny_model):
    """DICOM in (two series), fused, and out again: folder with `first`, `second`, `fused`, `guess`, `out`."""
    folder = tmp_path_factory.mktemp("case")
    for seed, name in enumerate(("first", "second")):
        save(slices(head(shape=(5, 32, 36), seed=seed), series=name), folder / name)
    common = ["--model", tiny_model, "--device", "cpu"]
    assert main(["fuse", str(folder / "first"), str(folder / "second"), "--out", str(folder / "fused"), *common]) == 0
    assert main(["decompose", str(folder / "fused"), "--out", str(folder / "exact"), *common]) == 0
    guessing = ["decompose", str(folder / "fused/fused.nii.gz"), "--estimate", "--samples", "2", "--out", str(folder / "guess")]
    assert main([*guessing, *common]) == 0
    for name in ("fused", "exact", "guess"):
        assert main(["export", str(folder / name), "--dicom", str(folder / f"{name}-out"), "--source", str(folder / "second")]) == 0
    return folder


def test_the_whole_way_keeps_every_voxel(case, tiny_model):
    for name in ("first", "second"):
        back, source = read_volume(case / "exact-out" / f"{name}_exact"), read_volume(case / name)
        np.testing.assert_array_equal(back.values, source.values)
        np.testing.assert_allclose(back.affine, source.affine, atol=1e-5)
    fused = read_volume(case / "fused-out/fused")
    written = read_volume(case / "fused/fused.nii.gz")
    np.testing.assert_allclose(fused.values, written.values, atol=0.51 * fused.slope)
    assert fused.slope <= np.ptp(written.values) / 65000


def test_others_read_the_same(case):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(case / "exact-out/first_exact")))
    image = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), head(shape=(5, 32, 36)))
    np.testing.assert_allclose(image.GetOrigin(), GRID[:3, 3], atol=1e-5)
    np.testing.assert_allclose(image.GetSpacing(), np.linalg.norm(GRID[:3, :3], axis=0), atol=1e-5)


def test_series_say_what_they_are_and_whose(case):
    source = pydicom.dcmread(next((case / "second").iterdir()))
    for path in sorted(case.glob("*-out/*/0001.dcm")):
        made = pydicom.dcmread(path)
        assert list(made.ImageType[:2]) == ["DERIVED", "SECONDARY"] and made.BurnedInAnnotation == "NO"
        assert "Research use only" in made.ImageComments and "research only" in made.SeriesDescription
        assert ("ESTIMATED" in made.SeriesDescription) == ("ESTIMATED" in made.ImageComments) == ("guess" in str(path))
        assert made.PatientID == "P1" and made.StudyInstanceUID == source.StudyInstanceUID
        assert made.FrameOfReferenceUID == source.FrameOfReferenceUID and len(made.SourceImageSequence) == 5
        assert made.SeriesInstanceUID != source.SeriesInstanceUID


def test_nothing_of_a_patient_unless_it_is_wanted(case, tmp_path):
    for name, words in (("a", []), ("b", ["--source", str(case / "second"), "--anonymous"])):
        assert main(["export", str(case / "fused"), "--dicom", str(tmp_path / name), *words]) == 0
        for path in (tmp_path / name).rglob("*.dcm"):
            content = path.read_bytes()
            assert b"Made^Up" not in content and b"19700101" not in content and b"20200131" not in content
            made = pydicom.dcmread(path)
            assert made.PatientID != "P1" and made.StudyInstanceUID != "1.2.3" and "SourceImageSequence" not in made


def test_dciodvfy_finds_no_error(case):
    assert DCIODVFY, "dciodvfy is missing: install dicom3tools"
    files = sorted(case.glob("*-out/*/0003.dcm"))
    assert len(files) == 8
    for path in files:
        said = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True)
        assert not [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")], (path, said.stderr)


def test_refusals(case, tmp_path, capsys):
    assert main(["export", str(tmp_path), "--dicom", str(tmp_path / "out")]) == 2
    assert "holds no results" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main(["export", str(case / "fused"), "--dicom", str(tmp_path / "out"), "--source", str(case / "fused/fused.nii.gz")]) == 2
    assert "no DICOM series" in capsys.readouterr().err and not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("x")
    assert main(["export", str(case / "fused"), "--dicom", str(tmp_path / "out")]) == 2


@pytest.mark.parametrize("values", [np.linspace(-3, 4e6, 24), np.array([np.nan, 1.5, -2.0] * 8)])
def test_16_bits_take_the_whole_range(values):
    stored, slope, intercept = to_16_bits(volume(values.reshape(2, 3, 4)))
    finite = np.isfinite(values)
    assert stored.dtype == np.uint16
    assert np.abs(stored.ravel() * slope + intercept - values)[finite].max() <= 0.51 * slope <= 0.51 * np.ptp(values[finite]) / 65000


def test_exported_places_are_those_of_any_grid(tmp_path):
    mirrored = LPS @ GRID @ np.diag([1, -1, 1, 1])
    fused = fi.Volume(head(np.float32, (4, 24, 20)), mirrored, "fused")
    write_series({"fused.nii.gz": fused}, tmp_path, None)
    back = read_volume(tmp_path / "fused")
    corner = {tuple(np.round(point, 3)) for point in back.corners_ras_mm}
    assert corner == {tuple(np.round(point, 3)) for point in fused.corners_ras_mm}


@pytest.mark.parametrize("is_same", [True, False])
def test_the_space_is_the_sources_where_the_result_lies_in_it_alone(tmp_path, is_same):
    """A source that was moved onto the other one's grid tells whose a result is, and not where it lies."""
    source = tuple(slices(head(shape=(4, 24, 20))))
    fused = fi.Volume(head(np.float32, (4, 24, 20)), LPS @ GRID, "fused")
    write_series({"fused.nii.gz": fused}, tmp_path, Origin(source, True, is_same))
    made = pydicom.dcmread(tmp_path / "fused/0001.dcm")
    assert made.PatientID == "P1" and (made.FrameOfReferenceUID == "1.2.4") == is_same
