"""DICOM segmentations, written with highdicom: every voxel at its place, every segment with its name and colour."""
import numpy as np
import pytest
from dicom_making import GRID, LPS, numbers, save, slices
from making import head

from FusionINNLib.errors import GeometryError, InputError
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


# ---- frames left out, and no word on how far apart slices are ---------------------------------------------------------------------

KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


def one_segment(*slices_: int) -> np.ndarray:
    """One outline of another shape on each of these slices."""
    marks = np.zeros(IMAGE.shape, np.uint8)
    for n, k in enumerate(slices_):
        marks[k, 4 + n:9, 6:12 + n] = 1
    return marks


def sparse(marks: np.ndarray, kind: str, thick: float | None, apart: float | None = None):
    """A segmentation that has frames for outlined slices only; thickness and distance of slices are what they are said to be."""
    pixels = marks.astype(np.float32) if kind == "FRACTIONAL" else marks
    made = segmentation(slices(IMAGE), pixels, kind)
    assert int(made.NumberOfFrames) < len(IMAGE) * marks.max()
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    for word, value in (("SliceThickness", thick), ("SpacingBetweenSlices", apart)):
        if word in measures:
            delattr(measures, word)
        if value is not None:
            setattr(measures, word, f"{value:.6g}")
    return made


STEP = float(np.linalg.norm(GRID[:3, 2]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("outlined", "thick", "told"), [
    ((1, 3, 5), STEP, "counts as not outlined"),  # every second slice, as thick as slices are
    ((1, 3, 5), 0.9 * STEP, "counts as not outlined"),  # ... with gaps between the slices
    ((0, 2, 5), STEP, None), ((1, 2, 6), STEP, None), ((1, 4, 6), 2 * STEP, "multiples of"),  # their common distance; overlapping slices
    ((2, 3, 4), STEP, None), ((5,), STEP, None), ((0, 2, 5), None, "nothing says how thick")])
def test_outlines_stay_on_their_slices_where_no_distance_of_slices_is_said(tmp_path, kind, outlined, thick, told):
    read = read_segmentation(save([sparse(one_segment(*outlined), kind, thick)], tmp_path / "a"))
    assert at_its_place(read, one_segment(*outlined)) and np.count_nonzero(read.array) == np.count_nonzero(one_segment(*outlined))
    assert read.spacing_ijk_mm[2] == pytest.approx(STEP, rel=1e-3)
    notes = [note for note in read.notes if "at least 0.5" not in note]
    assert (told in notes[0]) if told else notes == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outlined", [(2, 4, 6), (3,), (0, 8)])
def test_the_outlined_series_tells_how_far_apart_slices_are(tmp_path, kind, outlined):
    """Beside the file or given with it; by the header alone the slices would be five times as thick, or not to be read."""
    for thick in (5 * STEP, None):
        made = sparse(one_segment(*outlined), kind, thick)
        image = save(slices(IMAGE), tmp_path / f"image {thick}")
        alone = save([made], tmp_path / f"alone {thick}")
        beside = save([made], save(slices(IMAGE), tmp_path / f"both {thick}"), "seg{:04d}.dcm")
        for read in (read_segmentation(beside), read_segmentation(next(beside.glob("seg*"))),
                     read_segmentation(alone, outlined=[read_volume(image)])):
            assert at_its_place(read, one_segment(*outlined)) and read.spacing_ijk_mm[2] == pytest.approx(STEP, rel=1e-6)
            assert read.notes == (("fractions of at least 0.5 taken as inside",) if kind == "FRACTIONAL" else ())


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_several_segments_on_slices_of_their_own(tmp_path, kind):
    marks = one_segment(0, 1, 5)
    marks[5:8:2, 10:14, 9:15] = 2
    read = read_segmentation(save([sparse(marks, kind, STEP)], tmp_path / "a"))
    assert at_its_place(read, marks) and np.count_nonzero(read.array) == np.count_nonzero(marks)


def test_distances_that_nothing_explains_are_refused(tmp_path):
    made = sparse(one_segment(1, 3, 6), "BINARY", STEP)
    for frame, k in zip(made.PerFrameFunctionalGroupsSequence, (1, 3, 5.55)):
        frame.PlanePositionSequence[0].ImagePositionPatient = numbers(GRID[:3, 3] + k * GRID[:3, 2])
    with pytest.raises(GeometryError, match="lie at distances of 7.8.*nothing says how far apart"):
        read_segmentation(save([made], tmp_path / "a"))
    with pytest.raises(GeometryError, match="how thick it is"):
        read_segmentation(save([sparse(one_segment(4), "BINARY", None)], tmp_path / "b"))
    with pytest.raises(GeometryError, match="nothing says how far apart"):
        read_segmentation(save([sparse(one_segment(0, 4, 8), "BINARY", None)], tmp_path / "c"))


def test_a_distance_that_the_places_contradict_is_told(tmp_path):
    read = read_segmentation(save([sparse(one_segment(0, 2, 5), "BINARY", STEP, 0.7 * STEP)], tmp_path / "a"))
    assert at_its_place(read, one_segment(0, 2, 5)) and "do not fit" in read.notes[0]


def test_places_with_few_digits_and_many_slices_between(tmp_path):
    """Slices 0, 1, 2, 3 and then the 97th, to a hundredth of a mm."""
    tall = np.zeros((98, 8, 8), np.uint8)
    tall[[0, 1, 2, 3, 97], 2:5, 3:6] = 1
    grid = np.diag([1.0, 1.0, 1.2345, 1.0])
    made = segmentation(slices(tall.astype(np.int16), grid), tall)
    del made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    for frame in made.PerFrameFunctionalGroupsSequence:
        where = frame.PlanePositionSequence[0]
        where.ImagePositionPatient = [f"{float(x):.2f}" for x in where.ImagePositionPatient]
    read = read_segmentation(save([made], tmp_path / "a"))
    np.testing.assert_array_equal(read.array, tall)
    assert read.spacing_ijk_mm[2] == pytest.approx(1.2345, abs=2e-4) and read.notes == ()


def test_frames_that_show_the_same_twice_are_refused(tmp_path):
    made = sparse(one_segment(2, 3), "BINARY", STEP)
    made.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence = made.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    with pytest.raises(InputError, match="one segment at one position"):
        read_segmentation(save([made], tmp_path / "a"))
