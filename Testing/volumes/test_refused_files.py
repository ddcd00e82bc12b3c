"""Files that are no volumes are refused with one sentence; DICOM folders, segmentations and checksums."""
import gzip
import shutil

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from making import SHAPE_IJK, affine_from, noise, rotation, write_dicom, write_with_nibabel
from PIL import Image

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.volumes.color_files import read_scan
from FusionINNLib.volumes.io import read_segmentation, read_volume, sha256, write_nifti
from FusionINNLib.volumes.itk import to_sitk
from FusionINNLib.volumes.volume import Volume


def _refused_files(folder):
    """(path, part of the message) of every kind of file that is refused."""
    good = noise()
    whole = write_with_nibabel(folder / "whole.nii.gz", noise(shape=(30, 30, 30))).read_bytes()
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
    slope_nan = write_with_nibabel(folder / "inter.nii", good.T).read_bytes()
    (folder / "inter.nii").write_bytes(slope_nan[:112] + np.array([2.0, np.nan], "<f4").tobytes() + slope_nan[120:])
    huge = bytearray(slope_nan)
    huge[42:48] = np.array([32000] * 3, "<i2").tobytes()
    (folder / "huge.nii").write_bytes(huge)
    return [("missing.nii.gz", "no such file"), ("cut.nii.gz", "cut off"), ("cut2.nii.gz", "cut off"), ("crc.nii.gz", "damaged"),
            ("cut.nii", "cut off"), ("huge.nii", "cut off"), ("text.nii", "not a NIfTI"), ("empty.nii.gz", "empty"),
            ("picture.png", "not an image of a known kind"), ("slice.dcm", "give the folder"), ("text.nrrd", "not an image"),
            ("bad.mha", "not an image"), ("short.nrrd", "cut off"), ("no_dicom", "no DICOM series"), ("inter.nii", "scale factors"),
            ("vector.nrrd", "3 values"), ("frames.nrrd", "2 frames"), ("complex.mha", "complex"),
            (write_with_nibabel(folder / "4d.nii", np.stack([good.T] * 2, axis=3)), "2 frames"),
            (write_with_nibabel(folder / "v.nii", np.stack([good.T] * 3, axis=3)[:, :, :, None]), "vector"),
            (write_with_nibabel(folder / "c.nii", good.T.astype(np.complex64)), "complex"),
            (write_with_nibabel(folder / "rgb.nii", colour), "colour"),
            (write_with_nibabel(folder / "line.nii", good.T[:, :1, :1]), "line of voxels"),
            (write_with_nibabel(folder / "1d.nii", good.T[:, 0, 0]), "line of voxels"),
            (write_with_nibabel(folder / "vast.nii", good.T * 1e300), "the values reach"),
            (write_with_nibabel(folder / "none.nii", good.T[:, :, :0]), "empty"),
            (write_with_nibabel(folder / "flat.nii", np.full(SHAPE_IJK, 7, np.int16)), "same value"),
            (write_with_nibabel(folder / "nan.nii", np.full(SHAPE_IJK, np.nan, np.float32)), "all voxels are NaN")]


def test_every_bad_file_is_refused_with_one_sentence(tmp_path):
    for name, part in _refused_files(tmp_path):
        with pytest.raises(InputError) as caught:
            read_volume(tmp_path / name)
        assert part in str(caught.value), (name, str(caught.value))
        assert "\n" not in str(caught.value) and str(caught.value).endswith("."), str(caught.value)


@pytest.mark.parametrize("name", ["drawn.png", "drawn.PNG", "drawn.jpg"])
def test_a_picture_as_segmentation_is_refused_with_what_to_give_instead(tmp_path, name):
    """Which is taken: labels on the grid that 3D Slicer has of a picture."""
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    Image.fromarray(pixels).save(tmp_path / name)
    with pytest.raises(InputError, match="a picture cannot be a segmentation.*label volume.*3D Slicer"):
        read_segmentation(tmp_path / name)
    Image.fromarray(pixels).save(tmp_path / "source.png")
    write_nifti(Volume((pixels > 20)[None].astype(np.uint8), np.diag([-1.0, -1.0, 1.0, 1.0]), "drawn"), tmp_path / "drawn.nii.gz")
    assert read_segmentation(tmp_path / "drawn.nii.gz").same_grid(read_scan(tmp_path / "source.png"))


def _sheared() -> np.ndarray:
    affine = np.eye(4)
    affine[0, 1] = 0.05
    return affine


@pytest.mark.parametrize("affine", [_sheared(), np.diag([1.0, 1, 0, 1]), np.ones((4, 4)), np.diag([1, 1, np.nan, 1]),
                                    np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])])
def test_sheared_and_singular_affines_are_refused(tmp_path, affine):
    with pytest.raises(GeometryError):
        Volume(noise(), affine, "x")
    image = nib.Nifti1Image(noise().T, np.eye(4))
    image.header["sform_code"] = 1
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = affine[:3]
    nib.Nifti1Image(noise().T, None, image.header).to_filename(tmp_path / "x.nii")
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[254:256], data[280:328] = np.int16(1).tobytes(), affine[:3].astype("<f4").tobytes()
    (tmp_path / "x.nii").write_bytes(data)
    with pytest.raises(GeometryError):
        read_volume(tmp_path / "x.nii")


def test_a_hardly_sheared_affine_is_taken():
    affine = np.eye(4)
    affine[0, 1] = 5e-4
    Volume(noise(), affine, "x")


TAGS = {"0010|0020": "P1", "0008|0020": "20200131", "0008|103e": "ADC map"}


def test_dicom_series(tmp_path):
    affine = affine_from(rotation(0.2, 0.1, 0.0), (0.5, 0.75, 4.0))
    array = np.abs(noise()) // 2
    read = read_volume(write_dicom(tmp_path / "SMITH_JOHN", array, affine, **TAGS))
    # GDCM sorts slices along the normal of the slice plane, so a right-handed LPS stack comes back in its own order.
    np.testing.assert_array_equal(read.values, array)
    np.testing.assert_allclose(read.affine, affine, atol=1e-3)
    assert read.name == "ADC map" and read.identity["patient_id"] == "P1" and read.identity["study_date"] == "20200131"
    assert "SMITH" not in f"{read.name}{read.notes}"


def test_dicom_folder_with_two_series_lists_them(tmp_path):
    for uid, title in (("1.2.3", "ADC map"), ("1.2.4", "FLAIR")):
        write_dicom(tmp_path / "d", np.abs(noise()) // 2, np.eye(4), uid=uid, **{"0008|103e": title})
    with pytest.raises(InputError, match="2 series.*ADC map, 5 files.*FLAIR, 5 files.*own folder"):
        read_volume(tmp_path / "d")


def test_dicom_with_a_missing_slice_and_with_repeated_positions_is_refused(tmp_path):
    array = np.abs(noise()) // 2
    with pytest.raises(GeometryError, match="missing"):
        read_volume(write_dicom(tmp_path / "gap", array, affine_from(np.eye(3), (1, 1, 4)), skip=(3,)))
    with pytest.raises(InputError, match="several frames"):
        read_volume(write_dicom(tmp_path / "twice", array, affine_from(np.eye(3), (1, 1, 4)), repeat=True))


def test_segmentations(tmp_path):
    labels = np.zeros(SHAPE_IJK, np.float64)
    labels[1, 2, 3], labels[2, 2, 3] = 4, np.nan
    read = read_segmentation(write_with_nibabel(tmp_path / "x.nii", labels))
    assert read.array.dtype == np.uint8 and read.array[3, 2, 1] == 4 and read.array.sum() == 4 and "label 0" in read.notes[-1]
    assert "empty" in read_segmentation(write_with_nibabel(tmp_path / "e.nii", np.zeros(SHAPE_IJK, np.int16))).notes[-1]
    assert read_segmentation(write_with_nibabel(tmp_path / "w.nii", (-300 * (labels == 4)).astype(np.int32))).array.dtype == np.int16
    with pytest.raises(InputError, match="whole numbers"):
        read_segmentation(write_with_nibabel(tmp_path / "y.nii", labels * 0.3))


def test_checksums(tmp_path):
    for name in ("a", "b"):
        write_dicom(tmp_path / name, np.abs(noise()) // 2, np.eye(4))
    next((tmp_path / "b").iterdir()).rename(tmp_path / "b" / "renamed.dcm")
    assert len(sha256(tmp_path / "a")) == 64
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    next((tmp_path / "c").iterdir()).rename(tmp_path / "c" / "renamed.dcm")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "c")
    next((tmp_path / "c").iterdir()).unlink()
    assert sha256(tmp_path / "a") != sha256(tmp_path / "c")
    sitk.WriteImage(to_sitk(noise(), np.eye(4)), str(tmp_path / "x.mhd"))
    before = sha256(tmp_path / "x.mhd")
    data = bytearray((tmp_path / "x.raw").read_bytes())
    data[0] ^= 1
    (tmp_path / "x.raw").write_bytes(data)
    assert sha256(tmp_path / "x.mhd") != before
