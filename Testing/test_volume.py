"""Volumes: geometry, reading, writing, and everything that is refused."""
import gzip
import shutil

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from FusionINNLib import nifti
from FusionINNLib.errors import GeometryError, InputError, ResultError
from FusionINNLib.itk_volume import affine_of, to_sitk
from FusionINNLib.volume import Volume
from FusionINNLib.volume_io import has_scale_factors, read_extension, read_segmentation, read_volume, sha256, write_nifti

SHAPE_IJK = (7, 6, 5)


def _rotation(x: float, y: float, z: float) -> np.ndarray:
    (a, b, c), (d, e, f) = np.cos((x, y, z)), np.sin((x, y, z))
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    return np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]]) @ about_y @ about_x


def _affine(directions, spacing=(1.0, 1.0, 1.0), origin=(10.0, -20.0, 30.0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions) * spacing
    affine[:3, 3] = origin
    return affine


AFFINES = {
    "plain": _affine(np.eye(3)),
    "lps": _affine(np.diag([-1, -1, 1])),
    "oblique": _affine(_rotation(0.3, -0.2, 0.5), (0.9, 1.1, 4.0)),
    "left-handed": _affine(_rotation(0.1, 0.4, -0.6) @ np.diag([-1, 1, 1]), (1.0, 2.0, 3.0)),
    "permuted": _affine(np.eye(3)[:, [2, 0, 1]], (0.5, 0.6, 5.0)),
}


def _array(dtype=np.int16) -> np.ndarray:
    generator = np.random.default_rng(1)
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        array = generator.integers(info.min, info.max, SHAPE_IJK[::-1], dtype=dtype, endpoint=True)
        array.flat[:2] = info.min, info.max
        return array
    return generator.normal(size=SHAPE_IJK[::-1]).astype(dtype)


def _volume(dtype=np.int16, affine=AFFINES["oblique"], **fields) -> Volume:
    return Volume(_array(dtype), affine, "scan", **fields)


def _nifti(path, array_ijk, affine=np.eye(4), **header):
    image = nib.Nifti1Image(array_ijk, affine)
    for key, value in header.items():
        image.header[key] = value
    image.to_filename(path)
    return path


@pytest.mark.parametrize("name", AFFINES)
def test_nibabel_and_simpleitk_agree_with_what_is_written_and_read(tmp_path, name):
    volume, path = _volume(affine=AFFINES[name]), tmp_path / "scan.nii.gz"
    write_nifti(volume, path)
    ours, theirs, itk = read_volume(path), nib.load(path), sitk.ReadImage(str(path))
    np.testing.assert_array_equal(ours.array, volume.array)
    np.testing.assert_array_equal(np.asanyarray(theirs.dataobj).T, volume.array)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(itk), volume.array)
    for affine in (ours.affine, theirs.affine, theirs.header.get_qform(), affine_of(itk)):
        np.testing.assert_allclose(affine, volume.affine, atol=1e-4)
    assert ours.same_grid(volume) and ours.name == "scan" and ours.notes == ()
    assert theirs.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("name", AFFINES)
def test_itk_formats_round_trip(tmp_path, ending, name):
    volume, path = _volume(affine=AFFINES[name]), tmp_path / f"scan{ending}"
    sitk.WriteImage(to_sitk(volume.array, volume.affine), str(path))
    read = read_volume(path)
    np.testing.assert_array_equal(read.array, volume.array)
    assert read.array.dtype == np.int16 and read.name == "scan"
    np.testing.assert_allclose(read.affine, volume.affine, atol=1e-6)


def test_a_point_is_where_itk_says():
    volume = _volume(affine=AFFINES["left-handed"])
    x, y, z = to_sitk(volume.array, volume.affine).TransformIndexToPhysicalPoint((3, 2, 1))
    np.testing.assert_allclose(volume.affine @ (3, 2, 1, 1), (-x, -y, z, 1), atol=1e-9)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", ">i2", ">f4"])
def test_types_come_back_identical(tmp_path, dtype):
    array = _array(np.dtype(dtype).newbyteorder("=")).astype(dtype)
    write_nifti(Volume(array, np.eye(4), "x"), tmp_path / "x.nii")
    back = read_volume(tmp_path / "x.nii").array
    assert back.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("given, stored", [(np.bool_, np.uint8), (np.float16, np.float32), (np.longdouble, np.float64)])
def test_types_that_nifti_readers_lack_are_widened(tmp_path, given, stored):
    array = (_array(np.float32) > 0).astype(given)
    write_nifti(Volume(array, np.eye(4), "x"), tmp_path / "x.nii")
    back = read_volume(tmp_path / "x.nii").array
    assert back.dtype == stored
    np.testing.assert_array_equal(back, array)


def test_big_endian_files_are_read(tmp_path):
    image = nib.Nifti1Image(_array().T.astype(">i2"), AFFINES["oblique"], nib.Nifti1Header(endianness=">"))
    image.to_filename(tmp_path / "x.nii")
    read = read_volume(tmp_path / "x.nii")
    assert read.array.dtype.isnative
    np.testing.assert_array_equal(read.array, _array())


def test_scale_factors_keep_the_stored_integers(tmp_path):
    volume, path = _volume(slope=0.25, intercept=-3.0), tmp_path / "x.nii.gz"
    write_nifti(volume, path)
    read = read_volume(path)
    assert (read.slope, read.intercept) == (0.25, -3.0) and has_scale_factors(path) and "scale factors" in read.notes[0]
    np.testing.assert_array_equal(read.array, volume.array)
    np.testing.assert_array_equal(read.values, nib.load(path).get_fdata().T)
    write_nifti(read, tmp_path / "y.nii.gz")
    assert sha256(tmp_path / "y.nii.gz") == sha256(path)


@pytest.mark.parametrize("slope", [0.0, np.nan, 1.0])
def test_no_scale_factors(tmp_path, slope):
    write_nifti(_volume(), tmp_path / "x.nii")
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[112:116] = np.float32(slope).tobytes()
    (tmp_path / "x.nii").write_bytes(data)
    assert not has_scale_factors(tmp_path / "x.nii")
    assert not read_volume(tmp_path / "x.nii").is_scaled


@pytest.mark.parametrize("dtype, expected", [("i2", "f4"), ("u1", "f4"), ("f4", "f4"), ("i4", "f8"), ("f8", "f8")])
def test_values_are_exact(dtype, expected):
    volume = _volume(dtype)
    assert volume.values.dtype == expected
    np.testing.assert_array_equal(volume.values.astype(np.longdouble), volume.array.astype(np.longdouble))


def test_same_volume_same_bytes_and_extension(tmp_path):
    text = b'{"slope": 1.5}'
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(_volume(), tmp_path / name, description="x" * 100, extension=text, cal_min=0, cal_max=1)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert (tmp_path / "a.nii.gz").read_bytes()[3:8] == bytes(5), "flags and time of the gzip header"
    assert read_extension(tmp_path / "a.nii.gz") == [text]
    header = nib.load(tmp_path / "a.nii.gz").header
    assert header["descrip"].item() == b"x" * 79 and header["cal_max"] == 1
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii.gz"))), _array())
    write_nifti(_volume(), tmp_path / "c.nii.gz")
    assert read_extension(tmp_path / "c.nii.gz") == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "x.nii.gz"
    write_nifti(_volume(), path)
    before = path.read_bytes()

    def interrupted(file, header, array):
        file.write(b"half")
        raise error
    monkeypatch.setattr(nifti, "_write_content", interrupted)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else ResultError):
        write_nifti(_volume(np.float32), path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["x.nii.gz"]


def test_through_plane_axis():
    assert _volume(affine=_affine(np.eye(3), (5, 1, 1))).through_plane_axis == 2
    assert _volume(affine=_affine(np.eye(3), (1, 1.1, 1.15))).through_plane_axis == 0
    assert _volume(affine=_affine(np.eye(3)[:, [2, 0, 1]])).through_plane_axis == 2  # i runs along S
    assert _volume(affine=_affine(np.eye(3)[:, [0, 2, 1]], (1, 1, 3))).through_plane_axis == 0  # coronal, thick slices
    assert _volume(affine=_affine(_rotation(np.pi / 4, 0, 0))).through_plane_axis == 0


def test_same_grid_has_a_tolerance():
    volume, moved = _volume(), AFFINES["oblique"].copy()
    moved[0, 3] += 0.02
    assert volume.same_grid(_volume(affine=moved))
    moved[0, 3] += 0.2
    assert not volume.same_grid(_volume(affine=moved))
    assert not volume.same_grid(Volume(_array()[1:], volume.affine, "x"))


def test_lengths_are_converted_and_assumptions_noted(tmp_path):
    for unit, factor in (("micron", 1000.0), ("meter", 0.001)):
        image = nib.Nifti1Image(_array().T, np.diag([factor, factor, 2 * factor, 1]))
        image.header.set_xyzt_units(unit)
        image.to_filename(tmp_path / "x.nii")
        read = read_volume(tmp_path / "x.nii")
        np.testing.assert_allclose(read.spacing_ijk_mm, (1, 1, 2), rtol=1e-5)
        assert any(unit in note for note in read.notes)
    image = nib.Nifti1Image(_array().T, None)
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "y.nii")
    assert any("where the volume lies" in note for note in read_volume(tmp_path / "y.nii").notes)
    np.testing.assert_allclose(read_volume(tmp_path / "y.nii").affine, nib.load(tmp_path / "y.nii").affine)


def test_sform_goes_before_qform(tmp_path):
    image = nib.Nifti1Image(_array().T, np.eye(4))
    image.set_qform(AFFINES["oblique"], 1)
    image.set_sform(AFFINES["left-handed"], 1)
    image.to_filename(tmp_path / "x.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "x.nii").affine, AFFINES["left-handed"], atol=1e-5)


def test_one_frame_is_a_volume(tmp_path):
    path = _nifti(tmp_path / "x.nii", _array().T[..., None])
    np.testing.assert_array_equal(read_volume(path).array, _array())
    sitk.WriteImage(sitk.JoinSeries([to_sitk(_array(), np.eye(4))]), str(tmp_path / "x.nrrd"))
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nrrd").array, _array())


def test_some_nan_is_noted_and_kept(tmp_path):
    array = _array(np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    read = read_volume(_nifti(tmp_path / "x.nii", array.T))
    assert any("2 NaN" in note for note in read.notes)
    np.testing.assert_array_equal(read.array, array)


def _refused_files(folder):
    """(path, part of the message) of every kind of file that is refused."""
    good = _array()
    whole = _nifti(folder / "whole.nii.gz", np.random.default_rng(0).integers(0, 999, (30, 30, 30)).astype(np.int16)).read_bytes()
    raw = gzip.decompress(whole)
    header_end = bytearray(whole)
    header_end[-6] ^= 0xFF  # in the checksum: all voxels are there, and wrong for all we know
    for name, data in {"cut.nii.gz": whole[:-5000], "cut2.nii.gz": whole[:-4], "crc.nii.gz": bytes(header_end), "cut.nii": raw[:-2],
                       "text.nii": b"hello, I am a text" * 40, "empty.nii.gz": b"", "picture.png": b"\x89PNG", "text.nrrd": b"no",
                       "slice.dcm": b"DICM", "bad.mha": b"ObjectType = Image\nNDims = 3\n"}.items():
        (folder / name).write_bytes(data)
    (folder / "no_dicom").mkdir()
    colour = np.zeros(SHAPE_IJK, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["R"][0] = 9
    sitk.WriteImage(sitk.Compose([to_sitk(good, np.eye(4))] * 3), str(folder / "vector.nrrd"))
    sitk.WriteImage(sitk.JoinSeries([to_sitk(good, np.eye(4))] * 2), str(folder / "frames.nrrd"))
    sitk.WriteImage(sitk.RealAndImaginaryToComplex(*[to_sitk(good.astype("f4"), np.eye(4))] * 2), str(folder / "complex.mha"))
    sitk.WriteImage(to_sitk(good, np.eye(4)), str(folder / "short.nrrd"))
    (folder / "short.nrrd").write_bytes((folder / "short.nrrd").read_bytes()[:-40])
    slope_nan = _nifti(folder / "inter.nii", good.T).read_bytes()
    (folder / "inter.nii").write_bytes(slope_nan[:112] + np.array([2.0, np.nan], "<f4").tobytes() + slope_nan[120:])
    huge = bytearray(slope_nan)
    huge[42:48] = np.array([32000] * 3, "<i2").tobytes()
    (folder / "huge.nii").write_bytes(huge)
    return [("missing.nii.gz", "no such file"), ("cut.nii.gz", "cut off"), ("cut2.nii.gz", "cut off"), ("crc.nii.gz", "damaged"),
            ("cut.nii", "cut off"), ("huge.nii", "cut off"), ("text.nii", "not a NIfTI"), ("empty.nii.gz", "not a NIfTI"),
            ("picture.png", "not an image of a known kind"), ("slice.dcm", "give the folder"), ("text.nrrd", "not an image"),
            ("bad.mha", "not an image"), ("short.nrrd", "cut off"), ("no_dicom", "no DICOM series"), ("inter.nii", "scale factors"),
            ("vector.nrrd", "3 values"), ("frames.nrrd", "2 frames"), ("complex.mha", "complex"),
            (_nifti(folder / "4d.nii", np.stack([good.T] * 2, axis=3)), "2 frames"),
            (_nifti(folder / "v.nii", np.stack([good.T] * 3, axis=3)[:, :, :, None]), "vector"),
            (_nifti(folder / "c.nii", good.T.astype(np.complex64)), "complex"), (_nifti(folder / "rgb.nii", colour), "colour"),
            (_nifti(folder / "one.nii", good.T[:, :, :1]), "single slice"), (_nifti(folder / "side.nii", good.T[:1]), "single slice"),
            (_nifti(folder / "2d.nii", good.T[:, :, 0]), "single slice"), (_nifti(folder / "none.nii", good.T[:, :, :0]), "empty"),
            (_nifti(folder / "flat.nii", np.full(SHAPE_IJK, 7, np.int16)), "same value"),
            (_nifti(folder / "nan.nii", np.full(SHAPE_IJK, np.nan, np.float32)), "all voxels are NaN")]


def test_every_bad_file_is_refused_with_one_sentence(tmp_path):
    for name, part in _refused_files(tmp_path):
        with pytest.raises(InputError) as caught:
            read_volume(tmp_path / name)
        assert part in str(caught.value), (name, str(caught.value))
        assert "\n" not in str(caught.value) and str(caught.value).endswith("."), str(caught.value)


def _sheared() -> np.ndarray:
    affine = np.eye(4)
    affine[0, 1] = 0.05
    return affine


@pytest.mark.parametrize("affine", [_sheared(), np.diag([1.0, 1, 0, 1]), np.ones((4, 4)), np.diag([1, 1, np.nan, 1]),
                                    np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])])
def test_sheared_and_singular_affines_are_refused(tmp_path, affine):
    with pytest.raises(GeometryError):
        Volume(_array(), affine, "x")
    image = nib.Nifti1Image(_array().T, np.eye(4))
    image.header["sform_code"] = 1
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = affine[:3]
    nib.Nifti1Image(_array().T, None, image.header).to_filename(tmp_path / "x.nii")
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[254:256], data[280:328] = np.int16(1).tobytes(), affine[:3].astype("<f4").tobytes()
    (tmp_path / "x.nii").write_bytes(data)
    with pytest.raises(GeometryError):
        read_volume(tmp_path / "x.nii")


def test_a_hardly_sheared_affine_is_taken():
    affine = np.eye(4)
    affine[0, 1] = 5e-4
    Volume(_array(), affine, "x")


def _dicom(folder, array, affine, uid="1.2.3", skip=(), repeat=False, **tags):
    """One series, written slice by slice as a scanner would. The affine is IJK-to-RAS in mm."""
    folder.mkdir(exist_ok=True)
    image = to_sitk(array, affine)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    for k in range(image.GetDepth()):
        if k in skip:
            continue
        piece = image[:, :, k]
        position = image.TransformIndexToPhysicalPoint((0, 0, 0 if repeat and k == 1 else k))
        for tag, value in {"0008|0060": "MR", "0020|000e": uid, "0020|000d": "1.2", "0008|0018": f"{uid}.{k + 1}", "0020|0013": str(k),
                           "0020|0032": "\\".join(f"{x:.8g}" for x in position), "0018|0050": "4",
                           "0020|0037": "\\".join(f"{x:.10g}" for x in direction[:, :2].T.ravel()), **tags}.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}_{array.shape[0] - k}.dcm"))
        writer.Execute(piece)
    return folder


TAGS = {"0010|0020": "P1", "0008|0020": "20200131", "0008|103e": "ADC map"}


def test_dicom_series(tmp_path):
    affine = _affine(_rotation(0.2, 0.1, 0.0), (0.5, 0.75, 4.0))
    array = np.abs(_array()) // 2
    read = read_volume(_dicom(tmp_path / "SMITH_JOHN", array, affine, **TAGS))
    # GDCM sorts slices along the normal of the slice plane, so a right-handed LPS stack comes back in its own order.
    np.testing.assert_array_equal(read.values, array)
    np.testing.assert_allclose(read.affine, affine, atol=1e-3)
    assert read.name == "ADC map" and read.identity["patient_id"] == "P1" and read.identity["study_date"] == "20200131"
    assert "SMITH" not in f"{read.name}{read.notes}"


def test_dicom_folder_with_two_series_lists_them(tmp_path):
    for uid, title in (("1.2.3", "ADC map"), ("1.2.4", "FLAIR")):
        _dicom(tmp_path / "d", np.abs(_array()) // 2, np.eye(4), uid=uid, **{"0008|103e": title})
    with pytest.raises(InputError, match="2 series.*ADC map, 5 files.*FLAIR, 5 files.*own folder"):
        read_volume(tmp_path / "d")


def test_dicom_with_a_missing_slice_and_with_repeated_positions_is_refused(tmp_path):
    array = np.abs(_array()) // 2
    with pytest.raises(GeometryError, match="missing"):
        read_volume(_dicom(tmp_path / "gap", array, _affine(np.eye(3), (1, 1, 4)), skip=(3,)))
    with pytest.raises(InputError, match="several frames"):
        read_volume(_dicom(tmp_path / "twice", array, _affine(np.eye(3), (1, 1, 4)), repeat=True))


def test_segmentations(tmp_path):
    labels = np.zeros(SHAPE_IJK, np.float64)
    labels[1, 2, 3], labels[2, 2, 3] = 4, np.nan
    read = read_segmentation(_nifti(tmp_path / "x.nii", labels))
    assert read.array.dtype == np.uint8 and read.array[3, 2, 1] == 4 and read.array.sum() == 4 and "label 0" in read.notes[-1]
    assert "empty" in read_segmentation(_nifti(tmp_path / "e.nii", np.zeros(SHAPE_IJK, np.int16))).notes[-1]
    assert read_segmentation(_nifti(tmp_path / "w.nii", (-300 * (labels == 4)).astype(np.int32))).array.dtype == np.int16
    with pytest.raises(InputError, match="whole numbers"):
        read_segmentation(_nifti(tmp_path / "y.nii", labels * 0.3))


def test_checksums(tmp_path):
    for name in ("a", "b"):
        _dicom(tmp_path / name, np.abs(_array()) // 2, np.eye(4))
    next((tmp_path / "b").iterdir()).rename(tmp_path / "b" / "renamed.dcm")
    assert len(sha256(tmp_path / "a")) == 64
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    next((tmp_path / "c").iterdir()).rename(tmp_path / "c" / "renamed.dcm")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "c")
    next((tmp_path / "c").iterdir()).unlink()
    assert sha256(tmp_path / "a") != sha256(tmp_path / "c")
    sitk.WriteImage(to_sitk(_array(), np.eye(4)), str(tmp_path / "x.mhd"))
    before = sha256(tmp_path / "x.mhd")
    data = bytearray((tmp_path / "x.raw").read_bytes())
    data[0] ^= 1
    (tmp_path / "x.raw").write_bytes(data)
    assert sha256(tmp_path / "x.mhd") != before


def test_real_files(shared_folder):
    for name in ("adc", "flair", "dwi"):
        path = shared_folder / "data" / "isles22" / "sub-strokecase0009" / f"{name}.nii.gz"
        read, theirs = read_volume(path), nib.load(path)
        np.testing.assert_array_equal(read.array, np.asanyarray(theirs.dataobj).T)
        np.testing.assert_array_equal(read.affine, theirs.affine)
        assert read.through_plane_axis == 0
