"""What the views of the comparison share besides the slice: the crosshair, and window and level of each column. Main thread only."""
import json

import slicer
import vtk

from FusionINNLib.mrml.nodes import PREFIX, Node

COLUMNS = (("first", "decomposedFirst"), ("second", "decomposedSecond"))
"""Views that show one contrast: what is brighter in one is brighter in the other."""
_WINDOW = PREFIX + "Window"
"""Attribute of a display node: window and level as they were when the views were linked first."""


class LinkedCrosshair:
    """Slicer's crosshair in all views, which follow it slice by slice when it is moved (Shift and the mouse). `restore` ends that."""

    def __init__(self, scene):
        self._crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        self._before = (self._crosshair.GetCrosshairMode(), self._crosshair.GetCrosshairBehavior()) if self._crosshair is not None else None
        if self._crosshair is not None:
            self._crosshair.SetCrosshairMode(slicer.vtkMRMLCrosshairNode.ShowBasic)
            self._crosshair.SetCrosshairBehavior(slicer.vtkMRMLCrosshairNode.OffsetJumpSlice)

    def restore(self) -> None:
        """As it was before."""
        if self._before is not None:
            self._crosshair.SetCrosshairMode(self._before[0])
            self._crosshair.SetCrosshairBehavior(self._before[1])


class LinkedWindows:
    """Window and level of the volumes of each column follow each other. volumes: by the names of their views. `remove` ends that."""

    def __init__(self, volumes: dict[str, Node | None]):
        self._observed: list[tuple[Node, int]] = []
        self._isCopying = False
        for column in COLUMNS:
            displays = _displaysOf(volumes, column)
            for display in displays:
                if display.GetAttribute(_WINDOW) is None:
                    display.SetAttribute(_WINDOW, json.dumps([display.GetWindowLevelMin(), display.GetWindowLevelMax()]))
                others = [other for other in displays if other is not display]
                tag = display.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event, others=others: self._follow(caller, others))
                self._observed.append((display, tag))

    def remove(self) -> None:
        """Nothing follows any longer."""
        for display, tag in self._observed:
            display.RemoveObserver(tag)
        self._observed = []

    def _follow(self, display: Node, others: list[Node]) -> None:
        if self._isCopying:
            return
        self._isCopying = True
        try:
            for other in others:
                if (other.GetWindowLevelMin(), other.GetWindowLevelMax()) != (display.GetWindowLevelMin(), display.GetWindowLevelMax()):
                    other.SetAutoWindowLevel(False)
                    other.SetWindowLevelMinMax(display.GetWindowLevelMin(), display.GetWindowLevelMax())
        finally:
            self._isCopying = False


def restoreWindows(volumes: dict[str, Node | None]) -> None:
    """Window and level of all volumes of the columns as they were when they were linked first."""
    for display in (display for column in COLUMNS for display in _displaysOf(volumes, column)):
        before = display.GetAttribute(_WINDOW)
        if before is not None:
            display.SetAutoWindowLevel(False)
            display.SetWindowLevelMinMax(*json.loads(before))


def _displaysOf(volumes: dict[str, Node | None], column: tuple[str, ...]) -> list[Node]:
    """The display nodes of the volumes of a column, as far as there are any."""
    nodes: list[Node] = [volumes.get(view) for view in column]
    displays = [node.GetDisplayNode() for node in nodes if node is not None]
    return [display for display in displays if display is not None]


def showSurfaces(segmentationNode: Node) -> bool:
    """The segments in 3-D views, each in its own colour; False where no surface can be had of them."""
    if not segmentationNode.GetSegmentation().GetNumberOfSegments() or not segmentationNode.CreateClosedSurfaceRepresentation():
        return False
    segmentationNode.CreateDefaultDisplayNodes()
    display = segmentationNode.GetDisplayNode()
    display.SetVisibility(True)
    display.SetVisibility3D(True)
    return True
