"""The comparison on screen: layout, what each view shows, outlines, blinking, opacity, jump. The MRML side is
FusionINNLib/mrml/__init__.py."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from collections.abc import Callable

import qt
import slicer
import vtk

from FusionINNLib import mrml
from FusionINNPanel.interval import overlays
from FusionINNPanel.parameters import Blinked, FusionINNParameterNode
from FusionINNPanel.shared_views import LAYOUTS, SharedViews

BLINK_MS = 700


class Comparison:
    """Layout of six linked views and what is in them.

    Args:
        onLayout: called when another layout is on screen, also by Slicer's own menu.

    Where Slicer runs without a main window there is no layout: nothing is shown, and nothing fails.
    """

    def __init__(self, onLayout: Callable[[], None]) -> None:
        self._previousLayout = None
        self._blink = None
        self._outlined = None
        self._segment: int | None = None  # that was jumped to last
        self._grid: tuple | None = None  # that the views were turned to; for as long as it stays, the user moves and zooms them
        self._marks: dict = {}
        self._shared = SharedViews()
        self._timer = qt.QTimer()
        self._timer.setInterval(BLINK_MS)
        self._timer.connect("timeout()", self._toggle)
        self._onLayout, self._observed, self._arrangement = onLayout, layoutNode(), None
        self._tag = self._observed.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onLayoutNode) if self._observed else None

    @property
    def isPossible(self) -> bool:
        """Whether there are views at all."""
        return layoutNode() is not None

    @property
    def isShown(self) -> bool:
        """Whether the layout on screen is ours."""
        node = layoutNode()
        return node is not None and node.GetViewArrangement() in mrml.LAYOUTS

    def show(self, parameters: FusionINNParameterNode) -> None:
        """Switch to the layout and fill it."""
        if self.isPossible and not self.isShown:
            self._previousLayout = mrml.showLayout(layoutNode(), _layoutFor(parameters))
            self._grid = None
        self.update(parameters)

    def showResults(self, parameters: FusionINNParameterNode) -> None:
        """Bring what was computed just now on screen, in the comparison if the user wants that."""
        if parameters.showWhenDone:
            self.show(parameters)
        elif self.isShown:
            self.update(parameters)
        else:
            mrml.showInSliceViews(slicer.app.applicationLogic(), parameters.decomposedVolume)

    def restore(self, parameters: FusionINNParameterNode) -> None:
        """As the scene that was opened just now was saved: with the comparison on screen or without, the views where they were."""
        if not self.isPossible or not (parameters.comparisonShown or self.isShown):
            return
        if not self.isShown:
            self._previousLayout = mrml.showLayout(layoutNode(), _layoutFor(parameters))
        self._grid = _gridOf(_leadOf(shownVolumes(parameters)))
        self.update(parameters)

    def update(self, parameters: FusionINNParameterNode) -> None:
        """Put the volumes as they are now chosen into the views."""
        if not self.isShown:
            return
        self.stopBlinking()
        views = _madeViews()
        mrml.showLayout(layoutNode(), _layoutFor(parameters))
        if views != _madeViews():  # new ones are not turned yet
            self._grid = None
        volumes = shownVolumes(parameters) | overlays(parameters)
        lead = _leadOf(volumes)
        isNewGrid = self._grid != _gridOf(lead)
        self._grid = _gridOf(lead)
        mrml.showCase(slicer.mrmlScene, volumes, orient=isNewGrid)
        if isNewGrid and lead is not None:
            # Views that came up just now get their size from Qt later; until then a narrow one would cut the head.
            identifier = lead.GetID()  # no node is held: the scene may be closed before the timer comes
            qt.QTimer.singleShot(0, lambda: self._orient(identifier))
        mrml.setFusedOpacity(slicer.mrmlScene, parameters.opacity)
        self._outline(parameters.segmentation)
        if mrml.isSuggestion(parameters.suggestion):
            mrml.showOutlines(parameters.suggestion)
        self._shared.update(parameters, volumes)
        self.mark()
        parameters.comparisonShown = True  # also where it was on screen already when this scene began

    def hide(self) -> None:
        """Back to the layout before, unless the user has chosen another one meanwhile."""
        self.stopBlinking()
        self._outline(None)
        self._shared.end()
        if self.isPossible:  # a scene that was saved with the comparison on screen knows of no layout before
            mrml.restoreLayout(layoutNode(), self._previousLayout or slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._previousLayout = None

    def setOpacity(self, opacity: float) -> None:
        """Opacity 0..1 of the fused layer over the second volume."""
        if self.isShown:
            mrml.setFusedOpacity(slicer.mrmlScene, opacity)

    def jumpTo(self, segmentation) -> None:
        """All views to the middle of a segmentation. Raises InputError for an empty one."""
        mrml.jumpTo(slicer.mrmlScene, mrml.tumourCentroidRAS(segmentation))

    def jumpToSegment(self, segmentation, step: int) -> str:
        """All views to the next segment (step 1) or the previous one (-1) of those with voxels; its name. Raises InputError for none."""
        places = mrml.segmentCentroidsRAS(segmentation)
        self._segment = (self._segment + step) % len(places) if self._segment is not None else 0 if step > 0 else len(places) - 1
        name, place = places[self._segment % len(places)]
        mrml.jumpTo(slicer.mrmlScene, place)
        return name

    def picture(self):
        """The slice views that are shown, twice as large, (height, width, 3). Raises InputError where the comparison is not on screen."""
        node = layoutNode()
        layout = node.GetViewArrangement() if node is not None and self.isShown else mrml.LAYOUT_ID
        return mrml.pictureOfLayout(slicer.mrmlScene, slicer.app.applicationLogic(), layout)

    def resetWindows(self, parameters: FusionINNParameterNode) -> None:
        """Window and level of both columns as they were when the comparison showed them first."""
        mrml.restoreWindows(shownVolumes(parameters))

    def startBlinking(self, parameters: FusionINNParameterNode) -> bool:
        """Switch the fused view to and fro between the two chosen volumes; False where one of them is not there."""
        self.stopBlinking()
        one, other = map(mrml.inColor, blinkedVolumes(parameters))
        if one is None or other is None or not self.isShown:
            return False
        self._blink = mrml.Blink(slicer.mrmlScene, "fused", one, other)
        self._toggle()
        self._timer.start()
        return True

    def stopBlinking(self) -> None:
        """The view shows again what it showed before."""
        self._timer.stop()
        if self._blink is not None:
            self._blink.stop()
        self._blink = None

    def mark(self) -> None:
        """ESTIMATED in the corner of views that show an estimate."""
        if not self.isShown:
            return
        for view in mrml.VIEWS + mrml.LIGHTBOX_VIEWS:
            widget = slicer.app.layoutManager().sliceWidget(mrml.viewName(view))
            if view not in self._marks and widget is not None and mrml.compositeNodeOf(slicer.mrmlScene, view) is not None:
                renderer = widget.sliceView().renderWindow().GetRenderers().GetFirstRenderer()
                self._marks[view] = mrml.EstimatedMark(slicer.mrmlScene, view, renderer)
        for mark in self._marks.values():
            mark.update()

    def forget(self) -> None:
        """The scene goes away, or the panel: nothing of it may be held."""
        self._timer.stop()
        self._blink = self._outlined = self._grid = None
        self._shared.forget()
        for mark in self._marks.values():
            mark.remove()
        self._marks = {}

    def close(self) -> None:
        """The panel goes away: no timer and no node may hold it."""
        self.forget()
        self._timer.disconnect("timeout()", self._toggle)
        if self._observed is not None:
            self._observed.RemoveObserver(self._tag)
        self._observed = None

    def _onLayoutNode(self, caller, event) -> None:
        """The layout node changes in much else, and while a scene is read its layout is not yet the last word."""
        arrangement = caller.GetViewArrangement()
        if arrangement != self._arrangement and not slicer.mrmlScene.IsBatchProcessing():
            self._arrangement = arrangement
            if arrangement not in mrml.LAYOUTS:  # also by Slicer's own menu
                self._shared.end()
            self._onLayout()

    def _orient(self, identifier: str) -> None:
        volume = slicer.mrmlScene.GetNodeByID(identifier)
        if self.isShown and volume is not None and volume.GetImageData() is not None:
            mrml.orientViews(slicer.mrmlScene, volume)

    def _toggle(self) -> None:
        if self._blink is not None:
            self._blink.toggle()

    def _outline(self, segmentation) -> None:
        if self._outlined is not None and self._outlined is not segmentation and slicer.mrmlScene.IsNodePresent(self._outlined):
            mrml.restoreOutlines(self._outlined)
        if segmentation is not None:
            mrml.showOutlines(segmentation)
        self._outlined = segmentation


def volumesOfViews(parameters: FusionINNParameterNode) -> dict:
    """What each view is to show, by the views' names; None for an empty one. As "behind" what lies behind "fused", if not the second."""
    first = {"exact": parameters.firstExact, "estimated": parameters.firstEstimated}.get(parameters.shown)
    second = {"exact": parameters.secondExact, "estimated": parameters.secondEstimated}.get(parameters.shown)
    fused = parameters.decomposedVolume or parameters.fusedVolume
    volumes = {"first": parameters.firstVolume, "second": parameters.secondVolume, "fused": fused, "decomposedFirst": first,
               "decomposedSecond": second, "difference": parameters.difference if parameters.shown else None}
    if isChangeShown(parameters):
        followUp = mrml.followUpOf(*mrml.inputsOf(fused))
        volumes |= {"fused": parameters.change, "behind": followUp.later if followUp else parameters.secondVolume}
    return volumes


def shownVolumes(parameters: FusionINNParameterNode) -> dict:
    """As `volumesOfViews`, in colour what has colours."""
    return {view: mrml.inColor(node) for view, node in volumesOfViews(parameters).items()}


def hasChange(parameters: FusionINNParameterNode) -> bool:
    """Whether the change of the chosen fused follow-up, as it is now, is there."""
    fused, change = parameters.decomposedVolume, parameters.change
    return fused is not None and change is not None and mrml.isOfFusion(change, fused)


def isChangeShown(parameters: FusionINNParameterNode) -> bool:
    """Whether the change is shown in place of the fused image."""
    return parameters.changeShown and hasChange(parameters)


def _gridOf(node) -> tuple | None:
    """Changes when another volume, or another grid in the same one, is to be looked at."""
    if node is None or node.GetImageData() is None:
        return None
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    corner = [matrix.GetElement(row, column) for row in range(3) for column in range(4)]
    return node.GetID(), node.GetTransformNodeID(), *node.GetImageData().GetDimensions(), *corner


def blinkedVolumes(parameters: FusionINNParameterNode) -> tuple:
    """The two volumes that the chosen pair stands for."""
    volumes = volumesOfViews(parameters)
    return tuple(volumes[view] for view in Blinked(parameters.blinked).value)


def layoutNode():
    """The node that says which layout is on screen; None where Slicer runs without a main window."""
    layouts = slicer.app.layoutManager()
    return layouts.layoutLogic().GetLayoutNode() if layouts is not None else None


def _layoutFor(parameters: FusionINNParameterNode) -> int:
    """The chosen arrangement; of six views those of sources and fused image alone, where that cannot be taken apart."""
    if parameters.arrangement in LAYOUTS:
        return getattr(mrml, LAYOUTS[parameters.arrangement])
    row = mrml.methodOf(parameters.decomposedVolume or parameters.fusedVolume)
    hasWayBack = row is None or row.capabilities.exact or row.capabilities.estimate
    return mrml.LAYOUT_ID if hasWayBack else mrml.SOURCES_LAYOUT_ID


def _madeViews() -> set[str]:
    """The slice views that there are."""
    return {view for view in mrml.VIEWS if mrml.sliceNodeOf(slicer.mrmlScene, view) is not None}


def _leadOf(volumes: dict):
    """The volume whose slices all views show."""
    return next((volumes[view] for view in ("fused", "second", "first") if volumes[view]), None)
