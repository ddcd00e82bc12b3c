"""Numbers inside each segment: right voxels, names and colours, table, plots and CSV."""
import csv

import numpy as np
import pytest
import slicer
import slicer.util
from making import AFFINES
from scenes import inFolder

from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.volumes.volume import Volume

CORE, WHOLE = np.s_[2:4, 16:24, 16:24], np.s_[1:5, 12:28, 14:28]


@pytest.fixture
def segmentation(scene, case):
    """A tumour, and its core as a segment of its own that lies inside of it."""
    shape = slicer.util.arrayFromVolume(case.second).shape
    labels = np.zeros(shape, np.uint8)
    labels[WHOLE] = 1
    whole = Segments(Volume(labels, AFFINES["oblique"], "x"), (Segment("t", "tumour", (1.0, 0.0, 0.0), 1),))
    node = mrml.segmentationFromLabels(scene, whole, "tumour")
    core = np.zeros(shape, np.uint8)
    core[CORE] = 1
    other = mrml.segmentationFromLabels(scene, Segments(Volume(core, AFFINES["oblique"], "x"), (Segment("c", "core", (0.0, 0.5, 1.0), 1),)),
                                        "core")
    node.GetSegmentation().CopySegmentFromSegmentation(other.GetSegmentation(), "c")
    scene.RemoveNode(other)
    return node


def computed(scene, case, segmentation, **choices):
    return mrml.segmentNumbersTask(scene, case.nodes.fused, segmentation, model=case.model, device="cpu", **choices).run()


def rows(text: str) -> dict:
    return {(row["segment"], row["image"]): row for row in csv.DictReader(text.splitlines())}


def test_each_segment_is_measured_whole_in_each_image(scene, case, segmentation):
    found = computed(scene, case, segmentation)
    said = rows(mrml.tableAsCSV(found.table))
    assert list(said) == [(segment, image) for image in ("first", "second", "fused") for segment in ("tumour", "core")]
    for name, place in (("tumour", WHOLE), ("core", CORE)):
        for image, node in (("first", case.first), ("second", case.second), ("fused", case.nodes.fused)):
            values, row = slicer.util.arrayFromVolume(node)[place].astype(float), said[name, image]
            assert int(row["voxels"]) == values.size and float(row["mean"]) == pytest.approx(values.mean(), rel=1e-6)
            assert float(row["median"]) == pytest.approx(np.median(values)) and float(row["sd"]) == pytest.approx(values.std())
            assert float(row["volume [ml]"]) == pytest.approx(values.size * 0.9 * 1.1 * 4 / 1000)
    assert said["core", "first"]["color"] == "#0080ff" and said["tumour", "fused"]["color"] == "#ff0000"
    assert said["core", "first"]["unit"] == "um2/s" and said["core", "fused"]["unit"] == ""
    assert {row["notice"] for row in said.values()} == {"Research use only. Not for diagnosis."}
    assert inFolder(found.table) == inFolder(case.nodes.fused)


def test_histograms_are_plots_with_a_line_a_segment_in_its_colour(scene, case, segmentation):
    found = computed(scene, case, segmentation)
    assert [chart.GetTitle() for chart in found.charts] == ["ADC in segments", "FLAIR in segments",
                                                            f"{case.nodes.fused.GetName()} in segments"]
    chart = found.charts[0]
    assert chart.GetXAxisTitle() == "value [um2/s]" and chart.GetNumberOfPlotSeriesNodes() == 2
    for n, color in enumerate(((1.0, 0.0, 0.0), (0.0, 0.5, 1.0))):
        series = chart.GetNthPlotSeriesNode(n)
        assert series.GetColor() == pytest.approx(color, abs=0.01)
        column = series.GetTableNode().GetTable().GetColumnByName(series.GetYColumnName())
        assert sum(column.GetValue(k) for k in range(column.GetNumberOfTuples())) == pytest.approx(100)
    assert mrml.chartsOf(found.table) == found.charts and mrml.chartsOf(None) == ()


def test_an_update_leaves_no_old_plot_behind(scene, case, segmentation, reopened):
    first = computed(scene, case, segmentation)
    count = scene.GetNumberOfNodes()
    again = computed(scene, case, segmentation, table=first.table)
    assert again.table is first.table and scene.GetNumberOfNodes() == count
    name = again.table.GetName()
    reopened()
    table = scene.GetFirstNodeByName(name)
    assert len(mrml.chartsOf(table)) == 3 and mrml.chartsOf(table)[2].GetNthPlotSeriesNode(1).GetTableNode() is not None


def test_each_chart_is_in_the_view_below_its_image(core, scene, case, segmentation):
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLApplicationLogic(core.application)
    logic.SetMRMLScene(scene)
    mrml.showLayout(logic.GetLayoutNode(), mrml.HISTOGRAMS_LAYOUT_ID)
    found = computed(scene, case, segmentation)
    mrml.showHistograms(scene, found.charts)
    nodes = [scene.GetSingletonNode(mrml.viewName(view), "vtkMRMLPlotViewNode") for view in ("firstHistogram", "fusedHistogram")]
    assert [node.GetPlotChartNode() for node in nodes] == [found.charts[0], found.charts[2]]
    mrml.showHistograms(scene, ())
    assert nodes[0].GetPlotChartNode() is None


def test_what_cannot_be_measured_is_refused(scene, case, segmentation):
    with pytest.raises(InputError, match="No segmentation"):
        mrml.segmentNumbersTask(scene, case.nodes.fused, None)
    other = scene.AddNewNodeByClass("vtkMRMLTableNode", "mine")
    with pytest.raises(InputError, match="did not make"):
        computed(scene, case, segmentation, table=other)
    assert other.GetNumberOfColumns() == 0
    labels = np.zeros((6, 48, 40), np.uint8)
    labels[0, 0, 0] = 1
    far = np.eye(4)
    far[:3, 3] = 5000
    away = mrml.segmentationFromLabels(scene, Segments(Volume(labels, far, "x"), (Segment("a", "away", (1.0, 0.0, 0.0), 1),)), "away")
    with pytest.raises(InputError, match="none of its segments"):
        computed(scene, case, away)
