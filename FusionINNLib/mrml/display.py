"""What the six views of the layout show: volumes, outlines, blinking, and ESTIMATED where an estimate is shown. Main thread only."""
import json
from typing import Any

import numpy as np
import vtk

from FusionINNLib.mrml.color_tables import singletonColors
from FusionINNLib.mrml.fitting import fit, gridOf, onSlice, planeOf
from FusionINNLib.mrml.layout import LIGHTBOX_VIEWS, VIEWS, compositeNodeOf, sliceNodeOf
from FusionINNLib.mrml.nodes import PREFIX, Node, isEstimate
from FusionINNLib.mrml.origin import isSuggestion
from FusionINNLib.mrml.readback import trustOf
from FusionINNLib.results.trust import worst
from FusionINNLib.volumes.volume import transform_points

ESTIMATED = "ESTIMATED"
_BEFORE = PREFIX + "Before"
_OVER = {"decomposedFirst": "overFirst", "decomposedSecond": "overSecond"}
_OVER_OPACITY = 0.5


# ---- what the views show -------------------------------------------------------------------------------------------------------------


def showCase(scene, volumes: dict[str, Node | None], orient: bool = True) -> None:
    """Put volumes into the views, link them, turn them all to the slices of the fused (else second, else first) volume and fit.

    volumes: keys from VIEWS; views without one are empty. The view "fused" has the second volume, or the one called "behind", behind the
    fused one, see `setFusedOpacity`; those of the decomposed sources have what is called "overFirst" and "overSecond" before them. The
    layout has to be shown before, so that there are views. orient: False leaves the views at the slice and size that they are at.
    """
    for view in VIEWS:
        composite = compositeNodeOf(scene, view)
        if composite is None:
            continue
        behind, front = volumes.get(view), volumes.get(_OVER.get(view, ""))
        if view == "fused":
            behind, front = volumes.get("behind", volumes.get("second")), volumes.get(view)
        showLayers(composite, behind, front)
        if view in _OVER and front is not None:
            composite.SetForegroundOpacity(_OVER_OPACITY)
        lookAtLegends(composite)
        composite.SetDoPropagateVolumeSelection(False)  # or else the next volume that is loaded would be shown in all six
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)
    lead = next((volumes[view] for view in ("fused", "second", "first") if volumes.get(view) is not None), None)
    if lead is not None and orient:
        orientViews(scene, lead)


def showInSliceViews(applicationLogic, volumeNode: Node) -> None:
    """A volume in all of Slicer's own slice views, as after loading it; the views of the comparison stay as they are."""
    applicationLogic.GetSelectionNode().SetActiveVolumeID(volumeNode.GetID())
    applicationLogic.PropagateVolumeSelection(True)


def orientViews(scene, volumeNode: Node, plane: str | None = None) -> None:
    """All six views in the plane of a volume's slices, through its middle, as large as they fit.

    plane: "Axial", "Coronal" or "Sagittal", as the volume lies; None for the plane it was acquired in.
    Views that were shown just now get their size from Qt later: ask again then (a timer of 0 ms does), or a narrow view cuts the head.
    """
    grid = gridOf(volumeNode)
    plane = plane or planeOf(grid)
    middle = transform_points(grid.affine, (np.array([grid.shape[::-1]]) - 1) / 2)[0]
    for view in VIEWS:
        sliceNode = sliceNodeOf(scene, view)
        if sliceNode is not None:
            sliceNode.SetOrientation(plane)
            sliceNode.RotateToVolumePlane(volumeNode)
            fit(sliceNode, grid, middle)
    jumpTo(scene, tuple(middle))


def jumpTo(scene, pointRAS: tuple[float, float, float]) -> None:
    """All six views to the slice through a point (world RAS mm), nothing shifted within the slice.

    The nearest slice of the fused volume is taken, so that its voxels are seen and not their interpolation.
    """
    lead = _leadOf(scene)
    point = onSlice(gridOf(lead), pointRAS) if lead is not None else pointRAS
    for view in VIEWS:
        sliceNode = sliceNodeOf(scene, view)
        if sliceNode is not None:
            sliceNode.JumpSliceByOffsetting(*point)


def setFusedOpacity(scene, opacity: float) -> None:
    """Opacity 0..1 of the fused image over the second one, in the view "fused" and in the lightbox."""
    for view in ("fused", *LIGHTBOX_VIEWS):
        composite = compositeNodeOf(scene, view)
        if composite is not None:
            composite.SetForegroundOpacity(min(max(float(opacity), 0.0), 1.0))


def fusedOpacity(scene) -> float:
    """See `setFusedOpacity`; 1 where there is no such view."""
    composite = compositeNodeOf(scene, "fused")
    return composite.GetForegroundOpacity() if composite is not None else 1.0


class Blink:
    """One view that switches between two volumes.

    Args:
        view: one of VIEWS.
        one, other: the volumes; `one` is shown by the first `toggle`.
    """

    def __init__(self, scene, view: str, one: Node, other: Node):
        self._composite, self._volumes, self._turn = _existing(scene, view), (one, other), 0
        before = self._composite
        self._before = (before.GetBackgroundVolumeID(), before.GetForegroundVolumeID(), before.GetForegroundOpacity())

    def toggle(self) -> Node:
        """Show the other volume of the two; returns it."""
        volume = self._volumes[self._turn % 2]
        self._turn += 1
        showLayers(self._composite, volume, None)
        return volume

    def stop(self) -> None:
        """Show again what the view showed before."""
        background, foreground, opacity = self._before
        self._composite.SetBackgroundVolumeID(background)
        self._composite.SetForegroundVolumeID(foreground)
        self._composite.SetForegroundOpacity(opacity)


def differenceColors(scene) -> Node:
    """The colour node for differences, of which a scene has one: black for none, blue below, orange above, as in the report page."""
    from FusionINNLib.reports.drawing import difference_colours

    colors = np.pad(difference_colours() / 255, ((0, 0), (0, 1)), constant_values=1.0)
    return singletonColors(scene, "FusionINNDifference", "FusionINN difference", colors)


# ---- outlines --------------------------------------------------------------------------------------------------------------------------


def showOutlines(segmentationNode: Node, thickness: int = 2) -> None:
    """Outlines in the slice views, each segment in its own colour: without filling what somebody drew; what a network suggested as a light
    area with a thin edge, which is told from it without colours too. The display node remembers what was shown before."""
    segmentationNode.CreateDefaultDisplayNodes()
    display, style = segmentationNode.GetDisplayNode(), _SUGGESTED if isSuggestion(segmentationNode) else _drawnStyle(thickness)
    if display.GetAttribute(_BEFORE) is None:
        display.SetAttribute(_BEFORE, json.dumps({name: getattr(display, f"Get{name}")() for name in style}))
    for name, value in style.items():
        getattr(display, f"Set{name}")(value)


def restoreOutlines(segmentationNode: Node) -> None:
    """As it was before `showOutlines`; harmless otherwise."""
    display = segmentationNode.GetDisplayNode()
    if display is None or (before := display.GetAttribute(_BEFORE)) is None:
        return
    for name, value in json.loads(before).items():
        getattr(display, f"Set{name}")(value)
    display.RemoveAttribute(_BEFORE)


def _drawnStyle(thickness: int) -> dict[str, Any]:
    return {"Visibility": 1, "Visibility2D": 1, "Visibility2DFill": False, "Visibility2DOutline": True, "Opacity2DFill": 0.5,
            "Opacity2DOutline": 1.0, "SliceIntersectionThickness": thickness}


_SUGGESTED = _drawnStyle(1) | {"Visibility2DFill": True, "Opacity2DFill": 0.2, "Opacity2DOutline": 0.6}


# ---- ESTIMATED -------------------------------------------------------------------------------------------------------------------------


def estimatedViews(scene) -> dict[str, bool]:
    """For each of VIEWS that exists, whether it shows an estimate."""
    composites = {view: compositeNodeOf(scene, view) for view in VIEWS}
    return {view: bool(markOf(composite)) for view, composite in composites.items() if composite is not None}


class EstimatedMark:
    """ESTIMATED in the upper right corner of a view for as long as it shows an estimate, and how far that can be trusted.

    Args:
        view: one of VIEWS; the view has to exist.
        renderer: vtkRenderer of its slice view (`sliceView().renderWindow().GetRenderers().GetFirstRenderer()`).

    It watches what the view shows; `remove` ends that. Its text is an actor of its own: Slicer's data probe rewrites the corners of
    Slicer's own annotation at every move of the mouse.
    """

    def __init__(self, scene, view: str, renderer: vtk.vtkRenderer):
        self._composite, self._renderer = _existing(scene, view), renderer
        self._actor = cornerText()
        renderer.AddViewProp(self._actor)
        self._tag = self._composite.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self.update())
        self.update()

    @property
    def isShown(self) -> bool:
        """Whether the word is there."""
        return bool(self._actor.GetVisibility())

    @property
    def words(self) -> str:
        """What it says where it is shown."""
        return self._actor.GetText(vtk.vtkCornerAnnotation.UpperRight) or ""

    def update(self) -> None:
        """Look again; needed only after a node that is shown was filled with something else."""
        words = markOf(self._composite)
        self._actor.SetVisibility(bool(words))
        if words:
            self._actor.SetText(vtk.vtkCornerAnnotation.UpperRight, words)

    def remove(self) -> None:
        """Take the word away and stop watching."""
        self._composite.RemoveObserver(self._tag)
        self._renderer.RemoveViewProp(self._actor)


# ---- parts ---------------------------------------------------------------------------------------------------------------------------


def _existing(scene, view: str) -> Node:
    """The vtkMRMLSliceCompositeNode of a view that was shown before."""
    composite = compositeNodeOf(scene, view)
    assert composite is not None  # callers ask where the layout is on screen
    return composite


def showLayers(composite: Node, behind: Node | None, front: Node | None) -> None:
    """What a slice view shows behind and before; None for nothing."""
    composite.SetBackgroundVolumeID(behind.GetID() if behind is not None else None)
    composite.SetForegroundVolumeID(front.GetID() if front is not None else None)
    composite.SetLabelVolumeID(None)
    if front is not None:
        composite.SetForegroundOpacity(1.0)


def lookAtLegends(composite: Node) -> None:
    """Have a slice view draw the colour legends of what it shows, and no others: by itself it does so where the user chooses a volume in
    it, and not where a volume is put there. It is not linked with other views afterwards."""
    composite.SetLinkedControl(False)  # what a user chooses in one linked view goes into the others
    composite.SetInteractionFlags(composite.BackgroundVolumeFlag | composite.ForegroundVolumeFlag)
    composite.Modified()
    composite.SetInteractionFlags(0)


def markOf(composite: Node) -> str:
    """What stands in the corner of a slice view, by its composite node: ESTIMATED and how far to trust it, else ""."""
    scene = composite.GetScene()
    shown = [composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID() if composite.GetForegroundOpacity() > 0 else None]
    nodes = [scene.GetNodeByID(identifier) for identifier in shown if identifier] if scene is not None else []
    estimates = [node for node in nodes if isEstimate(node)]
    return f"{ESTIMATED}\n{worst(*map(trustOf, estimates)).value}" if estimates else ""


def _leadOf(scene) -> Node | None:
    """The volume whose slices all views show."""
    composite = compositeNodeOf(scene, "fused")
    identifiers = [composite.GetForegroundVolumeID(), composite.GetBackgroundVolumeID()] if composite is not None else []
    return next((scene.GetNodeByID(identifier) for identifier in identifiers if identifier and scene.GetNodeByID(identifier)), None)


def cornerText() -> vtk.vtkCornerAnnotation:
    """An actor for the words of `markOf`, empty yet."""
    actor = vtk.vtkCornerAnnotation()
    actor.SetMaximumFontSize(20)
    actor.SetMinimumFontSize(12)
    actor.SetNonlinearFontScaleFactor(1.0)
    text = actor.GetTextProperty()
    text.SetColor(1.0, 0.75, 0.0)
    text.SetBold(True)
    text.SetShadow(True)
    return actor
