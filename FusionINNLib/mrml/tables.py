"""Numbers (see `evaluation/case_metrics.py`) as a table node. Main thread only."""
import vtk

from FusionINNLib import __version__
from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.case_metrics import Row
from FusionINNLib.mrml.nodes import KIND, PREFIX, Node, kindOfNode, setRecord
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.results.recipe import NOTICE


def storeNumbers(scene, rows: tuple[Row, ...], fusedNode: Node, *, tableNode: Node | None = None) -> Node:
    """Rows as a table node with the columns measure, region, value, unit, in the folder of the fused node.

    tableNode: the chosen output, None for a new one. Raises InputError for a table that is not empty and that FusionINN did not make.
    """
    if tableNode is not None and kindOfNode(tableNode) is None and tableNode.GetNumberOfColumns():
        raise InputError(f"{tableNode.GetName()} holds a table that FusionINN did not make, and is left as it is: choose another output.")
    name = f"{fusedNode.GetName()} numbers"
    table: Node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name)) if tableNode is None else tableNode
    table.SetAttribute(KIND, "numbers")
    table.SetDescription(NOTICE)
    setRecord(table, Version=__version__, InputIDs=[fusedNode.GetID()],
              **{name: fusedNode.GetAttribute(PREFIX + name) for name in ("ModelId", "WeightsSHA256", "FusedSHA256")})
    wasModifying = table.StartModify()
    table.SetAndObserveTable(_table(rows))
    table.SetUseColumnTitleAsColumnHeader(True)
    table.EndModify(wasModifying)
    placeBeside(table, fusedNode)
    return table


def _table(rows: tuple[Row, ...]) -> vtk.vtkTable:
    table = vtk.vtkTable()
    for name in ("measure", "region", "value", "unit"):
        column = vtk.vtkDoubleArray() if name == "value" else vtk.vtkStringArray()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(getattr(row, name))
        table.AddColumn(column)
    return table
