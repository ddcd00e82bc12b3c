"""Numbers inside each segment as a table node, their histograms as Slicer's own plots, and a table as CSV. Main thread only."""
import csv
import io
from dataclasses import dataclass

import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk

from FusionINNLib import __version__
from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.segment_numbers import IMAGES, Histogram, InSegments, SegmentNumbers
from FusionINNLib.mrml.layout import HISTOGRAM_VIEWS, viewName
from FusionINNLib.mrml.nodes import KIND, PREFIX, Node, inputsOf, kindOfNode, setRecord
from FusionINNLib.mrml.segments import drawnSegments
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.mrml.tasks import Task, fusionWithSources, needPresent
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.steps import Steps, in_one_step

_COLUMNS = (("segment", lambda row: row.segment.name), ("color", lambda row: _hex(row.segment.color)), ("image", lambda row: row.image),
            ("unit", lambda row: row.unit), ("voxels", lambda row: row.voxels), ("volume [ml]", lambda row: row.volume_ml),
            ("mean", lambda row: row.mean), ("sd", lambda row: row.sd), ("median", lambda row: row.median),
            ("5th percentile", lambda row: row.p5), ("95th percentile", lambda row: row.p95), ("lowest", lambda row: row.lowest),
            ("highest", lambda row: row.highest))
_CHART = PREFIX + "Chart"
_PARTS = PREFIX + "Part"
"""Node references of the table of numbers: to its charts, in the order of IMAGES, and to what these are made of."""


@dataclass(frozen=True)
class SegmentPlots:
    """table: a row for each segment and image. charts: histograms of first, second and fused image."""

    table: Node
    charts: tuple[Node, ...]


def segmentNumbersTask(scene, fusedVolume: Node | None, segmentation: Node | None, *, model: str | None = None, device: str = "auto",
                       table: Node | None = None) -> Task:
    """Numbers of both exact sources and the fused image inside each segment; gives `SegmentPlots`. table: to update, None for a new one.

    Raises InputError where no segmentation is chosen.
    """
    if segmentation is None:
        raise InputError("No segmentation is chosen: choose one.")

    def read() -> Steps[dict]:
        stored, inputs = fusionWithSources(fusedVolume, None, model)
        yield
        drawn = drawnSegments(segmentation, fusedVolume, stored.fused)
        yield
        return {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "labels": drawn, "model": model, "device": device,
                "inputs": inputs}

    def store(computed: InSegments) -> SegmentPlots:
        needPresent(scene, fusedVolume)
        return storeSegmentNumbers(scene, computed, fusedVolume, tableNode=table if table and scene.IsNodePresent(table) else None)

    return Task("segment_numbers", read, in_one_step(store))


def storeSegmentNumbers(scene, computed: InSegments, fusedNode: Node, *, tableNode: Node | None = None) -> SegmentPlots:
    """Numbers as a table node, and a plot chart for each image with a line for each segment in its colour; all in the folder of the fused
    node. A table that is updated gets new plots in place of its own. Raises InputError for a table that FusionINN did not make."""
    if tableNode is not None and kindOfNode(tableNode) != "segmentNumbers":
        raise InputError(f"{tableNode.GetName()} holds a table that FusionINN did not make, and is left as it is: choose another output.")
    name = f"{fusedNode.GetName()} segments"
    node: Node = tableNode if tableNode is not None else scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name))
    _removePlots(scene, node)
    node.SetAttribute(KIND, "segmentNumbers")
    node.SetDescription(NOTICE)
    setRecord(node, Version=__version__, InputIDs=[fusedNode.GetID()], FusedSHA256=fusedNode.GetAttribute(PREFIX + "FusedSHA256"))
    node.SetAndObserveTable(_table(computed.rows))
    node.SetUseColumnTitleAsColumnHeader(True)
    placeBeside(node, fusedNode)
    shown = (*inputsOf(fusedNode), fusedNode)
    titles = [image.GetName() if image is not None else name for image, name in zip(shown, IMAGES)]
    charts = tuple(_chart(scene, histogram, f"{title} in segments", node, fusedNode)
                   for histogram, title in zip(computed.histograms, titles))
    return SegmentPlots(node, charts)


def chartsOf(tableNode: Node | None) -> tuple[Node, ...]:
    """The histograms that belong to a table of numbers inside segments, as far as they are in the scene."""
    if tableNode is None:
        return ()
    charts = (tableNode.GetNthNodeReference(_CHART, n) for n in range(tableNode.GetNumberOfNodeReferences(_CHART)))
    return tuple(chart for chart in charts if chart is not None)


def showHistograms(scene, charts: tuple[Node, ...]) -> None:
    """Each chart below its image, in the views of the layout of histograms; views without a chart are emptied. That layout has to have been
    shown before, so that there are views."""
    for n, view in enumerate(HISTOGRAM_VIEWS):
        node = scene.GetSingletonNode(viewName(view), "vtkMRMLPlotViewNode")
        if node is not None:
            node.SetPlotChartNodeID(charts[n].GetID() if n < len(charts) else None)


def tableAsCSV(tableNode: Node) -> str:
    """A table node as comma separated values with a line of titles, numbers in full.

    Each row ends with the notice on use, in a column of its own: programs read the rest as before, and no part of it is pasted without."""
    table = tableNode.GetTable()
    columns = [table.GetColumn(n) for n in range(table.GetNumberOfColumns())]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*(column.GetName() for column in columns), "notice"])
    writer.writerows([[*(column.GetValue(row) for column in columns), NOTICE] for row in range(table.GetNumberOfRows())])
    return written.getvalue()


def _chart(scene, histogram: Histogram, title: str, tableNode: Node, fusedNode: Node) -> Node:
    values = f"value [{histogram.unit}]" if histogram.unit else "value"
    data = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(f"{title} histogram"))
    data.SetHideFromEditors(True)
    table = vtk.vtkTable()
    _addColumn(table, values, histogram.centers)
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", scene.GenerateUniqueName(title))
    chart.SetTitle(title)
    chart.SetXAxisTitle(values)
    chart.SetYAxisTitle("voxels [%]")
    tableNode.AddNodeReferenceID(_CHART, chart.GetID())
    for number, (segment, percent) in enumerate(histogram.percent, 1):
        _addColumn(table, f"{number} {segment.name}", percent)  # numbered: two segments may have one name
        series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", segment.name)
        series.SetPlotType(series.PlotTypeScatter)
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetLineWidth(2)
        series.SetColor(*segment.color)
        series.SetAndObserveTableNodeID(data.GetID())
        series.SetXColumnName(values)
        series.SetYColumnName(f"{number} {segment.name}")
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
        tableNode.AddNodeReferenceID(_PARTS, series.GetID())
    data.SetAndObserveTable(table)
    tableNode.AddNodeReferenceID(_PARTS, data.GetID())
    placeBeside(chart, fusedNode)
    return chart


def _removePlots(scene, tableNode: Node) -> None:
    for role in (_CHART, _PARTS):
        nodes = [tableNode.GetNthNodeReference(role, n) for n in range(tableNode.GetNumberOfNodeReferences(role))]
        tableNode.RemoveNodeReferenceIDs(role)
        for node in filter(None, nodes):
            scene.RemoveNode(node)


def _table(rows: tuple[SegmentNumbers, ...]) -> vtk.vtkTable:
    table = vtk.vtkTable()
    for name, valueOf in _COLUMNS:
        values = [valueOf(row) for row in rows]
        isText = name in ("segment", "color", "image", "unit")
        column = vtk.vtkStringArray() if isText else vtk.vtkIntArray() if name == "voxels" else vtk.vtkDoubleArray()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    return table


def _addColumn(table: vtk.vtkTable, name: str, values) -> None:
    column = numpy_to_vtk(values, deep=True, array_type=vtk.VTK_DOUBLE)
    column.SetName(name)
    table.AddColumn(column)


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)
