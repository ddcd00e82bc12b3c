"""b-values in the elements of GE, Philips and Siemens: in any block, of known and unknown types, with and without directions."""
import struct

import numpy as np
import pytest
from dicom_making import GRID, LPS, enhanced, item, save, slices
from diffusion_making import fibres, series
from pydicom.uid import ImplicitVRLittleEndian

from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.adc import adc_of
from FusionINNLib.volumes.diffusion import read_diffusion
from FusionINNLib.volumes.io import read_volume


def _put(made, group, creator, block, number, kind, value, is_unknown):
    """A private element in a block of one's choice; is_unknown: as bytes of no known type (UN)."""
    if is_unknown:
        packed = {"FL": "f", "FD": "d"}.get(kind)
        text = "\\".join(f"{one:.6g}" if kind == "DS" else str(one) for one in np.ravel(value)).encode()
        value = text + b" " * (len(text) % 2) if packed is None else struct.pack(f"<{np.size(value)}{packed}", *np.ravel(value))
        kind = "UN"
    made.add_new((group, block), "LO", creator)
    made.add_new((group, block << 8 | number), kind, value)


def ge(made, b, direction, block, is_unknown):
    _put(made, 0x0043, "GEMS_PARM_01", block, 0x39, "IS", [int(1e9 + b) if b else 0, 8, 0, 0], is_unknown)
    for number, part in zip((0xbb, 0xbc, 0xbd), (0, 0, 0) if direction is None else direction):
        _put(made, 0x0019, "GEMS_ACQU_01", block, number, "DS", float(f"{part:.6f}"), is_unknown)


def philips(made, b, direction, block, is_unknown):
    _put(made, 0x2001, "Philips Imaging DD 001", block, 0x03, "FL", float(b), is_unknown)
    for number, part in zip((0xb0, 0xb1, 0xb2), (0, 0, 0) if direction is None else direction):
        _put(made, 0x2005, "Philips MR Imaging DD 001", block, number, "FL", float(part), is_unknown)


def siemens(made, b, direction, block, is_unknown):
    _put(made, 0x0019, "SIEMENS MR HEADER", block, 0x0c, "IS", int(b), is_unknown)
    if direction is not None:
        _put(made, 0x0019, "SIEMENS MR HEADER", block, 0x0e, "FD", [float(x) for x in direction], is_unknown)


def csa(made, b, direction, block, is_unknown):
    """The CSA header alone, SV10 with two entries, as syngo MR writes it."""
    def entry(name, kind, texts):
        head = name.encode().ljust(64, b"\0") + struct.pack("<i", len(texts)) + kind.ljust(4, b"\0")
        head += struct.pack("<iii", 0, max(6, len(texts)), 77)
        body = b""
        for n in range(max(6, len(texts))):
            text = texts[n].encode() + b"\0" if n < len(texts) else b""
            body += struct.pack("<4i", len(text), len(text), 77, 0) + text + b"\0" * (-len(text) % 4)
        return head + body

    entries = [entry("B_value", b"IS", [str(int(b))])]
    entries += [] if direction is None else [entry("DiffusionGradientDirection", b"FD", [f"{x:.8f}" for x in direction])]
    value = b"SV10\4\3\2\1" + struct.pack("<ii", len(entries), 77) + b"".join(entries)
    _put(made, 0x0029, "SIEMENS CSA HEADER", block, 0x10, "OB", value + b"\0" * (len(value) % 2), False)


VENDORS = (ge, philips, siemens, csa)


def folder_of(path, images, b_values, directions, put, block=0x10, is_unknown=False, implicit=False):
    """Classic files of all images, one after the other."""
    for n, (image, b) in enumerate(zip(images, b_values)):
        made = slices(np.rint(image).astype(np.uint16), series="DWI", AcquisitionNumber="1",
                      InstanceNumber=[str(n * len(image) + k + 1) for k in range(len(image))])
        for one in made:
            put(one, b, directions[n], block, is_unknown)
            if implicit:
                one.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        save(made, path)
    return path


@pytest.mark.parametrize("put", VENDORS)
@pytest.mark.parametrize(("block", "is_unknown", "implicit"),
                         [(0x10, False, False), (0x11, True, False), (0xe3, False, True), (0x42, True, True)])
def test_images_of_a_scanner_give_their_adc(tmp_path, put, block, is_unknown, implicit):
    images, adc, inside = series((0, 500, 1000))
    folder = folder_of(tmp_path / "dwi", images, (0, 500, 1000), [None] * 3, put, block, is_unknown, implicit)
    read = read_diffusion(folder)
    assert sorted(read.b_values) == [0, 500, 1000]
    for b, image in zip(read.b_values, read.images):
        np.testing.assert_array_equal(image, np.rint(images[(0, 500, 1000).index(b)]))
    np.testing.assert_allclose(read.first.affine, LPS @ GRID, atol=1e-4)
    assert main(["adc", str(folder), "--out", str(tmp_path / "adc.nii.gz")]) == 0
    assert np.median(np.abs(read_volume(tmp_path / "adc.nii.gz").values - adc)[inside]) < 0.02
    np.testing.assert_array_equal(read_volume(folder, stack="500").array, np.rint(images[1]))


@pytest.mark.parametrize("put", VENDORS)
def test_directions_and_repeated_images_without_one_are_told_apart(tmp_path, put):
    """Two images at b = 0, six directions at b = 1000, and their trace image, which has none."""
    images, b_values, directions, inside = fibres(1000.0)
    trace = np.exp(np.log(np.maximum(images[1:], 1e-9)).mean(axis=0))
    images = np.stack([images[0], images[0] * 0.98, *images[1:], trace])
    b_values, ways = (0, 0, *[1000] * 7), [None, None, *directions[1:], None]
    read = read_diffusion(folder_of(tmp_path / "dwi", images, b_values, ways, put))
    assert sorted(read.b_values) == [0, 0, *[1000] * 7]
    stored = [np.rint(image) for image in images]
    for b in (0, 1000):
        expected = sorted(float(image.sum()) for image, own in zip(stored, b_values) if own == b)
        assert sorted(float(image.sum(dtype=np.float64)) for image, own in zip(read.images, read.b_values) if own == b) == expected
    reference = adc_of(np.stack(stored), np.array(b_values, float))
    np.testing.assert_allclose(adc_of(read.images, read.b_values).values, reference.values, atol=1e-5)


def test_enhanced_frames_that_only_say_that_there_is_no_diffusion(tmp_path):
    images = [np.rint(image).astype(np.uint16) for image in series((0, 1000))[0]]
    groups = [item(MRDiffusionSequence=item(**words))[0] for words in (
        {"DiffusionDirectionality": "NONE"}, {"DiffusionDirectionality": "ISOTROPIC", "DiffusionBValue": 1000.0})]
    count = len(images[0])
    made = enhanced([*images[0], *images[1]], [(GRID, k) for _ in images for k in range(count)],
                    per_frame=[{"MRDiffusionSequence": group.MRDiffusionSequence} for group in groups for _ in range(count)])
    read = read_diffusion(save([made], tmp_path / "a"))
    assert list(read.b_values) == [0, 1000]
    np.testing.assert_array_equal(read.images, images)


def test_without_their_creator_such_elements_say_nothing(tmp_path):
    def nobody(made, b, direction, block, is_unknown):
        _put(made, 0x0043, "SOMEBODY ELSE", block, 0x39, "IS", [int(b), 8, 0, 0], is_unknown)

    images, _, _ = series((0, 1000))
    with pytest.raises(InputError, match="hold no b-values"):
        read_diffusion(folder_of(tmp_path / "a", images, (0, 1000), [None] * 2, nobody))


def test_mosaics_are_told_as_such(tmp_path):
    def mosaic(made, b, direction, block, is_unknown):
        _put(made, 0x0019, "SIEMENS MR HEADER", 0x2f, 0x0a, "US", 36, False)

    with pytest.raises(InputError, match="is a mosaic"):
        read_diffusion(folder_of(tmp_path / "a", series((0, 1000))[0], (0, 1000), [None] * 2, mosaic))


def test_numbers_that_are_no_b_values_split_nothing(tmp_path):
    """GE's element holds other numbers in other sequences; a scan without diffusion is one volume and tells no b = 0."""
    image = series((0,))[0]
    for value, name in ((0, "a"), (70_000, "b")):
        folder = folder_of(tmp_path / name, image, (value,), [None], lambda made, b, *rest: ge(made, b - 1e9 if b else 0, *rest))
        np.testing.assert_array_equal(read_volume(folder).array, np.rint(image[0]))
