"""Colour from DICOM, as PET and SPECT are displayed: every kind of colours of secondary captures becomes the bytes meant."""
import io

import numpy as np
import pytest
from dicom_making import GRID, LPS, enhanced, save, slices
from making import head
from PIL import Image
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.color_files import GREY_NOTE, read_scan
from FusionINNLib.volumes.io import read_volume

INDEX = head(np.uint8, (4, 40, 48), seed=3) // 2
"""Numbers 0..127 into a palette."""
PALETTE = np.stack([np.arange(256), np.arange(256)[::-1] // 2, (np.arange(256) * 7) % 256], 1).astype(np.uint8)
RGB = PALETTE[INDEX]


def captures(rgb=RGB, photometric: str = "RGB", **elements):
    """Classic secondary captures with a place in the patient, uncompressed."""
    made = slices(np.zeros(rgb.shape[:3], np.uint8), series="SPECT as displayed", SOPClassUID=SecondaryCaptureImageStorage, **elements)
    for one, plane in zip(made, rgb):
        one.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, photometric, 0
        one.PixelData = np.ascontiguousarray(plane).tobytes()
    return made


def planes_one_after_the_other():
    made = captures()
    for one, plane in zip(made, RGB):
        one.PlanarConfiguration, one.PixelData = 1, np.ascontiguousarray(plane.transpose(2, 0, 1)).tobytes()
    return made


def ybr_full():
    return captures(convert_color_space(RGB, "RGB", "YBR_FULL"), "YBR_FULL")


def ybr_422():
    """Cb and Cr of the left one of two pixels each."""
    made = captures(photometric="YBR_FULL_422")
    for one, plane in zip(made, convert_color_space(RGB, "RGB", "YBR_FULL")):
        y, cb, cr = (plane[..., n] for n in range(3))
        one.PixelData = np.stack([y[:, ::2], y[:, 1::2], cb[:, ::2], cr[:, ::2]], -1).tobytes()
    return made


def packed(syntax):
    made = captures()
    for one in made:
        one.compress(syntax, generate_instance_uid=False)
    return made


def jpeg():
    made = captures(photometric="YBR_FULL_422")
    for one, plane in zip(made, RGB):
        file = io.BytesIO()
        Image.fromarray(plane).save(file, "JPEG", quality=98)
        one.PixelData = encapsulate([file.getvalue()])
        one["PixelData"].is_undefined_length = True
        one.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return made


def palette(bits: int = 8, first: int = 0, shifted: bool = True, deep: bool = False):
    """Bits of an entry, number of the first one; shifted: whether bytes are in the upper half of words; deep: pixels of 16 bits."""
    stored = (INDEX.astype(int) + first).astype(np.uint16 if deep else np.uint8)
    made = slices(stored, series="SPECT", PhotometricInterpretation="PALETTE COLOR", SOPClassUID=SecondaryCaptureImageStorage)
    for one in made:
        one.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        for n, name in enumerate(("Red", "Green", "Blue")):
            entries = PALETTE[:128, n]
            words = entries.astype(np.uint16) * (257 if shifted else 1)
            setattr(one, f"{name}PaletteColorLookupTableDescriptor", [128, first, bits])
            setattr(one, f"{name}PaletteColorLookupTableData", entries.tobytes() if bits == 8 else words.tobytes())
    return made


@pytest.mark.parametrize(("make", "off"), [
    (captures, 0), (planes_one_after_the_other, 0), (ybr_full, 2), (lambda: packed(RLELossless), 0),
    (lambda: packed(JPEG2000Lossless), 0), (palette, 0), (lambda: palette(16), 0), (lambda: palette(16, shifted=False), 0),
    (lambda: palette(8, 40), 0), (lambda: palette(16, 300, deep=True), 0)])
def test_kinds_of_colours_become_the_bytes_that_were_meant(tmp_path, make, off):
    """off: grey levels by which they may differ."""
    folder = save(make()[::-1], tmp_path / "a")
    scan = read_scan(folder)
    assert isinstance(scan, ColorVolume) and scan.luminance.identity["patient_id"] == "P1" and len(scan.luminance.identity["files"]) == 4
    np.testing.assert_allclose(scan.luminance.affine, LPS @ GRID, atol=1e-4)
    assert np.abs(scan.rgb.astype(int) - RGB).max() <= off
    with pytest.raises(InputError, match="the pixels are colours"):
        read_volume(folder)


def test_neighbours_that_share_their_hue_do_so(tmp_path):
    rgb = read_scan(save(jpeg(), tmp_path / "a")).rgb
    pillow = [np.asarray(Image.open(io.BytesIO(get_frame(one.PixelData, 0)))) for one in jpeg()]
    assert np.abs(rgb.astype(int) - np.stack(pillow)).max() <= 1
    ybr = convert_color_space(RGB, "RGB", "YBR_FULL")
    ybr[:, :, 1::2, 1:] = ybr[:, :, ::2, 1:]
    shared = convert_color_space(ybr, "YBR_FULL", "RGB")
    assert np.abs(read_scan(save(ybr_422(), tmp_path / "b")).rgb.astype(int) - shared).max() <= 1


def test_a_file_of_several_frames_and_one_of_a_single_slice(tmp_path):
    made = enhanced(list(INDEX), [(GRID, k) for k in (2, 0, 3, 1)], series="SPECT")
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.PixelData = RGB.tobytes()
    path = save([made], tmp_path / "a") / "0000.dcm"
    np.testing.assert_array_equal(read_scan(path).rgb, RGB[[1, 3, 0, 2]])
    one = read_scan(save(captures()[1:2], tmp_path / "b") / "0000.dcm")
    np.testing.assert_array_equal(one.rgb, RGB[1:2])
    assert one.luminance.spacing_ijk_mm[2] == pytest.approx(np.linalg.norm(GRID[:3, 2]), rel=1e-6)


def test_grey_in_colour_is_grey(tmp_path):
    scan = read_scan(save(captures(np.repeat(INDEX[..., None], 3, -1)), tmp_path / "a"))
    np.testing.assert_array_equal(scan.array, INDEX)
    assert GREY_NOTE in scan.notes


def _without_places():
    made = captures()
    for one in made:
        del one.ImagePositionPatient, one.ImageOrientationPatient
    return made


def _deep():
    made = captures()
    for one, plane in zip(made, RGB):
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelData = 16, 12, 11, plane.astype("<u2").tobytes()
    return made


def _one_sample():
    made = captures()
    for one in made:
        one.SamplesPerPixel = 1
    return made


def _cut():
    made = captures()
    made[2].PixelData = made[2].PixelData[:100]
    return made


@pytest.mark.parametrize(("make", "error", "words"), [
    (_without_places, GeometryError, "without a place in the patient.*save this picture and its partner as PNG"),
    (_one_sample, InputError, "not three numbers of 8 bits"), (_deep, InputError, "not three numbers of 8 bits"),
    (_cut, InputError, "damaged or cut off"),
    (lambda: captures(photometric="HSV"), InputError, "HSV and not one of"),
    (lambda: captures()[:2] + slices(INDEX, series="SPECT as displayed")[2:], InputError, "is grey and not one of"),
    (lambda: captures()[:1] + captures()[2:], GeometryError, "slices are missing|uneven")])
def test_what_is_no_volume_of_colours_is_refused(tmp_path, make, error, words):
    with pytest.raises(error, match=words):
        read_scan(save(make(), tmp_path / "a"))


def test_palettes_with_damaged_tables_are_refused(tmp_path):
    made = palette()
    for one in made:
        del one.GreenPaletteColorLookupTableData
    with pytest.raises(InputError, match="damaged or cut off"):
        read_scan(save(made, tmp_path / "a"))


def test_a_display_beside_the_values_is_a_series_to_choose(tmp_path):
    save(slices(INDEX, series="SPECT values", SeriesInstanceUID="1.2.9"), tmp_path / "a")
    folder = save(captures(), tmp_path / "a")
    np.testing.assert_array_equal(read_scan(folder, series="values").array, INDEX)
    np.testing.assert_array_equal(read_scan(folder, series="displayed").rgb, RGB)
