"""Diffusion series as files that are damaged, odd or no series, and what is no number in them; label maps given for scans."""
import gzip

import nibabel as nib
import numpy as np
import pytest
from making import head, volume

from FusionINNLib.errors import FusionINNError
from FusionINNLib.preprocessing.adc import adc_of
from FusionINNLib.preprocessing.left_out import like_labels
from FusionINNLib.volumes.diffusion import read_diffusion

UNWEIGHTED = head(np.float32)
SERIES = np.stack([UNWEIGHTED, UNWEIGHTED * np.exp(-0.8)]).astype(np.int16)


def written(path, series=SERIES, b_values=b"0 1000", pack=False, **fields):
    header = nib.Nifti1Header()
    header.set_data_dtype(series.dtype)
    header.set_data_shape(series.shape[::-1])
    header.set_qform(np.diag([2.0, 2, 4, 1]), 1)
    header.set_xyzt_units("mm")
    header["magic"], header["vox_offset"] = b"n+1", 352
    for key, value in fields.items():
        header[key] = value
    content = header.binaryblock + bytes(4) + series.tobytes()
    path.write_bytes(gzip.compress(content) if pack else content)
    path.with_name(path.name.split(".")[0] + ".bval").write_bytes(b_values)
    return path


@pytest.mark.parametrize("fields", [{}, {"vox_offset": 0}, {"vox_offset": 0, "magic": b"ni1"}, {"pack": True}, {"b_values": b"0,1000"},
                                    {"b_values": b"\xef\xbb\xbf0\n1000\n"}])
def test_a_series_is_read_as_a_volume_is(tmp_path, fields):
    read = read_diffusion(written(tmp_path / "x.nii", **fields))
    np.testing.assert_array_equal(read.images, SERIES)
    assert read.b_values.tolist() == [0, 1000]


@pytest.mark.parametrize("series, fields, words", [
    (SERIES, {"pixdim": [1, 2, 2, 0, 1, 0, 0, 0]}, "pixdim"), (SERIES.astype(np.complex64), {}, "complex"),
    (np.stack([SERIES[0], 0 * SERIES[0]]), {}, "image 2 of the series has the same value"), (SERIES[0], {}, "3 dimensions")])
def test_what_is_no_series_is_refused(tmp_path, series, fields, words):
    with pytest.raises(FusionINNError, match=words):
        read_diffusion(written(tmp_path / "x.nii", series, **fields))


def test_a_damaged_end_and_other_formats_are_refused(tmp_path):
    path = written(tmp_path / "x.nii.gz", pack=True)
    content = bytearray(path.read_bytes())
    content[-6] ^= 255
    path.write_bytes(content)
    with pytest.raises(FusionINNError, match="damaged"):
        read_diffusion(path)
    (tmp_path / "x.nrrd").write_bytes(b"NRRD0005\n")
    with pytest.raises(FusionINNError, match="read from NIfTI"):
        read_diffusion(tmp_path / "x.nrrd")


def test_a_voxel_that_is_no_number_has_no_adc_and_leaves_the_others_theirs():
    images = SERIES.astype(np.float32)
    inside = tuple(np.argwhere(UNWEIGHTED > 300)[50])
    images[(1, *inside)] = np.nan
    values = adc_of(images, np.array([0.0, 1000.0])).values
    assert values[inside] == 0 and np.median(values[UNWEIGHTED > 300]) == pytest.approx(0.8, abs=0.01)
    images[(0, *inside)] = np.nan
    assert np.isfinite(adc_of(images, np.array([0.0, 1000.0])).values).all()


def test_a_label_map_given_for_a_scan_is_told():
    labels = np.zeros((6, 40, 44), np.uint8)
    labels[2:4, 10:20, 10:20], labels[3, 12:15, 12:15] = 1, 4
    assert "holds 3 different values" in like_labels(volume(labels))[0]
    assert like_labels(volume(head())) == ()
