"""`fusioninn segment --dicom-seg`: a DICOM Segmentation of the series on whose grid the outline lies, that other programs accept."""
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_making import GRID, enhanced, save, slices
from making import head

from FusionINNLib import __version__
from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import InputError
from FusionINNLib.methods import model_card
from FusionINNLib.outlining.dicom_file import on_series, prepared, source_headers, write_dicom_segmentation
from FusionINNLib.outlining.records import Origin
from FusionINNLib.volumes.dicom import headers_of
from FusionINNLib.volumes.io import read_segmentation, read_volume, sha256, write_nifti
from FusionINNLib.volumes.suggested import COLOR, NAME, is_suggested

DCIODVFY = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")
SHAPE = (7, 40, 48)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two series of one patient on different grids, the second one as NIfTI too."""
    folder = tmp_path_factory.mktemp("series")
    save(slices(head(shape=SHAPE), GRID @ np.diag([1, 1, 0.8, 1]), "T1 contrast"), folder / "t1ce")
    save(slices(head(shape=SHAPE, seed=2), series="FLAIR")[::-1], folder / "flair")  # the first file is the last slice
    write_nifti(read_volume(folder / "flair"), folder / "flair.nii.gz")
    return folder


def segment(first, second, out, model, *more):
    return main(["segment", str(first), str(second), "--out", str(out), "--model", model, "--device", "cpu", *map(str, more)])


@pytest.fixture(scope="module")
def out(place, outline_model):
    assert segment(place / "t1ce", place / "flair", place / "out", outline_model, "--dicom-seg") == 0
    return place / "out"


def errors_of(path):
    assert DCIODVFY, "dciodvfy is missing: install dicom3tools"
    said = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    assert "Segmentation" in lines, lines  # what it takes the file for
    return [line for line in lines if line.startswith("Error")]


def test_every_voxel_is_read_back_at_its_place(out, place):
    back, plain = read_segmentation(out / "suggested.dcm"), read_segmentation(out / "suggested.nii.gz")
    assert back.array.any() and back.same_grid(plain, 1e-4) and plain.same_grid(read_volume(place / "flair"))
    np.testing.assert_array_equal(back.array, plain.array)
    assert back.segments[1].name == NAME and back.segments[1].color == pytest.approx(COLOR, abs=0.02) and is_suggested(back)


def test_no_slice_is_exchanged(place, tmp_path):
    flair = read_volume(place / "flair")
    marks = np.zeros(SHAPE, np.uint8)
    marks[1, 3:9, 5:30], marks[2, 20:30, 7:9], marks[5, 39, 47] = 1, 1, 1
    write_dicom_segmentation(replace(flair, array=marks), Origin("mine", "0" * 64), source_headers(flair), tmp_path / "one.dcm")
    back = read_segmentation(tmp_path / "one.dcm")
    assert back.same_grid(flair, 1e-4)
    np.testing.assert_array_equal(back.array, marks)


def test_what_another_program_counts_from_other_ends_lies_at_its_place(place, tmp_path):
    """Slices, rows and columns the other way round and exchanged, as a program may hold the same series in memory."""
    flair = read_volume(place / "flair")
    files = flair.identity["files"]
    marks = np.zeros(SHAPE, np.uint8)
    marks[1, 3:9, 5:30], marks[5, 39, 47] = 1, 1
    assert on_series(replace(flair, array=marks), files).same_grid(flair, 1e-9)
    ends = np.eye(4)
    ends[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, -1]]  # (i, j, k) there to (i, j, k) here
    ends[:3, 3] = [SHAPE[2] - 1, 0, SHAPE[0] - 1]
    other = replace(flair, array=np.ascontiguousarray(marks[::-1, :, ::-1].transpose(0, 2, 1)), affine=flair.affine @ ends)
    there = on_series(other, files)
    assert there.same_grid(flair, 1e-6)
    np.testing.assert_array_equal(there.array, marks)
    origin = Origin("mine", "0" * 64, edited=True)
    write_dicom_segmentation(there, origin, prepared(headers_of(files), there), tmp_path / "one.dcm")
    np.testing.assert_array_equal(read_segmentation(tmp_path / "one.dcm").array, marks)
    made = pydicom.dcmread(tmp_path / "one.dcm")
    segment, = made.SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC" and "edited by a person" in segment.SegmentDescription
    assert made.ContentDescription == "SUGGESTED by a network, edited by a person. Research use only." and is_suggested(
        read_segmentation(tmp_path / "one.dcm"))
    assert errors_of(tmp_path / "one.dcm") == []


def test_what_does_not_lie_on_its_series_is_refused(place):
    flair = read_volume(place / "flair")
    files, marks = flair.identity["files"], replace(flair, array=np.zeros(SHAPE, np.uint8))
    moved, coarse = np.eye(4), np.diag([2.0, 2.0, 1.0, 1.0])
    moved[0, 3] = 0.5
    for other in (replace(marks, affine=moved @ flair.affine), replace(marks, array=marks.array[:-1]),
                  replace(marks, affine=flair.affine @ coarse)):
        with pytest.raises(InputError, match="no longer lie where its DICOM files say"):
            on_series(other, files)


def test_a_file_that_is_gone_is_told_by_its_name(place, tmp_path):
    with pytest.raises(InputError, match=r"^gone.dcm: this DICOM file cannot be read \(.*again\.$"):
        headers_of([*read_volume(place / "flair").identity["files"], tmp_path / "gone.dcm"])


def test_it_says_that_a_network_suggested_it_and_of_which_series(out, place, outline_model):
    made, source = pydicom.dcmread(out / "suggested.dcm"), pydicom.dcmread(place / "flair/0000.dcm")
    segment, = made.SegmentSequence
    algorithm, = segment.SegmentationAlgorithmIdentificationSequence
    card = model_card.find(outline_model)
    assert segment.SegmentLabel == NAME and segment.SegmentAlgorithmType == "AUTOMATIC" and "FusionINN" in segment.SegmentAlgorithmName
    assert algorithm.AlgorithmVersion == __version__ == made.SoftwareVersions and card.sha256 in algorithm.AlgorithmParameters
    for said in (made.SeriesDescription, made.ContentDescription, segment.SegmentDescription):
        assert "SUGGESTED" in said and "research use only" in said.lower()
    for word in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert made[word].value == source[word].value
    assert made.SeriesInstanceUID != source.SeriesInstanceUID == made.ReferencedSeriesSequence[0].SeriesInstanceUID
    of_flair = {pydicom.dcmread(path).SOPInstanceUID: pydicom.dcmread(path) for path in (place / "flair").iterdir()}
    assert {one.ReferencedSOPInstanceUID for one in made.SourceImageSequence} == set(of_flair)
    for group in made.PerFrameFunctionalGroupsSequence:  # each frame lies on the slice that it refers to
        referred = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        np.testing.assert_allclose(group.PlanePositionSequence[0].ImagePositionPatient, of_flair[referred].ImagePositionPatient, atol=1e-6)
    assert json.loads((out / "segment.json").read_text())["files"]["suggested.dcm"] == sha256(out / "suggested.dcm")


def test_dciodvfy_finds_no_error(out):
    assert errors_of(out / "suggested.dcm") == []


def test_it_refers_to_the_first_series_where_that_is_the_reference(place, tmp_path, outline_model, capsys):
    assert segment(place / "t1ce", place / "flair.nii.gz", tmp_path / "out", outline_model, "--dicom-seg", "--reference", "first") == 0
    assert "suggested.dcm names the patient" in capsys.readouterr().err
    made = pydicom.dcmread(tmp_path / "out/suggested.dcm")
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == pydicom.dcmread(place / "t1ce/0000.dcm").SeriesInstanceUID
    assert read_segmentation(tmp_path / "out/suggested.dcm").same_grid(read_volume(place / "t1ce"), 1e-4)


def test_an_empty_suggestion_is_written_too(place, tmp_path, silent_model):
    assert segment(place / "t1ce", place / "flair", tmp_path / "out", silent_model, "--dicom-seg") == 0
    back = read_segmentation(tmp_path / "out/suggested.dcm")
    assert not back.array.any() and back.same_grid(read_volume(place / "flair"), 1e-4) and errors_of(tmp_path / "out/suggested.dcm") == []


def test_an_anonymised_series_and_one_with_several_frames_will_do(place, tmp_path, outline_model):
    bare = slices(head(shape=SHAPE, seed=2), series="FLAIR")
    for one in bare:
        for word in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyTime", "SliceThickness",
                     "PositionReferenceIndicator"):
            del one[word]
        one.ImageOrientationPatient[0] = float(one.ImageOrientationPatient[0]) + (1e-6 if one.InstanceNumber == 2 else 0)
    groups = enhanced(list(head(shape=SHAPE, seed=2)), [(GRID, k) for k in range(SHAPE[0])], series="FLAIR")
    shared, per_frame = groups.SharedFunctionalGroupsSequence[0], groups.PerFrameFunctionalGroupsSequence
    for word in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
        setattr(shared, word, per_frame[0][word].value)
    for n, series in enumerate((bare, [groups])):
        flair, made = save(series, tmp_path / f"flair{n}"), tmp_path / f"out{n}/suggested.dcm"
        assert segment(place / "t1ce", flair, made.parent, outline_model, "--dicom-seg") == 0
        np.testing.assert_array_equal(read_segmentation(made).array, read_segmentation(made.parent / "suggested.nii.gz").array)
        assert read_segmentation(made).same_grid(read_volume(flair), 1e-3)


def test_what_has_no_series_is_refused_before_the_work(place, tmp_path, outline_model, capsys):
    assert segment(place / "t1ce", place / "flair.nii.gz", tmp_path / "out", outline_model, "--dicom-seg") == 2
    said = capsys.readouterr().err
    assert "is no DICOM series" in said and "--reference" in said and "leave out --dicom-seg" in said
    lost = save(slices(head(shape=SHAPE), FrameOfReferenceUID=[f"1.2.{k % 2 + 3}" for k in range(7)]), tmp_path / "lost")
    other = save(slices(head(shape=SHAPE), SOPInstanceUID=""), tmp_path / "other")
    for folder, words in ((lost, "one frame of reference"), (other, "can refer to this series")):
        assert segment(place / "t1ce", folder, tmp_path / "out", outline_model, "--dicom-seg") == 2
        assert words in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_nothing_is_left_where_writing_breaks_off(place, tmp_path, outline_model, monkeypatch):
    def break_off(self, file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", break_off)
    assert segment(place / "t1ce", place / "flair", tmp_path / "out", outline_model, "--dicom-seg") == 2
    assert list(tmp_path.iterdir()) == []


def test_it_is_never_taken_for_a_drawn_outline(out, place, tmp_path, outline_model, capsys):
    assert segment(place / "t1ce", place / "flair", tmp_path / "again", outline_model, "--segmentation", out / "suggested.dcm") == 2
    assert "SUGGESTED by a network" in capsys.readouterr().err
