"""Results as enhanced MR: one file a series that dciodvfy accepts, at the same place and with the same values for several readers."""
import shutil
import subprocess
import sys
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_making import GRID, LPS, save, slices
from making import head

import FusionINNLib as fi
from FusionINNLib.cli.__main__ import main
from FusionINNLib.results.dicom_folder import write_series
from FusionINNLib.results.dicom_origin import Origin
from FusionINNLib.volumes.io import read_volume

DCIODVFY = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")
SOURCE = tuple(slices(head(shape=(5, 24, 20)), series="T2"))


def volume(kind=np.int16, mirrored: bool = False, count: int = 5) -> fi.Volume:
    values = head(np.int16, (count, 24, 20))
    array = values if kind == np.int16 else values.astype(kind) * 1.37 - 20
    return fi.Volume(array, LPS @ GRID @ np.diag([1, -1 if mirrored else 1, 1, 1]), "fused")


def errors_of(path) -> list[str]:
    assert DCIODVFY, "dciodvfy is missing: install dicom3tools"
    said = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True)
    assert "EnhancedMRImage" in said.stdout + said.stderr
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("kind", [np.int16, np.float32])
@pytest.mark.parametrize(("origin", "count"), [(None, 5), (Origin(SOURCE, True, True), 5), (Origin(SOURCE, False, True), 1)])
def test_several_readers_find_each_value_at_its_place(tmp_path, mirrored, kind, origin, count):
    made = volume(kind, mirrored, count)
    write_series({"fused.nii.gz": made}, tmp_path, origin, enhanced=True)
    path = tmp_path / "fused" / "0001.dcm"
    assert [path] == list((tmp_path / "fused").iterdir()) and errors_of(path) == []
    back = read_volume(path)
    assert back.notes == () and back.shape == made.shape
    to_made = np.rint(np.linalg.inv(made.affine) @ back.affine).astype(int)  # where axes run backwards
    expected = made.values[::to_made[2, 2], ::to_made[1, 1]]
    np.testing.assert_allclose(back.values, expected, atol=0.51 * back.slope if kind == np.float32 else 0)
    np.testing.assert_allclose(np.linalg.inv(made.affine) @ back.affine, to_made, atol=1e-6)
    read = sitk.ReadImage(str(path))
    np.testing.assert_allclose(sitk.GetArrayFromImage(read).reshape(back.shape), back.values, atol=1e-9)
    np.testing.assert_allclose(read.GetOrigin()[:3], (LPS @ back.affine)[:3, 3], atol=1e-6)
    if count > 1:
        turned = np.array(read.GetDirection()).reshape(3, 3) * read.GetSpacing()
        np.testing.assert_allclose(turned, (LPS @ back.affine)[:3, :3], atol=1e-6)
        other = highdicom.imread(path).get_volume().flip_spatial(0)  # which counts slices from the other end
        np.testing.assert_allclose(other.array.astype(float), back.values, atol=1e-4 * back.slope)
        np.testing.assert_allclose(other.affine[:, [2, 1, 0, 3]], LPS @ back.affine, atol=1e-6)


def test_the_file_says_what_was_made_of_which_images_and_how_thick_its_slices_are(tmp_path):
    write_series({"fused.nii.gz": volume(np.float32)}, tmp_path, Origin(SOURCE, True, True), enhanced=True)
    made, back = pydicom.dcmread(tmp_path / "fused" / "0001.dcm"), read_volume(tmp_path / "fused" / "0001.dcm")
    shared, = made.SharedFunctionalGroupsSequence
    measures, voi, kind, derived = (shared[name][0] for name in ("PixelMeasuresSequence", "FrameVOILUTSequence",
                                                                 "MRImageFrameTypeSequence", "DerivationImageSequence"))
    assert float(measures.SliceThickness) == float(measures.SpacingBetweenSlices) == pytest.approx(np.linalg.norm(GRID[:3, 2]))
    assert list(kind.FrameType) == list(made.ImageType) == ["DERIVED", "PRIMARY", "VOLUME", "OTHER"]
    ends = np.array([-0.5, 0.5]) * float(voi.WindowWidth) + float(voi.WindowCenter)
    np.testing.assert_allclose(ends, (back.values.min(), back.values.max()), rtol=1e-6)
    assert derived.DerivationDescription == "FusionINN: fused" and derived.DerivationCodeSequence[0].CodeValue == "FUSION"
    assert [one.ReferencedSOPInstanceUID for one in derived.SourceImageSequence] == [one.SOPInstanceUID for one in SOURCE]
    study, = made.SourceImageEvidenceSequence
    series, = study.ReferencedSeriesSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == ("1.2.3", SOURCE[0].SeriesInstanceUID)
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedSOPSequence] == [one.SOPInstanceUID for one in SOURCE]
    contents = [frame.FrameContentSequence[0] for frame in made.PerFrameFunctionalGroupsSequence]
    assert [(one.InStackPositionNumber, list(one.DimensionIndexValues)) for one in contents] == [(k, [1, k]) for k in range(1, 6)]


def test_the_whole_way_by_the_command_line(tmp_path, tiny_model):
    """Exported and read back: no wrong voxel, the source's patient, words of warning, and nothing of a patient if so wanted."""
    for seed, name in enumerate(("first", "second")):
        save(slices(head(shape=(5, 32, 36), seed=seed), series=name), tmp_path / name)
    common = ["--model", tiny_model, "--device", "cpu"]
    assert main(["fuse", str(tmp_path / "first"), str(tmp_path / "second"), "--out", str(tmp_path / "fused"), *common, "--no-report"]) == 0
    assert main(["decompose", str(tmp_path / "fused"), "--out", str(tmp_path / "exact"), *common, "--no-report"]) == 0
    for name, words in (("named", []), ("nameless", ["--anonymous"])):
        out = tmp_path / name
        export = ["export", str(tmp_path / "exact"), "--dicom", str(out), "--enhanced", "--source", str(tmp_path / "second")]
        assert main([*export, *words]) == 0
        for source in ("first", "second"):
            path = out / f"{source}_exact" / "0001.dcm"
            np.testing.assert_array_equal(read_volume(path).values, read_volume(tmp_path / source).values)
            assert errors_of(path) == [] and (b"Made^Up" in path.read_bytes()) == (name == "named")
            made = pydicom.dcmread(path)
            assert made.ImageType[0] == "DERIVED" and made.ContentQualification == "RESEARCH" and made.FrameOfReferenceUID == "1.2.4"
            assert "Research use only" in made.ImageComments and "research only" in made.SeriesDescription
            references = made.get("SourceImageEvidenceSequence", ())
            assert len(references) == (1 if name == "named" else 0)
