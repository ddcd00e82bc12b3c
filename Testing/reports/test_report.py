"""The report pictures of real results: the columns they promise, and a badge on every picture of an estimate."""
from dataclasses import replace

import numpy as np
import pytest
from making import head, volume

from FusionINNLib import pipeline
from FusionINNLib.pipeline import decompose, estimate, fuse
from FusionINNLib.reports import drawing, report
from FusionINNLib.reports import page as report_page

LEFT, STEP = report_page._MARGIN + report_page._ROW_LABEL, report_page._WIDTH + report_page._GAP


@pytest.fixture(scope="module")
def fusion(tiny_model):
    first = head("f4", (9, 48, 52))
    first[4, :, 5] = np.nan
    second = head(shape=(9, 48, 52), seed=1)
    return fuse(volume(first, "adc", unit="1e-6 mm2/s"), volume(second, "flair", slope=2.0), model=tiny_model, device="cpu")


def pixels(page):
    return np.asarray(page.convert("RGB"))


def amber_columns(page):
    """For each column of the page, how many separate bands of the badge's colour run down its left edge."""
    amber = (page == drawing.AMBER).all(axis=-1)
    count = round((page.shape[1] - LEFT - report_page._MARGIN + report_page._GAP) / STEP)
    return [int(np.count_nonzero(np.diff(amber[:, LEFT + column * STEP + 2].astype(int)) == 1)) for column in range(count)]


@pytest.mark.parametrize("tumour", [True, False])
def test_of_a_fusion(fusion, tiny_model, tumour):
    labels = np.zeros(fusion.fused.shape, np.uint8)
    labels[3:6, 20:30, 20:28] = 2
    segmentation = replace(fusion.fused, array=labels, name="tumour") if tumour else None
    preview = pipeline.preview(fusion, report.slices_to_show(fusion, segmentation), model=tiny_model, device="cpu")
    page = pixels(report.fusion_report(fusion, segmentation, preview))
    rows = 3 * (2 if tumour else 1)
    # first, second, fused, decomposed twice; estimated twice and its two differences
    assert amber_columns(page) == [0] * 5 + [rows] * 4
    assert ((page == drawing.RED).all(axis=-1).sum() > 100) == tumour


def test_of_an_exact_decomposition(fusion, tiny_model):
    back = decompose(fusion.fused, fusion.latent, fusion.recipe, model=tiny_model, device="cpu")
    assert amber_columns(pixels(report.exact_report(fusion.fused, back, fusion.recipe))) == [0, 0, 0]


def test_of_an_estimate(fusion, tiny_model):
    result = estimate(fusion.fused, fusion.recipe, samples=2, model=tiny_model, device="cpu")
    page = pixels(report.estimate_report(fusion.fused, result, fusion.recipe))
    assert amber_columns(page) == [0] + [3] * 5
    warned = pixels(report.estimate_report(fusion.fused, replace(result, warnings=("It was changed.",)), fusion.recipe))
    assert warned.shape[0] > page.shape[0], "what the estimate warns of stands above it"


def test_a_method_without_a_model_is_named_on_the_way_back_too(fusion, monkeypatch):
    headers = []
    monkeypatch.setattr(report, "compose", lambda *given, **_: headers.append(given[5]))
    hidden = pipeline.fuse(fusion.first, fusion.second, method="rdh", alignment="none")
    report.exact_report(hidden.fused, pipeline.decompose(hidden.fused, hidden.latent, hidden.recipe), hidden.recipe)
    report.estimate_report(hidden.fused, pipeline.estimate(hidden.fused, hidden.recipe), hidden.recipe)
    assert len(headers) == 2 and all("method Reversible data hiding" in header and "None" not in header for header in headers)


def test_an_inexact_way_back_would_be_said(fusion):
    slices = [3, 4, 5]
    sources = [report._slices(source, slices, 0) for source in (fusion.first, fusion.second)]
    assert "identical in every voxel" in report._exactness(fusion, sources, slices)
    worse = replace(sources[1], array=sources[1].array + (np.arange(3) == 1)[:, None, None].astype(np.int16) * 9)
    assert report._exactness(fusion, (sources[0], worse), slices) == "exact: to 1e-02 of the range"


def test_a_method_without_a_way_back_has_no_such_columns(fusion):
    average = fuse(fusion.first, fusion.second, method="average")
    preview = pipeline.preview(average, [3, 4, 5])
    assert (preview.exact, preview.estimate) == (None, None)
    assert amber_columns(pixels(report.fusion_report(average, None, preview))) == [0, 0, 0]


def test_the_picture_shows_the_estimate_that_the_command_gives(fusion, tiny_model):
    """The slices of the report are estimated alone; the same slices of the whole volume must come out the same."""
    slices = [2, 4, 7]
    whole = estimate(fusion.fused, fusion.recipe, model=tiny_model, device="cpu")
    few = pipeline.preview(fusion, slices, model=tiny_model, device="cpu").estimate
    np.testing.assert_array_equal(few.first.array, whole.first.array[slices])
    np.testing.assert_array_equal(few.second_spread.array, whole.second_spread.array[slices])


def test_windows_of_images_that_are_nearly_constant_or_vast():
    """What damage and hot voxels leave: a window is never empty, nor a difference's scale."""
    from FusionINNLib.reports.columns import difference_column, window
    from FusionINNLib.volumes.volume import Volume

    for values in ({}, {(2, 3, 4): 7.0}, {(2, 3, 4): 1e30, (2, 4, 4): -1e30}, {(2, 3, 4): np.nan}):
        array = np.full((6, 40, 40), 5, np.float32)
        for index, value in values.items():
            array[index] = value
        one = Volume(array, np.eye(4), "one")
        low, high = window(one, 0)
        assert low < high
        reach = difference_column("", one, one, (low, high), 0, range(6)).window[1]
        assert 0 < reach < np.inf
    flat = Volume(np.zeros((6, 40, 40), np.float32), np.eye(4), "flat")
    assert difference_column("", flat, flat, (0.0, 0.0), 0, range(6)).window == (-1.0, 1.0)
