"""Volumes: geometry, reading and writing."""
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from making import AFFINES, affine_from, noise, rotation, write_with_nibabel

from FusionINNLib.errors import ResultError
from FusionINNLib.volumes import nifti
from FusionINNLib.volumes.io import has_scale_factors, read_extension, read_volume, sha256, write_nifti
from FusionINNLib.volumes.itk import affine_of, to_sitk
from FusionINNLib.volumes.volume import Volume


def _volume(dtype=np.int16, affine=AFFINES["oblique"], **fields) -> Volume:
    return Volume(noise(dtype), affine, "scan", **fields)


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
    array = noise(np.dtype(dtype).newbyteorder("=")).astype(dtype)
    write_nifti(Volume(array, np.eye(4), "x"), tmp_path / "x.nii")
    back = read_volume(tmp_path / "x.nii").array
    assert back.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("given, stored", [(np.bool_, np.uint8), (np.float16, np.float32), (np.longdouble, np.float64)])
def test_types_that_nifti_readers_lack_are_widened(tmp_path, given, stored):
    array = (noise(np.float32) > 0).astype(given)
    write_nifti(Volume(array, np.eye(4), "x"), tmp_path / "x.nii")
    back = read_volume(tmp_path / "x.nii").array
    assert back.dtype == stored
    np.testing.assert_array_equal(back, array)


def test_big_endian_files_are_read(tmp_path):
    image = nib.Nifti1Image(noise().T.astype(">i2"), AFFINES["oblique"], nib.Nifti1Header(endianness=">"))
    image.to_filename(tmp_path / "x.nii")
    read = read_volume(tmp_path / "x.nii")
    assert read.array.dtype.isnative
    np.testing.assert_array_equal(read.array, noise())


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
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii.gz"))), noise())
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
    assert _volume(affine=affine_from(np.eye(3), (5, 1, 1))).through_plane_axis == 2
    assert _volume(affine=affine_from(np.eye(3), (1, 1.1, 1.15))).through_plane_axis == 0
    assert _volume(affine=affine_from(np.eye(3)[:, [2, 0, 1]])).through_plane_axis == 2  # i runs along S
    assert _volume(affine=affine_from(np.eye(3)[:, [0, 2, 1]], (1, 1, 3))).through_plane_axis == 0  # coronal, thick slices
    assert _volume(affine=affine_from(rotation(np.pi / 4, 0, 0))).through_plane_axis == 0


def test_same_grid_has_a_tolerance():
    volume, moved = _volume(), AFFINES["oblique"].copy()
    moved[0, 3] += 0.02
    assert volume.same_grid(_volume(affine=moved))
    moved[0, 3] += 0.2
    assert not volume.same_grid(_volume(affine=moved))
    assert not volume.same_grid(Volume(noise()[1:], volume.affine, "x"))


def test_lengths_are_converted_and_assumptions_noted(tmp_path):
    for unit, factor in (("micron", 1000.0), ("meter", 0.001)):
        image = nib.Nifti1Image(noise().T, np.diag([factor, factor, 2 * factor, 1]))
        image.header.set_xyzt_units(unit)
        image.to_filename(tmp_path / "x.nii")
        read = read_volume(tmp_path / "x.nii")
        np.testing.assert_allclose(read.spacing_ijk_mm, (1, 1, 2), rtol=1e-5)
        assert any(unit in note for note in read.notes)
    image = nib.Nifti1Image(noise().T, None)
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "y.nii")
    assert any("where the volume lies" in note for note in read_volume(tmp_path / "y.nii").notes)
    np.testing.assert_allclose(read_volume(tmp_path / "y.nii").affine, nib.load(tmp_path / "y.nii").affine)


def test_sform_goes_before_qform(tmp_path):
    image = nib.Nifti1Image(noise().T, np.eye(4))
    image.set_qform(AFFINES["oblique"], 1)
    image.set_sform(AFFINES["left-handed"], 1)
    image.to_filename(tmp_path / "x.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "x.nii").affine, AFFINES["left-handed"], atol=1e-5)


def test_one_frame_is_a_volume(tmp_path):
    path = write_with_nibabel(tmp_path / "x.nii", noise().T[..., None])
    np.testing.assert_array_equal(read_volume(path).array, noise())
    sitk.WriteImage(sitk.JoinSeries([to_sitk(noise(), np.eye(4))]), str(tmp_path / "x.nrrd"))
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nrrd").array, noise())


def test_some_nan_is_noted_and_kept(tmp_path):
    array = noise(np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    read = read_volume(write_with_nibabel(tmp_path / "x.nii", array.T))
    assert any("2 NaN" in note for note in read.notes)
    np.testing.assert_array_equal(read.array, array)


def test_real_files(shared_folder):
    for name in ("adc", "flair", "dwi"):
        path = shared_folder / "data" / "isles22" / "sub-strokecase0009" / f"{name}.nii.gz"
        read, theirs = read_volume(path), nib.load(path)
        np.testing.assert_array_equal(read.array, np.asanyarray(theirs.dataobj).T)
        np.testing.assert_array_equal(read.affine, theirs.affine)
        assert read.through_plane_axis == 0
