"""Numbers inside each segment: those of numpy, segments that overlap measured whole, histograms that add up."""
from dataclasses import replace

import numpy as np
import pytest
from making import affine_from, head, volume

from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.segment_numbers import BINS, IMAGES, in_segments
from FusionINNLib.results.segments import Drawn, Segment

GRID = affine_from(np.diag([-1, -1, 1]), (2.0, 2.0, 5.0))
SEGMENTS = (Segment("a", "core", (1.0, 0.0, 0.0), 1), Segment("b", "oedema", (0.0, 1.0, 0.0), 2),
            Segment("c", "nothing", (0.0, 0.0, 1.0), 3))


def layers() -> tuple[np.ndarray, np.ndarray]:
    """Two segments that overlap, each in a layer of its own."""
    one, other = np.zeros((2, 6, 40, 44), np.uint8)
    one[1:4, 12:22, 14:26], other[2:5, 16:30, 18:36] = 1, 2
    return one, other


def images():
    first = volume(head(np.float32), "adc", GRID, unit="um2/s")
    first.array[3, 18, 20] = np.nan  # in both segments
    second = volume(head(np.int16, seed=1), "flair", GRID, slope=0.5, intercept=3.0)
    return first, second, volume(head(np.float32, seed=2, top=1), "fused", GRID)


def drawn(*arrays) -> Drawn:
    return Drawn("tumour", tuple(volume(array, "tumour", GRID) for array in arrays), SEGMENTS)


def test_numbers_are_those_of_numpy_and_no_segment_hides_another():
    found = in_segments(images(), drawn(*layers()))
    assert [(row.segment.name, row.image) for row in found.rows] == [(one.name, image) for image in IMAGES for one in SEGMENTS]
    for row in found.rows:
        image = images()[IMAGES.index(row.image)]
        mask = (layers() == np.uint8(row.segment.label)).any(0)
        values = image.values[mask].astype(np.float64)
        values = values[np.isfinite(values)]
        assert row.voxels == mask.sum() and row.volume_ml == pytest.approx(mask.sum() * 0.02) and row.unit == image.unit
        got = (row.mean, row.sd, row.median, row.p5, row.p95, row.lowest, row.highest)
        if row.segment.name == "nothing":
            assert row.voxels == 0 and np.isnan(got).all()
        else:
            expected = (values.mean(), values.std(), *np.percentile(values, (50, 5, 95)), values.min(), values.max())
            assert got == pytest.approx(expected)


def test_histograms_hold_every_voxel_in_the_unit_of_their_image():
    found = in_segments(images(), drawn(*layers()))
    assert [(one.image, one.unit) for one in found.histograms] == [("first", "um2/s"), ("second", ""), ("fused", "")]
    for one in found.histograms:
        assert one.centers.shape == (BINS,) and (np.diff(one.centers) > 0).all()
        sums = {segment.name: percent.sum() for segment, percent in one.percent}
        assert sums == {"core": pytest.approx(100), "oedema": pytest.approx(100), "nothing": 0}
    _, second, _ = images()
    core = second.values[layers()[0] == 1]
    centers, percent = found.histograms[1].centers, found.histograms[1].percent[0][1]
    assert (centers * percent / 100).sum() == pytest.approx(core.mean(), rel=0.02)


def test_a_segmentation_of_somewhere_else_is_refused():
    elsewhere = replace(drawn(layers()[0]), parts=(volume(layers()[0], "tumour", affine_from(np.eye(3), origin=(900.0, 0.0, 0.0))),))
    with pytest.raises(InputError, match="tumour: none of its segments has a voxel in the fused image"):
        in_segments(images(), elsewhere)
