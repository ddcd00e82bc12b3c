"""Where the voxels of a NIfTI file begin, in grey and in colour, and what its units and scale factors can't mean."""
import re

import nibabel as nib
import numpy as np
import pytest
from making import AFFINES, affine_from, noise

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.color_files import read_scan
from FusionINNLib.volumes.io import read_volume

GRID = AFFINES["oblique"]


def header(array, datatype=None, **fields):
    """Of one number per voxel, or of colours where the datatype says so; a dictionary's keys are fields of the header."""
    made = nib.Nifti1Header()
    made.set_data_dtype(array.dtype)
    made.set_data_shape((array.shape[:-1] if datatype else array.shape)[::-1])
    if datatype:
        made["datatype"], made["bitpix"] = datatype, 8 * array.shape[-1]
    made.set_qform(GRID, 1)
    made.set_sform(GRID, 1)
    made.set_xyzt_units("mm")
    made["magic"], made["vox_offset"], made["scl_slope"] = b"n+1", 352, 1
    for key, value in fields.items():
        made[key] = value
    return made


def written(path, array, datatype=None, **fields):
    path.write_bytes(header(array, datatype, **fields).binaryblock + bytes(4) + array.tobytes())
    return path


def colors(*frames) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (*frames, 5, 6, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("offset", [0, 352])
def test_a_single_file_that_calls_itself_a_pair_is_read_behind_its_header(tmp_path, offset):
    read = read_volume(written(tmp_path / "x.nii", noise(), magic=b"ni1", vox_offset=offset))
    np.testing.assert_array_equal(read.array, noise())


def test_a_pair_that_calls_itself_a_single_file_is_read_from_its_second(tmp_path):
    (tmp_path / "x.hdr").write_bytes(header(noise(), vox_offset=0).binaryblock)
    (tmp_path / "x.img").write_bytes(noise().tobytes())
    np.testing.assert_array_equal(read_volume(tmp_path / "x.hdr").array, noise())


def test_an_offset_beyond_all_files_is_refused(tmp_path):
    with pytest.raises(InputError, match="cut off"):
        read_volume(written(tmp_path / "x.nii", noise(), vox_offset=1e38))


@pytest.mark.parametrize("packed", [False, True])
def test_colours_begin_where_grey_voxels_do(tmp_path, packed, capfd):
    import gzip

    path = written(tmp_path / "x.nii", colors(), 128, vox_offset=0)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.rgb, colors())
    assert "vox_offset 0" in scan.luminance.notes[0] and capfd.readouterr().err == ""


def test_several_volumes_of_colours_and_colours_that_are_cut_off_are_refused(tmp_path):
    with pytest.raises(InputError, match="2 frames"):
        read_scan(written(tmp_path / "x.nii", colors(2), 128))
    path = written(tmp_path / "y.nii", colors(), 128)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="cut off"):
        read_scan(path)


def test_an_infinite_slope_is_told(tmp_path):
    read = read_volume(written(tmp_path / "x.nii", noise(), scl_slope=np.inf))
    assert not read.is_scaled and re.search("slope in the header is infinite", read.notes[0])


@pytest.mark.parametrize("unit, factor, words", [
    (1, 1, "meter, which makes unusual voxels of 900 x"), (2, 1e-3, "in mm, which makes unusual"),
    (3, 1, "in micron, which makes unusual"), (0, 1e-3, "names no unit"), (2, 1, None), (1, 1e-3, None), (3, 1e3, None)])
def test_a_unit_that_makes_unusual_voxels_is_told(tmp_path, unit, factor, words):
    made = affine_from(GRID[:3, :3] * factor)
    fields = {f"srow_{axis}": row for axis, row in zip("xyz", made)}
    edges = np.array([1, *np.linalg.norm(made[:3, :3], axis=0), 1, 1, 1, 1])
    read = read_volume(written(tmp_path / "x.nii", noise(), xyzt_units=unit, pixdim=edges, qform_code=0, **fields))
    unusual = [note for note in read.notes if "unusual" in note]
    assert not unusual if words is None else len(unusual) == 1 and re.search(words, unusual[0])


def test_an_odd_extension_makes_no_noise(tmp_path, capfd, recwarn):
    block = header(noise(), vox_offset=368).binaryblock + b"\1\0\0\0" + np.array([15, 6], "<i4").tobytes() + bytes(8)
    (tmp_path / "x.nii").write_bytes(block + noise().tobytes())
    try:
        read_volume(tmp_path / "x.nii")
    except InputError as refused:
        assert "header" in str(refused)
    assert capfd.readouterr().err == "" and not recwarn.list


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.uint16, np.float32])
def test_a_slope_below_0_is_turned_over_with_the_numbers(tmp_path, dtype):
    read = read_volume(written(tmp_path / "x.nii", noise(dtype), scl_slope=-2, scl_inter=5))
    np.testing.assert_allclose(read.values, -2.0 * noise(dtype).astype(float) + 5)
    assert read.slope == 2
