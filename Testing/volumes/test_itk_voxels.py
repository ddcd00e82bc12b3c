"""NRRD, MetaImage, FreeSurfer's files and PNG: voxels that are missing, cut off, packed otherwise or not what the name says."""
import gzip
import re
import struct
import zlib

import nibabel as nib
import numpy as np
import pytest
from making import AFFINES, noise
from PIL import Image

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.color_files import read_scan
from FusionINNLib.volumes.io import read_segmentation, read_volume

ARRAY = noise()
LPS = np.diag([-1.0, -1, 1, 1]) @ AFFINES["oblique"]
META = {"ObjectType": "Image", "NDims": 3, "BinaryData": "True", "BinaryDataByteOrderMSB": "False", "ElementSpacing": "1.5 1.25 4",
        "Offset": "1 2 3", "TransformMatrix": "1 0 0 0 1 0 0 0 1", "DimSize": " ".join(map(str, ARRAY.shape[::-1])),
        "ElementType": "MET_SHORT"}


def meta(path, content=None, data="LOCAL", **fields):
    lines = "".join(f"{key} = {value}\n" for key, value in {**META, **fields, "ElementDataFile": data}.items())
    path.write_bytes(lines.encode() + (ARRAY.tobytes() if content is None else content))
    return path


def nrrd(path, content=None, array=ARRAY, **fields):
    columns = " ".join("(" + ",".join(f"{x:.12g}" for x in column) + ")" for column in LPS[:3, :3].T)
    layers = array.ndim == 4
    known = {"type": {"i2": "short", "u1": "uchar"}[array.dtype.str[1:]], "dimension": array.ndim, "endian": "little", "encoding": "raw",
             "sizes": " ".join(map(str, array.shape[::-1])), "kinds": "list " * layers + "domain domain domain",
             "space": "left-posterior-superior", "space directions": "none " * layers + columns, "space origin": "(1,2,3)"}
    known |= {key.replace("_", " "): value for key, value in fields.items() if not key.startswith("Segment")}
    lines = [f"{key}: {value}" for key, value in known.items()]
    lines += [f"{key}:={value}" for key, value in fields.items() if key.startswith("Segment")]
    path.write_bytes("\n".join(["NRRD0005", *lines]).encode() + b"\n\n" + (array.tobytes() if content is None else content))
    return path


def refused(path, words, capfd, read=read_scan):
    with pytest.raises(InputError, match=words) as said:
        read(path)
    assert str(said.value).endswith(".") and "\n" not in str(said.value) and capfd.readouterr().err == ""


@pytest.mark.parametrize("content, fields, words", [
    (ARRAY.tobytes()[:-9], {}, "cut off"), (zlib.compress(ARRAY.tobytes()), {"CompressedData": "True"}, "CompressedDataSize"),
    (zlib.compress(ARRAY.tobytes())[:-9], {"CompressedData": "True", "CompressedDataSize": 300}, "damaged or cut off"),
    (b"1 2 3", {"BinaryData": "False"}, "as text"), (None, {"data": "x.raw"}, "names x.raw for the voxels, which is not there"),
    (None, {"Offset": "1 nan 3"}, "1 nan 3 for offset"), (None, {"Offset": "1 2"}, "1 2 for offset"),
    (None, {"NDims": 2, "DimSize": "7 6", "ElementSpacing": "1 1", "Offset": "1 2", "TransformMatrix": "1 0 0 1"}, "a plane of two axes")])
def test_a_metaimage_without_its_voxels_is_refused_in_one_sentence(tmp_path, content, fields, words, capfd):
    refused(meta(tmp_path / "x.mha", content, **fields), words, capfd)


def test_packed_voxels_that_unpack_to_less_are_refused(tmp_path, capfd):
    packed = zlib.compress(ARRAY.tobytes())
    fields = {"CompressedData": "True", "CompressedDataSize": len(packed)}
    np.testing.assert_array_equal(read_volume(meta(tmp_path / "x.mha", packed, **fields)).array, ARRAY)
    flipped = bytearray(packed)
    flipped[60] ^= 255
    refused(meta(tmp_path / "y.mha", bytes(flipped), **fields), "damaged or cut off", capfd)


@pytest.mark.parametrize("fields, content, words", [
    ({"encoding": "bzip2"}, None, "packed as bzip2"), ({"data_file": "x.raw"}, b"", "names x.raw for the voxels, which is not there"),
    ({}, ARRAY.tobytes()[:-9], "cut off")])
def test_an_nrrd_without_its_voxels_is_refused_in_one_sentence(tmp_path, fields, content, words, capfd):
    refused(nrrd(tmp_path / "x.nrrd", content, **fields), words, capfd)


def test_voxels_behind_those_of_the_header_are_told(tmp_path):
    for path in (nrrd(tmp_path / "x.nrrd", 2 * ARRAY.tobytes()), meta(tmp_path / "x.mha", 2 * ARRAY.tobytes())):
        read = read_volume(path)
        np.testing.assert_array_equal(read.array, ARRAY)
        assert "behind the voxels" in read.notes[0]


def test_the_content_counts_and_not_the_name(tmp_path, capfd):
    for path, made in ((tmp_path / "x.mha", nrrd), (tmp_path / "x.nrrd", meta)):
        np.testing.assert_array_equal(read_volume(made(path)).array, ARRAY)
    Image.fromarray(ARRAY[0].astype(np.uint8)).save(tmp_path / "y.mha", format="TIFF")
    refused(tmp_path / "y.mha", "neither NRRD nor MetaImage", capfd)


def test_lengths_that_make_unusual_voxels_are_told(tmp_path):
    read = read_volume(meta(tmp_path / "x.mha", ElementSpacing="0.0015 0.00125 0.004"))
    assert "unusual voxels of 0.0015 x 0.00125 x 0.004 mm" in read.notes[0]


def test_bytes_that_are_called_a_list_are_told_to_be_taken_as_colours(tmp_path):
    array = np.random.default_rng(2).integers(0, 255, (5, 6, 7, 3), np.uint8)
    scan = read_scan(nrrd(tmp_path / "x.nrrd", array=array))
    assert "a list" in scan.luminance.notes[0]


def segment(number, label, layer=0):
    return {f"Segment{number}_ID": f"S{number}", f"Segment{number}_LabelValue": label, f"Segment{number}_Layer": layer}


@pytest.mark.parametrize("layers, fields, words", [
    (1, segment(0, 1), "no segment for label 2: kept"), (2, segment(0, 1), "no segment for labels 2, 1, 2: left out")])
def test_labels_of_no_segment_are_told(tmp_path, layers, fields, words):
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[2, 2:4, 2:4], labels[3, 1:3, 1:3] = 1, 2
    array = labels if layers == 1 else np.stack([labels, labels], axis=-1)
    read = read_segmentation(nrrd(tmp_path / "x.seg.nrrd", array=array, **fields))
    assert any(re.search(words, note) for note in read.notes)


@pytest.mark.parametrize("fields, words", [(segment(0, 1, layer=5), "layer 5"),
                                           ({"Segmentation_MasterRepresentation": "Fractional labelmap"}, "holds fractions")])
def test_segments_of_no_layer_and_fractions_are_refused(tmp_path, fields, words, capfd):
    labels = np.zeros((5, 6, 7, 2), np.uint8)
    labels[2, 2:4, 2:4] = 1
    refused(nrrd(tmp_path / "x.seg.nrrd", array=labels, **fields), words, capfd, read_segmentation)


def test_a_freesurfer_file_is_packed_or_not_and_says_where_it_lies_or_not(tmp_path):
    nib.save(nib.MGHImage(ARRAY.T, AFFINES["oblique"].astype("f4")), tmp_path / "x.mgh")
    content = bytearray((tmp_path / "x.mgh").read_bytes())
    (tmp_path / "y.mgz").write_bytes(content)
    (tmp_path / "z.mgh").write_bytes(gzip.compress(content))
    for name in ("y.mgz", "z.mgh"):
        read = read_volume(tmp_path / name)
        np.testing.assert_array_equal(read.array, ARRAY)
        assert read.notes == ()
    content[28:30] = bytes(2)
    (tmp_path / "u.mgh").write_bytes(content)
    assert "doesn't say where the volume lies" in read_volume(tmp_path / "u.mgh").notes[0]


@pytest.mark.parametrize("kind, channels", [(2, 3), (4, 2), (6, 4)])
def test_pictures_of_16_bits_that_would_lose_half_of_them_are_refused(tmp_path, kind, channels, capfd):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + np.full((9, channels), 257 * n, ">u2").tobytes() for n in range(8))
    header = struct.pack(">IIBBBBB", 9, 8, 16, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    refused(tmp_path / "x.png", "16 bits", capfd)


def test_an_animated_picture_is_refused(tmp_path, capfd):
    first, second = (Image.fromarray(np.arange(n, n + 72, dtype=np.uint8).reshape(8, 9)) for n in (0, 50))
    first.save(tmp_path / "x.png", save_all=True, append_images=[second])
    refused(tmp_path / "x.png", "animated", capfd)
