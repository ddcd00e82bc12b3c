"""What headers leave open or contradict is said; lengths come in mm; pairs, single slices and FreeSurfer's files are read."""
import gzip
import re

import nibabel as nib
import numpy as np
import pytest
from making import AFFINES, affine_from, head, noise, rotation, write_with_nibabel

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.volumes.io import read_segmentation, read_volume, sha256

OBLIQUE = affine_from(rotation(0.1, -0.05, 0.08), (1.5, 1.25, 4.0))
LPS = np.diag([-1.0, -1, 1, 1]) @ OBLIQUE


def nifti(path, change=lambda header: None, array=None, magic=b"n+1"):
    """A NIfTI file whose header is changed just before it is written, as no library would let it be."""
    array = noise() if array is None else array
    header = nib.Nifti1Header()
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape[::-1])
    header.set_qform(OBLIQUE, 1)
    header.set_sform(OBLIQUE, 1)
    header.set_xyzt_units("mm")
    header["magic"], header["vox_offset"], header["scl_slope"] = magic, 352 if magic == b"n+1" else 0, 1
    change(header)
    if magic == b"n+1":
        path.write_bytes(header.binaryblock + bytes(4) + array.tobytes())
    else:
        path.write_bytes(header.binaryblock + bytes(4))
        path.with_suffix(".img").write_bytes(array.tobytes())
    return path


def _edge(header, axis, edge):
    header["pixdim"][axis + 1] = edge


def _moved(header):
    moved = OBLIQUE.copy()
    moved[2, 3] += 9
    header.set_qform(moved, 1)
    header.set_sform(OBLIQUE, 1)


def _mirrored(header):
    header.set_qform(np.diag([-1.0, 1, 1, 1]) @ OBLIQUE, 1)
    header.set_sform(OBLIQUE, 1)


@pytest.mark.parametrize("change, words", [
    (_moved, "sform and qform contradict.*9 mm"), (_mirrored, "sform and qform contradict.*mirrored"),
    (lambda header: (header.set_qform(None, 0), _edge(header, 2, 5)), "sform and pixdim contradict.*4 and of .* 5"),
    (lambda header: header.__setitem__("vox_offset", 0), "vox_offset 0")])
def test_contradictions_are_told_and_the_sform_counts(tmp_path, change, words):
    read = read_volume(nifti(tmp_path / "x.nii", change))
    np.testing.assert_array_equal(read.array, noise())
    np.testing.assert_allclose(read.affine, OBLIQUE, atol=1e-4)
    assert len(read.notes) == 1 and re.search(words, read.notes[0])


@pytest.mark.parametrize("change, words", [
    (lambda header: (header.set_sform(None, 0), _edge(header, 2, 0)), "voxel spacing .pixdim. of 0 along axis k"),
    (lambda header: (header.set_sform(None, 0), _edge(header, 0, np.nan)), "voxel spacing"),
    (lambda header: header.__setitem__("vox_offset", 100), "vox.offset 100"),
    (lambda header: header.__setitem__("vox_offset", 352.5), "begin at byte 352.5"),
    (lambda header: header.__setitem__("vox_offset", np.inf), "begin at byte inf"),
    (lambda header: header.__setitem__("vox_offset", 800), "cut off"),
    (lambda header: header.__setitem__("magic", b""), "Analyze")])
def test_headers_that_can_not_be_are_refused(tmp_path, change, words, capfd, caplog):
    with pytest.raises(InputError, match=words):
        read_volume(nifti(tmp_path / "x.nii", change))
    assert capfd.readouterr().err == "" and caplog.records == [], "one sentence, and no library's words beside it"


def test_voxels_beyond_those_that_the_header_tells_of_are_told(tmp_path):
    read = read_volume(nifti(tmp_path / "x.nii", lambda header: header["dim"].__setitem__(3, 4)))
    np.testing.assert_array_equal(read.array, noise()[:4])
    assert len(read.notes) == 1 and f"goes on for {noise()[4].nbytes} bytes" in read.notes[0]


def test_a_header_without_units_is_no_news_in_mm(tmp_path):
    assert read_volume(nifti(tmp_path / "x.nii", lambda header: header.set_xyzt_units("unknown"))).notes == ()
    large = np.diag([1000.0, 1000, 1000, 1]) @ OBLIQUE

    def unsaid(header):
        header.set_qform(large, 1)
        header.set_sform(large, 1)
        header.set_xyzt_units("unknown")
    assert "no unit of length" in read_volume(nifti(tmp_path / "y.nii", unsaid)).notes[0]


def test_a_pair_of_files_is_read_from_either_and_both_are_checked(tmp_path):
    nifti(tmp_path / "x.hdr", magic=b"ni1")
    for name in ("x.hdr", "x.img"):
        read = read_volume(tmp_path / name)
        np.testing.assert_array_equal(read.array, noise())
        assert read.name == "x"
    before = sha256(tmp_path / "x.hdr")
    packed = gzip.compress((tmp_path / "x.img").read_bytes())
    (tmp_path / "x.img").unlink()
    (tmp_path / "x.img.gz").write_bytes(packed)
    np.testing.assert_array_equal(read_volume(tmp_path / "x.hdr").array, noise())
    assert sha256(tmp_path / "x.hdr") != before
    (tmp_path / "x.img.gz").unlink()
    with pytest.raises(InputError, match="x"):
        read_volume(tmp_path / "x.hdr")


@pytest.mark.parametrize("shape, axis", [((1, 6, 7), 0), ((5, 1, 7), 1), ((5, 6, 1), 2)])
def test_one_slice_is_a_volume(tmp_path, shape, axis):
    read = read_volume(write_with_nibabel(tmp_path / "x.nii", noise(shape=shape).T, np.diag([1, 1, 3.0, 1])))
    assert read.shape == shape and read.through_plane_axis == axis
    flat = read_volume(write_with_nibabel(tmp_path / "y.nii", noise(shape=(6, 7)).T))
    assert flat.shape == (1, 6, 7) and flat.through_plane_axis == 0


def test_freesurfer(tmp_path):
    nib.save(nib.MGHImage(noise(np.float32).T, AFFINES["oblique"].astype("f4")), tmp_path / "x.mgz")
    read = read_volume(tmp_path / "x.mgz")
    np.testing.assert_array_equal(read.array, noise(np.float32))
    np.testing.assert_allclose(read.affine, AFFINES["oblique"], atol=1e-4)
    nib.save(nib.MGHImage(np.stack([noise(np.float32).T] * 2, axis=3), np.eye(4)), tmp_path / "y.mgz")
    with pytest.raises(InputError, match="2 frames"):
        read_volume(tmp_path / "y.mgz")
    (tmp_path / "z.mgz").write_bytes(gzip.compress(b"x" * 500))
    with pytest.raises(InputError, match="FreeSurfer"):
        read_volume(tmp_path / "z.mgz")


def nrrd(path, array=None, affine=LPS, **fields):
    """A raw NRRD; a field that is None is left out. The last axis of the array is the first in the file."""
    array = noise() if array is None else array
    columns = " ".join("(" + ",".join(f"{x:.12g}" for x in column) + ")" for column in affine[:3, :3].T)
    known = {"type": {"i2": "short", "u1": "uchar"}[array.dtype.str[1:]], "dimension": array.ndim, "endian": "little", "encoding": "raw",
             "sizes": " ".join(map(str, array.shape[::-1])), "space dimension": None,
             "kinds": ("list " if array.ndim == 4 else "") + "domain domain domain", "space": "left-posterior-superior",
             "space directions": ("none " if array.ndim == 4 else "") + columns,
             "space origin": "(" + ",".join(f"{x:.12g}" for x in affine[:3, 3]) + ")"}
    known |= {key.replace("_", " "): value for key, value in fields.items() if not key.startswith("Segment")}
    lines = [f"{key}: {value}" for key, value in known.items() if value is not None]
    lines += [f"{key}:={value}" for key, value in fields.items() if key.startswith("Segment")]
    path.write_bytes("\n".join(["NRRD0005", *lines]).encode() + b"\n\n" + array.tobytes())
    return path


@pytest.mark.parametrize("fields, words", [
    ({}, None), ({"space": None, "space_dimension": 3}, "no space"), ({"space": "scanner-xyz"}, "scanner-xyz.*left"),
    ({"space": "3D-right-handed"}, "left"), ({"space_units": '"mm" "mm" "mm"'}, None), ({"space": "Left Posterior Superior"}, None)])
def test_the_space_of_an_nrrd(tmp_path, fields, words):
    read = read_volume(nrrd(tmp_path / "x.nrrd", **fields))
    np.testing.assert_allclose(read.affine, OBLIQUE, atol=1e-6)
    assert (read.notes == ()) if words is None else (len(read.notes) == 1 and re.search(words, read.notes[0]))


@pytest.mark.parametrize("space, signs", [("RAS", (1, 1)), ("right-anterior-superior", (1, 1)), ("LAS", (-1, 1))])
def test_sides_come_from_the_space_of_an_nrrd(tmp_path, space, signs):
    read = read_volume(nrrd(tmp_path / "x.nrrd", affine=np.diag([*signs, 1, 1]) @ OBLIQUE, space=space))
    np.testing.assert_allclose(read.affine, OBLIQUE, atol=1e-6)
    assert read.notes == ()


@pytest.mark.parametrize("fields, words", [
    ({"space": "right-posterior-superior"}, "a space right-posterior-superior, which the format does not know"),
    ({"space": "left-posterior-superior-time"}, "time as a fourth axis"), ({"kinds": "domain domain time"}, "5 time points"),
    ({"space_directions": "(1,0,0) (0,1,0) none"}, "no direction for axis 3"), ({"endian": None}, "in which order the bytes"),
    ({"spacings": "9 9 9"}, "both spacings and space directions")])
def test_an_nrrd_that_does_not_say_where_or_what_its_voxels_are_is_refused(tmp_path, fields, words):
    with pytest.raises(InputError, match=words) as said:
        read_volume(nrrd(tmp_path / "x.nrrd", **fields))
    assert str(said.value).startswith("x: the header ") and str(said.value).endswith(".") and "\n" not in str(said.value)


@pytest.mark.parametrize("low, high", [("old min", "old max"), ("oldmin", "oldmax"), ("old min", "")])
def test_the_range_that_values_had_before_is_told(tmp_path, low, high):
    """The format has readers show the numbers as they are stored."""
    path = nrrd(tmp_path / "x.nrrd")
    head, voxels = path.read_bytes().split(b"\n\n", 1)
    more = f"\n{low}: -1.5" + (f"\n{high}: 88" if high else "")
    (tmp_path / "y.nrrd").write_bytes(head + more.encode() + b"\n\n" + voxels)
    read, plain = read_volume(tmp_path / "y.nrrd"), read_volume(path)
    (note,) = set(read.notes) - set(plain.notes)
    assert f"-1.5 to {'88' if high else '?'} before they were made integers" in note
    np.testing.assert_array_equal(read.values, plain.values)


@pytest.mark.parametrize("origin", [None, "none", "(nan,nan,nan)"])
def test_an_nrrd_without_an_origin_is_told(tmp_path, origin):
    read = read_volume(nrrd(tmp_path / "x.nrrd", space_origin=origin))
    np.testing.assert_allclose(read.affine[:3, :3], OBLIQUE[:3, :3], atol=1e-6)
    assert len(read.notes) == 1 and "no space origin" in read.notes[0]


@pytest.mark.parametrize("unit, factor", [("m", 1000.0), ("um", 0.001), ("cm", 10.0)])
def test_an_nrrd_in_other_lengths_comes_in_mm(tmp_path, unit, factor):
    scaled = np.diag([1 / factor] * 3 + [1]) @ LPS
    read = read_volume(nrrd(tmp_path / "x.nrrd", affine=scaled, space_units=" ".join([f'"{unit}"'] * 3)))
    np.testing.assert_allclose(read.affine, OBLIQUE, atol=1e-6)
    assert f"from {unit} to mm" in read.notes[0]
    with pytest.raises(InputError, match="lengths in furlong"):
        read_volume(nrrd(tmp_path / "y.nrrd", space_units='"furlong" "furlong" "furlong"'))


def test_an_nrrd_without_directions_is_told(tmp_path):
    fields = {"space": None, "space_directions": None, "space_origin": None, "spacings": "1.5 1.25 4"}
    read = read_volume(nrrd(tmp_path / "x.nrrd", **fields))
    assert "orientation" in read.notes[0] and read.spacing_ijk_mm == pytest.approx((1.5, 1.25, 4))


def meta(path, **fields):
    lines = {"ObjectType": "Image", "NDims": 3, "BinaryData": "True", "BinaryDataByteOrderMSB": "False", **fields,
             "DimSize": " ".join(map(str, noise().shape[::-1])), "ElementType": "MET_SHORT", "ElementDataFile": "LOCAL"}
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in lines.items()).encode() + noise().tobytes())
    return path


META = {"ElementSpacing": "1.5 1.25 4", "Offset": "1 2 3", "TransformMatrix": "1 0 0 0 1 0 0 0 1"}


@pytest.mark.parametrize("turn", [np.eye(3), np.diag([1, 1, -1]), rotation(0.3, -0.7, 1.9), np.eye(3)[[2, 0, 1]]])
def test_the_directions_of_a_metaimage_are_a_row_for_each_axis(tmp_path, turn):
    read = read_volume(meta(tmp_path / "x.mha", **META | {"TransformMatrix": " ".join(map(repr, map(float, turn.T.ravel())))}))
    expected = np.eye(4)
    expected[:3, :3], expected[:3, 3] = turn * (1.5, 1.25, 4), (1, 2, 3)
    np.testing.assert_allclose(read.affine, np.diag([-1.0, -1, 1, 1]) @ expected, atol=1e-9)


@pytest.mark.parametrize("letters, told", [("RAI", False), ("LPS", False), ("???", False), ("RAS", True), ("AIR", True)])
def test_letters_that_contradict_the_directions_of_a_metaimage_are_told(tmp_path, letters, told):
    notes = read_volume(meta(tmp_path / "x.mha", **META, AnatomicalOrientation=letters)).notes
    assert len(notes) == told and all(f"{letters}, which contradicts" in note for note in notes)


def test_scale_factors_of_a_metaimage_count(tmp_path):
    factors = {"ElementToIntensityFunctionSlope": "0.25", "ElementToIntensityFunctionOffset": "-3"}
    read = read_volume(meta(tmp_path / "x.mha", **META, **factors))
    np.testing.assert_allclose(read.values, noise() * 0.25 - 3)
    assert (read.slope, read.intercept) == (0.25, -3.0) and "scale factors applied" in read.notes[0]
    with pytest.raises(InputError, match="scale factors"):
        read_volume(meta(tmp_path / "y.mha", **META, **factors | {"ElementToIntensityFunctionSlope": "0"}))


@pytest.mark.parametrize("field, value, words", [("ElementSpacing", "1.5 1.25 -4", "negative spacing"),
                                                 ("TransformMatrix", "2 0 0 0 2 0 0 0 2", "not of length 1")])
def test_a_metaimage_whose_geometry_can_not_be_is_refused(tmp_path, field, value, words):
    with pytest.raises(InputError, match=words):
        read_volume(meta(tmp_path / "x.mha", **META | {field: value}))


def test_what_a_metaimage_leaves_open_is_told(tmp_path):
    assert read_volume(meta(tmp_path / "a.mha", **META)).notes == ()
    for key, word in (("ElementSpacing", "spacing"), ("Offset", "position"), ("TransformMatrix", "orientation")):
        read = read_volume(meta(tmp_path / "b.mha", **{name: value for name, value in META.items() if name != key}))
        assert len(read.notes) == 1 and f"no {word}" in read.notes[0]
    read = read_volume(meta(tmp_path / "c.mha", **META, DistanceUnits="um"))
    assert read.spacing_ijk_mm == pytest.approx((0.0015, 0.00125, 0.004)) and "from um" in read.notes[0]


def test_layers_of_a_segmentation_keep_names_and_colours(tmp_path):
    layers = np.zeros((5, 6, 7, 2), np.uint8)
    layers[1:3, 2:4, 2:4, 0], layers[2:4, 3:5, 3:5, 1] = 1, 1
    fields = {f"Segment{n}_{key}": value for n, (name, color) in enumerate((("core", "1 0.5 0"), ("oedema", "0 0.5 1"))) for key, value in
              {"ID": f"S{n}", "Name": name, "LabelValue": 1, "Layer": n, "Color": color}.items()}
    read = read_segmentation(nrrd(tmp_path / "x.seg.nrrd", layers, **fields))
    expected = layers[..., 0].copy()
    expected[layers[..., 1] > 0] = 2
    np.testing.assert_array_equal(read.array, expected)
    assert {label: (one.name, one.color) for label, one in read.segments.items()} == {1: ("core", (1, 0.5, 0)), 2: ("oedema", (0, 0.5, 1))}
    assert "overlap in 1 voxel" in read.notes[0]
    np.testing.assert_allclose(read.affine, OBLIQUE, atol=1e-6)


def test_no_label_above_zero_and_one_slice(tmp_path):
    labels = np.zeros((5, 6, 7), np.int16)
    labels[2, 2, 2] = -3
    assert "no label above 0" in read_segmentation(write_with_nibabel(tmp_path / "x.nii", labels.T)).notes[-1]
    assert read_segmentation(write_with_nibabel(tmp_path / "y.nii", -labels[2:3].T)).array.max() == 3
    with pytest.raises(GeometryError, match="singular"):
        read_segmentation(nrrd(tmp_path / "z.nrrd", affine=np.diag([1, 1, 0, 1])))


def test_a_scan_is_no_segmentation_and_a_parcellation_is_one(tmp_path):
    grey = head(shape=(6, 40, 44), seed=1)
    with pytest.raises(InputError, match="different values, as a scan does"):
        read_segmentation(write_with_nibabel(tmp_path / "scan.nii", grey.T))
    parcels = np.kron(np.arange(1, 301).reshape(6, 5, 10), np.ones((1, 8, 4))).astype(np.int16)
    assert len(np.unique(read_segmentation(write_with_nibabel(tmp_path / "parcels.nii", parcels.T)).array)) == 300
