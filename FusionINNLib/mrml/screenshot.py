"""The comparison as one picture, larger than on screen: each view drawn again off screen by Slicer's own parts. Main thread only."""
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from FusionINNLib.mrml.display import cornerText, lookAtLegends, markOf
from FusionINNLib.mrml.layout import LAYOUTS, compositeNodeOf, sliceNodeOf
from FusionINNLib.mrml.nodes import Node

FACTOR = 2
_GAP = 90  # grey of the line between views
_NAME = "FusionINNPicture"


def pictureOfLayout(scene, applicationLogic, layout: int, factor: int = FACTOR) -> np.ndarray:
    """The slice views of one of LAYOUTS as they are, `factor` times as large, uint8 (height, width, 3), the first row on top.

    A view that shows an estimate has the word ESTIMATED in it, and how far to trust it. Raises InputError where no view was ever shown.
    """
    rows = []
    for views in LAYOUTS[layout]:
        pictures = [pictureOfView(scene, applicationLogic, view, factor) for view in views if sliceNodeOf(scene, view) is not None]
        if pictures:
            rows.append(np.concatenate([_framed(picture, max(other.shape[0] for other in pictures)) for picture in pictures], axis=1))
    if not rows:
        raise InputError("The comparison is not on screen: show it first.")
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def pictureOfView(scene, applicationLogic, view: str, factor: int = FACTOR) -> np.ndarray:
    """One view, as `pictureOfLayout`."""
    sliceNode: Node = sliceNodeOf(scene, view)
    composite: Node = compositeNodeOf(scene, view)
    width, height = (factor * size for size in sliceNode.GetDimensions()[:2])
    with _copyOf(scene, applicationLogic, sliceNode, composite) as logic:
        logic.ResizeSliceNode(width, height)
        renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        renderer.GetActiveCamera().ParallelProjectionOn()
        window.SetOffScreenRendering(1)
        window.SetMultiSamples(0)
        window.AddRenderer(renderer)
        interactor = vtk.vtkRenderWindowInteractor()
        interactor.SetRenderWindow(window)
        window.SetSize(width, height)
        image = _imageActor(logic)
        renderer.AddViewProp(image)
        managers = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().InstantiateDisplayableManagers(renderer)
        managers.SetMRMLDisplayableNode(logic.GetSliceNode())
        lookAtLegends(logic.GetSliceCompositeNode())
        if words := markOf(composite):
            renderer.AddViewProp(_enlarged(words, factor))
        window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(window)
        grab.ReadFrontBufferOff()
        grab.Update()
        managers.SetMRMLDisplayableNode(None)
        grabbed = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)
        return grabbed[::-1, :, :3].copy()


def savePNG(picture: np.ndarray, path: Path) -> None:
    """Write a picture, uint8 (height, width, 3), whole or not at all. Raises InputError where the file cannot be written."""
    image = vtk.vtkImageData()
    image.SetDimensions(picture.shape[1], picture.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True))
    writer = vtk.vtkPNGWriter()
    writer.WriteToMemoryOn()
    writer.SetInputData(image)
    writer.Write()
    try:
        with replacing(Path(path)) as file:
            file.write(vtk_to_numpy(writer.GetResult()).tobytes())
    except OSError as problem:
        raise InputError(f"{Path(path).name} cannot be written ({problem.strerror}): choose another place.") from problem


@contextmanager
def _copyOf(scene, applicationLogic, sliceNode: Node, composite: Node) -> Iterator:
    """A slice logic of its own that shows the same as a view. Its nodes are gone afterwards."""
    before = {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}
    node = scene.CreateNodeByClass("vtkMRMLSliceNode")
    node.UnRegister(None)
    node.SetName(_NAME)
    node.SetLayoutName(_NAME)
    node.SetSaveWithScene(False)
    node.SetAndObserveParentLayoutNodeID(sliceNode.GetID())  # the layout manager makes no widget for such a node
    scene.AddNode(node)
    node.SetDimensions(*sliceNode.GetDimensions())
    node.SetFieldOfView(*sliceNode.GetFieldOfView())
    node.SetXYZOrigin(*sliceNode.GetXYZOrigin())
    node.GetSliceToRAS().DeepCopy(sliceNode.GetSliceToRAS())
    node.UpdateMatrices()
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(applicationLogic)
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(node)
    shown = logic.GetSliceCompositeNode()
    shown.SetDoPropagateVolumeSelection(False)
    for layer in ("Background", "Foreground", "Label"):
        getattr(shown, f"Set{layer}VolumeID")(getattr(composite, f"Get{layer}VolumeID")())
    shown.SetForegroundOpacity(composite.GetForegroundOpacity())
    logics = applicationLogic.GetSliceLogics()
    if logics is not None:
        logics.AddItem(logic)
    try:
        yield logic
    finally:
        if logics is not None:
            logics.RemoveItem(logic)
        made = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes()) if scene.GetNthNode(n).GetID() not in before]
        logic.SetMRMLScene(None)
        for one in made:
            if scene.IsNodePresent(one):
                scene.RemoveNode(one)


def _imageActor(logic) -> vtk.vtkActor2D:
    """What the slice logic makes, one pixel for one of the window, behind everything else."""
    actor, mapper = vtk.vtkActor2D(), vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    actor.SetMapper(mapper)
    actor.GetProperty().SetDisplayLocationToBackground()
    connection = logic.GetImageDataConnection()
    actor.SetVisibility(connection is not None)
    if connection is not None:
        mapper.SetInputConnection(connection)
    return actor


def _enlarged(words: str, factor: int) -> vtk.vtkCornerAnnotation:
    actor = cornerText()
    actor.SetText(vtk.vtkCornerAnnotation.UpperRight, words)
    actor.SetMaximumFontSize(factor * actor.GetMaximumFontSize())
    actor.SetMinimumFontSize(factor * actor.GetMinimumFontSize())
    return actor


def _framed(picture: np.ndarray, height: int) -> np.ndarray:
    """Filled up to a height, with a line around it."""
    filled = np.pad(picture, ((0, height - picture.shape[0]), (0, 0), (0, 0)))
    return np.pad(filled, ((1, 1), (1, 1), (0, 0)), constant_values=_GAP)
