"""What the module does when the application starts, long before it is opened: its sample case and its layout are known from then on."""
import slicer
import vtk

from FusionINNLib import mrml
from FusionINNPanel import sample
from FusionINNPanel.comparison import layoutNode

MODULE = "FusionINN"


def onStartup() -> None:
    """Called once. Nothing is installed, computed or shown."""
    sample.registerSampleData()
    node = layoutNode()
    if node is None:  # Slicer runs without a main window
        return
    mrml.installLayout(node)
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: mrml.keepOutOfScenes(caller))
    slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndImportEvent, lambda caller, event: openForComparison())


def openForComparison() -> None:
    """Make the panel where a scene was opened that has the comparison in it: only the panel says ESTIMATED in its views."""
    node = layoutNode()
    if hasattr(slicer.modules, f"{MODULE}Widget") or node is None:
        return
    parameters = slicer.mrmlScene.GetSingletonNode(MODULE, "vtkMRMLScriptedModuleNode")
    isWanted = parameters is not None and parameters.GetParameter("comparisonShown") == "True"
    if isWanted or node.GetViewArrangement() in mrml.LAYOUTS:  # the latter: saved by version 0.1.0
        slicer.modules.fusioninn.widgetRepresentation()
