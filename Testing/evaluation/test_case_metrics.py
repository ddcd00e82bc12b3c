"""The numbers of a case: what they are called, progress, and cancel soon."""
from dataclasses import replace

import numpy as np
import pytest

from FusionINNLib import pipeline
from FusionINNLib.errors import Cancelled
from FusionINNLib.evaluation import case_metrics
from FusionINNLib.phantom.case import small_case
from FusionINNLib.progress import Progress


@pytest.fixture(scope="module")
def case(tiny_model):
    sample = small_case()
    fusion = pipeline.fuse(sample.first, sample.second, model=tiny_model, device="cpu")
    return (fusion.first, fusion.second), fusion.fused, fusion.recipe, sample.segmentation


def test_each_slice_of_each_region_is_counted_as_one_piece_of_work(case):
    steps = []
    rows = case_metrics.fusion_rows(*case, progress=Progress(lambda *step: steps.append(step)))
    assert {row.region for row in rows} == {"whole volume", "segmentation", "10 mm margin"}
    counted = [step for step in steps if step[2] > 1]
    total, slices = counted[0][2], case[1].shape[case[2].axis]
    margin = case_metrics.regions(case[3])[1][1]
    assert total == slices + np.count_nonzero(margin.any(axis=(1, 2)))
    assert [step[1] for step in counted] == list(range(1, total + 1)), "up to the end, one by one"
    assert {step[0] for step in steps} == {"measuring"}
    assert case_metrics.fusion_rows(*case) == rows, "progress changes no number"


@pytest.mark.parametrize("after", [1, 4, 5])
def test_it_stops_at_the_next_slice(case, after):
    steps = []

    def report(*step) -> None:
        steps.append(step)
        if len(steps) == after:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        case_metrics.fusion_rows(*case, progress=progress)
    assert len(steps) == after


def test_rows_of_an_estimate_have_keys_of_their_own_and_say_what_they_are(case):
    """The words stay as they are in tables that scenes hold; keys are what programs look for."""
    sources, fused = case[:2]
    spread = replace(fused, unit="um2/s")
    rows = case_metrics.estimate_rows(pipeline.Estimate(*sources, spread, fused, fused))
    assert [(row.key, row.measure, row.unit) for row in rows] == [
        ("first_spread_mean", "spread of first, mean", "um2/s"), ("first_spread_p95", "spread of first, 95th percentile", "um2/s"),
        ("second_spread_mean", "spread of second, mean", ""), ("second_spread_p95", "spread of second, 95th percentile", ""),
        ("cycle_error_mean", "cycle error, mean of absolute values", ""), ("cycle_error_largest", "cycle error, largest", "")]
    assert {row.group for row in rows} == {case_metrics.Group.ESTIMATE}
    worked = np.abs(fused.array[fused.array != 0].astype(np.float64))
    assert rows[0].value == pytest.approx(worked.mean()) and rows[5].value == pytest.approx(worked.max())
    of_fusion = case_metrics.fusion_rows(*case)
    assert {row.group for row in of_fusion} == {case_metrics.Group.FUSION} and all(row.measure == row.key for row in of_fusion)
