"""Colour: luminance and chroma and back, and every kind of file that holds colours."""
import numpy as np
import pytest
import SimpleITK as sitk
from nibabel.loadsave import load
from nibabel.nifti1 import Nifti1Image
from PIL import Image

from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.volumes import color_files
from FusionINNLib.volumes.color import ColorVolume, is_grey, joined, split
from FusionINNLib.volumes.color_files import read_chroma, read_scan, write_chroma, write_rgb
from FusionINNLib.volumes.io import read_volume
from FusionINNLib.volumes.volume import Volume

AFFINE = np.array([[0, -2.0, 0, 5], [-1.5, 0, 0, 7], [0, 0, 3.0, -9], [0, 0, 0, 1]])


def colors(shape=(3, 5, 4), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def test_every_colour_comes_back_exactly():
    values = np.arange(0, 256, 5, np.uint8)
    rgb = np.stack(np.meshgrid(values, values, values, indexing="ij"), -1)
    luminance, chroma = split(rgb)
    back, clipped = joined(luminance, chroma)
    assert np.array_equal(back, rgb) and clipped == 0 and chroma.dtype == np.int16


def test_luminance_is_that_of_pillow_and_grey_has_no_chroma():
    rgb = colors((1, 64, 64))
    np.testing.assert_allclose(split(rgb)[0][0], np.asarray(Image.fromarray(rgb[0]).convert("L")), atol=1)
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, None, :, None], 3, -1)
    luminance, chroma = split(grey)
    assert is_grey(grey) and not is_grey(rgb) and not chroma.any() and np.array_equal(luminance, grey[..., 0])


def test_another_luminance_keeps_cb_and_cr_until_it_is_clipped():
    """Pillow's own YCbCr is the judge; where nothing is clipped its Cb and Cr stay within a grey level of rounding."""
    rgb = np.clip(colors((1, 64, 64)), 60, 190)
    luminance, chroma = split(rgb)
    brighter, clipped = joined(luminance.astype(np.float32) + 20.4, chroma)
    assert clipped == 0
    before, after = (np.asarray(Image.fromarray(image[0]).convert("YCbCr")).astype(int) for image in (rgb, brighter))
    assert np.abs(after[..., 1:] - before[..., 1:]).max() <= 1 and np.abs(after[..., 0] - before[..., 0] - 20.4).max() < 2
    _, clipped = joined(luminance.astype(np.float32) + 100, chroma)
    assert clipped > 0.5


def written(path, rgb, kind):
    """One file of a kind, by the library that others use for it."""
    ijk = np.ascontiguousarray(rgb.transpose(2, 1, 0, 3))
    if kind == "rgb24.nii.gz":
        Nifti1Image(ijk.view(color_files.RGB24)[..., 0], AFFINE).to_filename(path)
    elif kind == "rgba32.nii":
        rgba = np.concatenate([ijk, np.full_like(ijk[..., :1], 255)], -1)
        Nifti1Image(rgba.view([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])[..., 0], AFFINE).to_filename(path)
    elif kind == "vector.nii.gz":
        Nifti1Image(ijk[:, :, :, None], AFFINE).to_filename(path)
    else:
        image = sitk.GetImageFromArray(rgb, isVector=True)
        lps = np.diag([-1, -1, 1, 1]) @ AFFINE
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        sitk.WriteImage(image, str(path))


@pytest.mark.parametrize("kind", ["rgb24.nii.gz", "rgba32.nii", "vector.nii.gz", "image.nrrd", "image.mha"])
def test_colours_of_every_kind_of_file(kind, tmp_path):
    rgb = colors()
    written(tmp_path / kind, rgb, kind)
    scan = read_scan(tmp_path / kind)
    assert isinstance(scan, ColorVolume) and scan.luminance.shape == (3, 5, 4)
    np.testing.assert_array_equal(scan.rgb, rgb)
    np.testing.assert_allclose(scan.luminance.affine, AFFINE, atol=1e-5)
    with pytest.raises(InputError, match="one real number"):
        read_volume(tmp_path / kind)


@pytest.mark.parametrize("kind", ["rgb24.nii.gz", "image.nrrd"])
def test_a_volume_of_colours_that_are_all_grey_is_refused_and_a_picture_of_them_is_grey(kind, tmp_path):
    rgb = np.repeat(colors()[..., :1], 3, -1)
    written(tmp_path / kind, rgb, kind)
    with pytest.raises(InputError, match="one real number"):
        read_scan(tmp_path / kind)
    Image.fromarray(rgb[0]).save(tmp_path / "grey.png")
    scan = read_scan(tmp_path / "grey.png")
    assert isinstance(scan, Volume) and np.array_equal(scan.array[0], rgb[0, ..., 0]) and color_files.GREY_NOTE in scan.notes


def test_grey_files_are_read_as_ever(tmp_path, capfd):
    array = np.arange(60, dtype=np.int16).reshape(3, 5, 4)
    Nifti1Image(np.ascontiguousarray(array.T), AFFINE).to_filename(tmp_path / "grey.nii.gz")
    scan = read_scan(tmp_path / "grey.nii.gz")
    assert isinstance(scan, Volume) and np.array_equal(scan.array, array) and scan.notes == read_volume(tmp_path / "grey.nii.gz").notes
    with pytest.raises(InputError, match="no such file"):
        read_scan(tmp_path / "nothing.nii.gz")
    Nifti1Image(np.ascontiguousarray(array.T), AFFINE).to_filename(tmp_path / "flat.nii")
    content = bytearray((tmp_path / "flat.nii").read_bytes())
    content[88:92] = content[252:256] = bytes(4)  # an edge of 0, on which nibabel has a remark of its own, and no transform
    (tmp_path / "flat.nii").write_bytes(content)
    with pytest.raises(InputError, match="pixdim"):
        read_scan(tmp_path / "flat.nii")
    assert capfd.readouterr().err == ""
    (tmp_path / "bad.nii.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(InputError, match="bad"):
        read_scan(tmp_path / "bad.nii.gz")


def test_pictures_are_volumes_of_one_slice(tmp_path):
    rgb = colors((1, 20, 30))[0]
    Image.fromarray(rgb).save(tmp_path / "color.png")
    Image.fromarray(rgb[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 200).save(tmp_path / "deep.png")
    Image.fromarray(np.dstack([rgb, rgb[..., 0]])).save(tmp_path / "glass.png")
    color, grey, deep = (read_scan(tmp_path / f"{name}.png") for name in ("color", "grey", "deep"))
    assert isinstance(color, ColorVolume) and np.array_equal(color.rgb[0], rgb) and "no place" in color.luminance.notes[0]
    assert isinstance(grey, Volume) and np.array_equal(grey.array[0], rgb[..., 0])
    assert isinstance(deep, Volume) and deep.array.dtype == np.uint16 and deep.array.max() == int(rgb[..., 0].max()) * 200
    with pytest.raises(InputError, match="transparent"):
        read_scan(tmp_path / "glass.png")
    with pytest.raises(InputError, match="PNG"):
        read_scan(tmp_path / "photo.jpg")


def test_what_is_written_is_read_by_others_and_by_us(tmp_path):
    rgb = colors()
    write_rgb(rgb, AFFINE, tmp_path / "rgb.nii.gz", "words")
    image = sitk.ReadImage(str(tmp_path / "rgb.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), rgb)
    np.testing.assert_allclose(np.array(image.GetOrigin()) * (-1, -1, 1), AFFINE[:3, 3], atol=1e-5)
    np.testing.assert_array_equal(read_scan(tmp_path / "rgb.nii.gz").rgb, rgb)
    chroma = split(rgb)[1]
    write_chroma(chroma, AFFINE, tmp_path / "chroma.nii.gz")
    np.testing.assert_array_equal(read_chroma(tmp_path / "chroma.nii.gz", (3, 5, 4)), chroma)
    assert load(tmp_path / "chroma.nii.gz").shape == (4, 5, 3, 1, 3)
    for path, shape in ((tmp_path / "chroma.nii.gz", (3, 4, 5)), (tmp_path / "rgb.nii.gz", (3, 5, 4)), (tmp_path / "none", (3, 5, 4))):
        with pytest.raises(ResultError, match="not the chroma"):
            read_chroma(path, shape)
