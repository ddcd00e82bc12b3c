"""Slices of one DICOM series that do not mean the same: units, b-values, echoes, phases, patients, distances; and unusual bits."""
import re

import numpy as np
import pytest
from dicom_making import GRID, enhanced, item, new, place, put_pixels, save, slices
from making import head
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSNearLossless, NuclearMedicineImageStorage

from FusionINNLib.errors import FusionINNError
from FusionINNLib.volumes.io import read_volume

STORED = head(np.int16, (8, 20, 24))


def mapping(slope, unit="mm2/s", first=0, last=32767) -> Dataset:
    made = item(RealWorldValueSlope=float(slope), RealWorldValueIntercept=0.0, LUTLabel="x", LUTExplanation="x",
                MeasurementUnitsCodeSequence=item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit))[0]
    made.add_new("RealWorldValueFirstValueMapped", "US", first)
    made.add_new("RealWorldValueLastValueMapped", "US", last)
    return made


def mapped(objects, *mappings):
    for one in objects:
        one.RealWorldValueMappingSequence = Sequence(list(mappings))
    return objects


def test_values_of_several_meanings_are_refused(tmp_path):
    some = slices(STORED)
    mapped(some[:4], mapping(0.5))
    units = mapped(slices(STORED)[:4], mapping(0.5)) + mapped(slices(STORED)[4:], mapping(500.0, "um2/s"))
    ranges = mapped(slices(STORED), mapping(1.0, last=99), mapping(2.0, first=100))
    for n, (made, words) in enumerate([(some, "some have a real-world mapping, some none"), (units, r"units \(mm2/s and um2/s\)"),
                                       (ranges, "several real-world value mappings")]):
        with pytest.raises(FusionINNError, match=words):
            read_volume(save(made, tmp_path / str(n)))


def test_one_of_several_mappings_of_all_values_is_taken_and_told(tmp_path):
    read = read_volume(save(mapped(slices(STORED), mapping(0.5, "g/ml"), mapping(9.0, "Bq/ml")), tmp_path / "x"))
    np.testing.assert_allclose(read.values, 0.5 * STORED)
    assert read.unit == "g/ml" and read.notes == ("the file has several real-world value mappings: the first one was taken, in g/ml",)


def test_a_rescaling_that_some_slices_lack_is_told(tmp_path):
    made = slices(STORED)
    for one in made[1:]:
        one.RescaleSlope, one.RescaleIntercept = "3", "0"
    assert "others none" in read_volume(save(made, tmp_path / "x")).notes[0]


def test_numbers_in_the_upper_bits(tmp_path):
    stored = STORED.astype(np.uint16)
    made = slices(stored << 4)
    for one in made:
        one.BitsStored, one.HighBit = 12, 15
    np.testing.assert_array_equal(read_volume(save(made, tmp_path / "x")).array, stored)


def test_a_transfer_syntax_that_always_loses_something_is_told(tmp_path):
    made = slices(STORED.astype(np.uint16))
    for one in made:
        one.compress(JPEGLSNearLossless, jls_error=5, generate_instance_uid=False)
    assert "with loss" in read_volume(save(made, tmp_path / "x")).notes[0]


def test_slices_beyond_their_distance_are_told(tmp_path):
    made = slices(STORED, SpacingBetweenSlices="3.9")
    assert read_volume(save(made, tmp_path / "x")).notes == ()
    read = read_volume(save(made[::2], tmp_path / "y"))
    assert re.search("7.8.* mm apart by their positions and 3.9 mm by the header", read.notes[0])


def test_two_images_with_one_uid_at_the_same_positions_are_two(tmp_path):
    made = slices(STORED) + slices(STORED[::-1])
    for n, one in enumerate(made):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        one.InstanceNumber = str(n + 1)
    with pytest.raises(FusionINNError, match="2 stacks"):
        read_volume(save(made, tmp_path / "x"))


@pytest.mark.parametrize("shift", [0.5, 8.0])
@pytest.mark.parametrize("element, values, words", [
    ("DiffusionBValue", (0.0, 1000.0), "differ in b-value"), ("EchoTime", ("2.3", "4.6"), "differ in echo time"),
    ("ImageType", ("ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P"), "differ in component")])
def test_other_images_beside_and_between_the_slices_are_stacks_of_their_own(tmp_path, shift, element, values, words):
    other = GRID.copy()
    other[:3, 3] += shift * GRID[:3, 2]
    folder = save(slices(STORED, **{element: values[0]}) + slices(STORED, other, **{element: values[1]}), tmp_path / "x")
    with pytest.raises(FusionINNError, match=words):
        read_volume(folder)
    np.testing.assert_array_equal(read_volume(folder, stack="2").array, STORED)


def test_echo_times_that_are_nearly_one_are_one(tmp_path):
    made = slices(STORED, EchoTime=[f"{90 + k / 10:g}" for k in range(8)], DiffusionBValue=[1000.0 + k for k in range(8)])
    np.testing.assert_array_equal(read_volume(save(made, tmp_path / "x")).array, STORED)


def test_mosaics_are_refused_before_one_is_to_be_chosen(tmp_path):
    made = slices(STORED[:2], np.diag([2.0, 2, 0, 1]) + np.diag([0, 0, 4.0, 0]))
    for one in made:
        one.ImagePositionPatient = made[0].ImagePositionPatient
        one.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0a, "US", 16)
    with pytest.raises(FusionINNError, match="mosaic"):
        read_volume(save(made, tmp_path / "x"))


def test_patients_are_told_by_name_where_they_have_no_id(tmp_path):
    made = slices(STORED, PatientID="", PatientName=["One^A"] * 4 + ["Two^B"] * 4)
    with pytest.raises(FusionINNError, match="2 patients by their patient names"):
        read_volume(save(made, tmp_path / "x"))


def test_frames_of_one_position_for_all_have_none_of_their_own(tmp_path):
    made = new(NuclearMedicineImageStorage, "NM", NumberOfFrames="8", InstanceNumber="1", SliceThickness="4")
    made.ImagePositionPatient, made.ImageOrientationPatient, made.PixelSpacing = place(GRID, 0)
    put_pixels(made, STORED)
    with pytest.raises(FusionINNError, match="no position"):
        read_volume(save([made], tmp_path / "x"))
    whole = enhanced(list(STORED), [(GRID, k) for k in range(8)])
    np.testing.assert_array_equal(read_volume(save([whole], tmp_path / "y")).array, STORED)
