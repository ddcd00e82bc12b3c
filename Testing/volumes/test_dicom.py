"""DICOM folders: values and places against the arrays that the files were made of; one stack is read, several are listed."""
import numpy as np
import pytest
from dicom_making import GRID, LPS, enhanced, item, new, numbers, save, slices
from making import head
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.dicom import read_dicom
from FusionINNLib.volumes.io import read_volume

STORED = head(shape=(7, 24, 20), seed=3)


def assert_is(read, values=STORED, grid=GRID):
    np.testing.assert_allclose(read.values, values, rtol=1e-6, atol=0)
    np.testing.assert_allclose(read.affine, LPS @ grid, atol=1e-6)


def test_slices_are_ordered_by_their_places(tmp_path):
    made = slices(STORED, InstanceNumber=[str(9 - k) for k in range(7)])
    read = read_volume(save(made[3:] + made[:3], tmp_path / "a", "IM{:06d}"))
    assert_is(read)
    assert read.array.dtype == np.int16 and read.name == "T2" and read.identity["patient_id"] == "P1" and read.notes == ()
    (tmp_path / "a" / "notes.txt").write_text("x" * 400)
    assert_is(read_volume(tmp_path / "a"))


@pytest.mark.parametrize("slopes, dtype", [([2.0] * 7, np.int16), ([1.0 + 9 * k for k in range(7)], np.int32),
                                           ([0.00125 * (k + 1) for k in range(7)], np.float32)])
def test_each_slice_has_its_own_rescaling(tmp_path, slopes, dtype):
    read = read_volume(save(slices(STORED, RescaleSlope=[numbers(x)[0] for x in slopes], RescaleIntercept="-5"), tmp_path / "a"))
    assert_is(read, STORED * np.array(slopes)[:, None, None] - 5)
    assert read.array.dtype == dtype and read.is_scaled == (slopes[0] == slopes[1])


def test_signed_and_unsigned_slices_and_bits_above_those_used(tmp_path):
    stored = np.where(STORED == 0, -40, STORED)
    made = slices(stored.astype(np.int16))
    for one, plane in list(zip(made, stored))[::2]:
        one.PixelRepresentation, one.PixelData = 0, np.abs(plane).astype(np.uint16).tobytes()
    expected = stored.copy()
    expected[::2] = np.abs(stored[::2])
    assert_is(read_volume(save(made, tmp_path / "a")), expected)
    packed = (stored.astype(np.int16) & 0xFFF) | 0x5000  # 12 bits with a sign, and something else above
    made = slices(packed.astype(np.int16), BitsStored=12)
    for one in made:
        one.BitsStored, one.HighBit = 12, 11
    assert_is(read_volume(save(made, tmp_path / "b")), stored)


def test_real_world_values_go_before_the_rescaling(tmp_path):
    unit = item(CodeValue="mm2/s", CodingSchemeDesignator="UCUM", CodeMeaning="mm2/s")
    mapping = item(RealWorldValueSlope=1e-6, RealWorldValueIntercept=0.0, MeasurementUnitsCodeSequence=unit)
    read = read_volume(save(slices(STORED, RealWorldValueMappingSequence=mapping, RescaleSlope="3", RescaleIntercept="0"), tmp_path / "a"))
    assert_is(read, STORED * 1e-6)
    assert read.unit == "mm2/s"


def test_monochrome1_and_loss_are_told(tmp_path):
    read = read_volume(save(slices(STORED, PhotometricInterpretation="MONOCHROME1", LossyImageCompression="01"), tmp_path / "a"))
    assert_is(read)
    assert "MONOCHROME1" in read.notes[0] and "with loss" in read.notes[1]


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_packed_slices(tmp_path, syntax):
    stored = head(np.uint16, (4, 48, 40), seed=3)
    made = slices(stored)
    for one in made:
        one.compress(syntax, generate_instance_uid=False)
    assert_is(read_volume(save(made, tmp_path / "a")), stored)
    made[2].PixelData = made[2].PixelData[:60]
    with pytest.raises(InputError, match=r"0002\.dcm: pixels packed as .* can't be unpacked"):
        read_volume(save(made, tmp_path / "b"))


def test_lossless_jpeg(tmp_path):
    """As most scanners pack. SimpleITK writes it, and only integers without a sign."""
    import pydicom
    import SimpleITK as sitk

    stored, made = head(np.uint16, (3, 48, 40), seed=3), slices(head(np.uint16, (3, 48, 40), seed=3))
    for one, plane in zip(made, stored):
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(tmp_path / "one.dcm"))
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG")
        writer.Execute(sitk.GetImageFromArray(plane))
        packed = pydicom.dcmread(tmp_path / "one.dcm")
        one.file_meta.TransferSyntaxUID, one.PixelData = packed.file_meta.TransferSyntaxUID, packed.PixelData
        one["PixelData"].is_undefined_length = True
    assert made[0].file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    assert_is(read_volume(save(made, tmp_path / "a")), stored)


def test_frames_in_any_order_with_a_rescaling_each(tmp_path):
    order = [0, 2, 4, 6, 1, 3, 5]
    groups = [{"PixelValueTransformationSequence": item(RescaleSlope=numbers(1 + k)[0], RescaleIntercept="0")} for k in order]
    made = enhanced([STORED[k] for k in order], [(GRID, k) for k in order], per_frame=groups)
    folder = save([made], tmp_path / "a")
    assert_is(read_volume(folder), STORED * (1 + np.arange(7))[:, None, None])
    assert_is(read_volume(folder / "0000.dcm"), STORED * (1 + np.arange(7))[:, None, None])


def test_b_values_are_stacks_to_choose_from(tmp_path):
    groups = [{"MRDiffusionSequence": item(DiffusionBValue=float(b))} for b in (0, 1000) for _ in range(7)]
    folder = save([enhanced([*STORED, *(STORED // 2)], [(GRID, k) for _ in range(2) for k in range(7)], per_frame=groups)], tmp_path / "a")
    with pytest.raises(InputError, match="2 stacks.*b-value.*1: b-value 0, 20 x 24 x 7; 2: b-value 1000, 20 x 24 x 7.*--stack"):
        read_volume(folder)
    assert_is(read_volume(folder, stack="1000"), STORED // 2)
    assert_is(read_volume(folder, stack="1"))
    with pytest.raises(InputError, match="no stack fits '700'"):
        read_volume(folder, stack="700")


def test_what_differs_from_slice_to_slice_as_well_tells_nothing(tmp_path):
    made = slices(STORED, TriggerTime=[str(10 + k) for k in range(7)]) + slices(STORED // 2, TriggerTime=[str(500 + k) for k in range(7)])
    for n, one in enumerate(made):
        one.InstanceNumber = str(n + 1)
    folder = save(made, tmp_path / "a")
    with pytest.raises(InputError, match="2 stacks.*volume 1.*volume 2"):
        read_volume(folder)
    assert_is(read_volume(folder, stack="2"), STORED // 2)


def test_series_are_listed_and_chosen(tmp_path):
    save(slices(STORED, series="T2 FLAIR", SeriesNumber="7"), tmp_path / "a")
    folder = save(slices(STORED // 2, series="ADC map", SeriesNumber="5"), tmp_path / "a")
    with pytest.raises(InputError, match="2 series .1: ADC map, 7 files, 20 x 24 x 7; 2: T2 FLAIR, 7 files.*--series"):
        read_volume(folder)
    assert_is(read_volume(folder, series="2"))
    assert_is(read_volume(folder, series="adc"), STORED // 2)
    assert len(read_volume(folder, series="adc").identity["files"]) == 7
    with pytest.raises(InputError, match="no series fits 't1'"):
        read_volume(folder, series="t1")


def test_copies_count_once_and_folders_below_are_looked_through(tmp_path):
    made = slices(STORED)
    save(made, tmp_path / "disc" / "SE1")
    save(made[:3], tmp_path / "disc" / "SE2")
    steps = []
    assert_is(read_dicom(tmp_path / "disc", progress=Progress(lambda *step: steps.append(step))))
    assert {task for task, _, _ in steps} == {"looking through files", "reading slices"}


def test_slices_that_share_an_instance_uid_are_all_read(tmp_path):
    assert_is(read_volume(save(slices(STORED, SOPInstanceUID="1.2.3.4"), tmp_path / "a")))


def test_objects_without_pixels_beside_the_slices_are_passed_over(tmp_path):
    save([new("1.2.840.10008.5.1.4.1.1.88.11", "report")], tmp_path / "a")
    assert_is(read_volume(save(slices(STORED), tmp_path / "a")))
    with pytest.raises(InputError, match="no DICOM series"):
        read_volume(save([new("1.2.840.10008.5.1.4.1.1.88.11", "report")], tmp_path / "b"))


def _broken(made, what):
    one, edges = made[4], np.linalg.norm(GRID[:3, :3], axis=0)
    if what == "gap":
        del made[3]
    elif what in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(one, what)
    elif what == "tilt":
        for k, each in enumerate(made):
            each.ImagePositionPatient = numbers(np.array(each.ImagePositionPatient, float) + k * 0.8 * GRID[:3, 1] / edges[1])
    elif what == "shift":
        one.ImagePositionPatient = numbers(np.array(one.ImagePositionPatient, float) + GRID[:3, 1])
    elif what == "uneven":
        one.ImagePositionPatient = numbers(np.array(one.ImagePositionPatient, float) + 0.3 * GRID[:3, 2])
    elif what == "twice":
        one.ImagePositionPatient = made[3].ImagePositionPatient
    elif what == "patient":
        one.PatientID = "P2"
    elif what == "mosaic":
        one.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
    elif what == "slope":
        one.RescaleSlope, one.RescaleIntercept = "0", "0"
    elif what == "colour":
        one.SamplesPerPixel = 3
    return made


@pytest.mark.parametrize("what, words", [
    ("gap", r"slices are missing .between 0002\.dcm and 0003\.dcm"), ("ImagePositionPatient", r"0004\.dcm has no position"),
    ("ImageOrientationPatient", r"0004\.dcm has no orientation"), ("PixelSpacing", r"0004\.dcm has no pixel spacing"),
    ("tilt", "tilted"), ("shift", r"shifted.*0004\.dcm"), ("uneven", "uneven"), ("twice", r"0003\.dcm and 0004\.dcm.*same position"),
    ("patient", r"2 patients .*0000\.dcm and 0004\.dcm"), ("mosaic", "mosaic.*dcm2niix"),
    ("slope", r"0004\.dcm: the rescale slope"), ("colour", "colours")])
def test_what_is_no_even_stack_is_refused_by_name(tmp_path, what, words):
    with pytest.raises(InputError, match=words) as said:
        read_volume(save(_broken(slices(STORED), what), tmp_path / "a"))
    assert "\n" not in str(said.value) and str(said.value).endswith(".")


def test_frames_of_reference_that_differ_are_told(tmp_path):
    read = read_volume(save(slices(STORED, FrameOfReferenceUID=["1.2.4"] * 4 + ["1.2.5"] * 3), tmp_path / "a"))
    assert_is(read)
    assert len(read.notes) == 1 and "different frames of reference" in read.notes[0]


def test_positions_with_few_digits_lean_no_stack(tmp_path):
    made = slices(STORED)
    for one in made:
        one.ImagePositionPatient = [f"{float(x):.1f}" for x in one.ImagePositionPatient]
    read = read_volume(save(made, tmp_path / "a"))
    np.testing.assert_array_equal(read.array, STORED)
    assert np.abs(read.affine - LPS @ GRID).max() < 0.06 and read.notes == ()


def test_bytes_behind_the_pixels_are_passed_over_in_silence(tmp_path, recwarn):
    made = slices(STORED)
    for one in made:
        one.PixelData += bytes(40)
    assert_is(read_volume(save(made, tmp_path / "a")))
    assert not recwarn.list


@pytest.mark.parametrize("degrees, words", [(90.0, "orientation axial.*orientation"), (4.0, "turned by 4 degrees"),
                                            (0.3, "turned against")])
def test_slices_in_several_planes(tmp_path, degrees, words):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    other = GRID.copy()
    other[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ GRID[:3, :3]
    made = slices(STORED[:4]) + [one for k, one in enumerate(slices(STORED, other)) if k > 3]
    with pytest.raises((InputError, GeometryError), match=words):
        read_volume(save(made, tmp_path / "a"))


def test_pixels_of_two_sizes_are_two_stacks(tmp_path):
    larger = GRID.copy()
    larger[:3, :2] *= 1.3
    larger[:3, 3] += 40 * GRID[:3, 2]
    with pytest.raises(InputError, match="differ in pixel spacing"):
        read_volume(save(slices(STORED) + slices(STORED, larger), tmp_path / "a"))
