"""DICOM segmentations, written with highdicom: every voxel at its place, every segment with its name and colour."""
import numpy as np
import pytest
from dicom_making import GRID, LPS, save, slices
from making import head

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.io import read_segmentation, read_volume

IMAGE = head(shape=(9, 20, 24), seed=2)


def labels(apart: bool = False) -> np.ndarray:
    marks = np.zeros(IMAGE.shape, np.uint8)
    marks[2:4, 5:9, 6:12], marks[3:5, 10:14, 9:15] = 1, 2
    if apart:
        marks[7] = marks[3]
    return marks


def segmentation(sources, pixels, kind: str = "BINARY"):
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    count = pixels.shape[3] if pixels.ndim == 4 else 1 if pixels.dtype.kind == "f" else int(pixels.max())
    described = [SegmentDescription(n, f"part {n}", codes.SCT.Tissue, codes.SCT.Tissue, SegmentAlgorithmTypeValues.MANUAL,
                                    display_color=CIELabColor.from_rgb(255, 0, 0) if n == 1 else None) for n in range(1, count + 1)]
    return Segmentation(sources, pixels, kind, described, generate_uid(), 7, generate_uid(), 1, "made", "up", "1", "0",
                        series_description="outlines")


def at_its_place(read, expected) -> bool:
    """Whether voxels with a label, and they alone, lie where they should; a segmentation need not reach as far as its image."""
    found = np.zeros_like(expected)
    k, j, i = np.nonzero(read.array)
    ijk = np.rint((np.linalg.inv(LPS @ GRID) @ read.affine @ np.stack([i, j, k, np.ones_like(i)]))[:3]).astype(int)
    found[ijk[2], ijk[1], ijk[0]] = read.array[k, j, i]
    return bool((found == expected).all())


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("apart", [False, True])
def test_segments_lie_where_they_were_drawn(tmp_path, kind, apart):
    folder = save([segmentation(slices(IMAGE), labels(apart), kind)], tmp_path / "a")
    for path in (folder, folder / "0000.dcm"):
        read = read_segmentation(path)
        assert at_its_place(read, labels(apart)) and read.name == "outlines" and read.notes == ()
        assert [read.segments[n].name for n in (1, 2)] == ["part 1", "part 2"]
        assert read.segments[1].color == pytest.approx((1, 0, 0), abs=0.02) and read.segments[2].color is None
    with pytest.raises(InputError, match="give it as the segmentation"):
        read_volume(folder)


def test_fractions_and_overlaps_are_told(tmp_path):
    fraction = np.where(labels() == 1, 0.9, np.where(labels() == 2, 0.2, 0)).astype(np.float32)
    read = read_segmentation(save([segmentation(slices(IMAGE), fraction, "FRACTIONAL")], tmp_path / "a"))
    assert at_its_place(read, np.where(labels() == 1, 1, 0).astype(np.uint8)) and "at least 0.5" in read.notes[0]
    layers = np.stack([labels() > 0, labels() == 2], axis=3).astype(np.uint8)
    read = read_segmentation(save([segmentation(slices(IMAGE), layers)], tmp_path / "b"))
    assert at_its_place(read, labels()) and f"overlap in {np.count_nonzero(labels() == 2)} voxels" in read.notes[0]


def test_beside_its_image_the_segmentation_is_found(tmp_path):
    save(slices(IMAGE), tmp_path / "a")
    folder = save([segmentation(slices(IMAGE), labels())], tmp_path / "a")
    assert at_its_place(read_segmentation(folder), labels())
    np.testing.assert_array_equal(read_volume(folder).array, IMAGE)


def test_all_slices_of_a_series_have_the_grid_of_the_series(tmp_path):
    image = read_volume(save(slices(IMAGE), tmp_path / "a"))
    marks = np.where(labels() > 0, 1, 0).astype(np.uint8)
    marks[:, 0, 0] = 1
    read = read_segmentation(save([segmentation(slices(IMAGE), marks)], tmp_path / "b"))
    assert read.same_grid(image, 1e-4)
    np.testing.assert_array_equal(read.array, marks)
