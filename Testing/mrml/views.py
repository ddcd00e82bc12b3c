"""Slice views without a window: Slicer's own slice logic and outlines, drawn offscreen.

Needs libx11-6, libegl1 and libgl1-mesa-dri (or libosmesa6): without them VTK ends the process, so ask `can_render` first.
"""
import functools
import subprocess
import sys

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from FusionINNLib import mrml

_MANAGERS = ("vtkMRMLModelSliceDisplayableManager", "vtkMRMLSegmentationsDisplayableManager2D")
_LEGENDS = "vtkMRMLColorLegendDisplayableManager"


@functools.cache
def can_render() -> bool:
    """Whether VTK can draw on this machine; tried in a process of its own."""
    code = "import vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.SetSize(8, 8); w.Render()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


class OffscreenView:
    """One slice view as the application's slice widget makes it, less the widget.

    Args:
        core: the application core (see scenes.py).
        name: layout name (singleton tag) of its slice node, which the layout logic has made or which is made here.
        size: width and height in pixels.
        legends: whether colour legends are drawn. Their managers go on watching the scene after a test, so that most tests do without.
    """

    def __init__(self, core, name: str, size: tuple[int, int], legends: bool = False):
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(core.application)
        self.logic.SetMRMLScene(core.scene)
        node = core.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        self.logic.SetSliceNode(node) if node is not None else self.logic.AddSliceNode(name)
        self.renderer, self.window, self._interactor = vtk.vtkRenderer(), vtk.vtkRenderWindow(), vtk.vtkRenderWindowInteractor()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self._interactor.SetRenderWindow(self.window)
        self.window.SetSize(*size)
        self._image = vtk.vtkActor2D()
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        self._image.SetMapper(mapper)
        self._image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(self._image)
        if legends:
            _register(core, self.logic)
        self._group = _managers(core, legends).InstantiateDisplayableManagers(self.renderer)
        self._group.SetMRMLDisplayableNode(self.node)
        self.logic.ResizeSliceNode(*size)

    @property
    def node(self):
        """The vtkMRMLSliceNode."""
        return self.logic.GetSliceNode()

    def picture(self) -> np.ndarray:
        """What the view shows, uint8 (height, width, 3)."""
        connection = self.logic.GetImageDataConnection()
        self._image.SetVisibility(connection is not None)
        if connection is not None:
            self._image.GetMapper().SetInputConnection(connection)
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height, _ = grab.GetOutput().GetDimensions()
        return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()


class OffscreenLayout:
    """The six views of the module's layout, made by Slicer's own layout logic from the layout's description."""

    def __init__(self, core, size: tuple[int, int] = (400, 400), legends: bool = False):
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(core.application)
        self._logic.SetMRMLScene(core.scene)
        self.node = self._logic.GetLayoutNode()
        self.previous = mrml.showLayout(self.node)
        self.views = {view: OffscreenView(core, mrml.viewName(view), size, legends) for view in mrml.VIEWS}

    def picture(self) -> np.ndarray:
        """Two rows of three views with a light line between them, uint8 (height, width, 3)."""
        pictures = [np.pad(view.picture(), ((1, 1), (1, 1), (0, 0)), constant_values=90) for view in self.views.values()]
        return np.vstack([np.hstack(pictures[:3]), np.hstack(pictures[3:])])


def _register(core, logic) -> None:
    """The application knows the logic of a slice view: legends ask it what their view shows."""
    if core.application.GetSliceLogics() is None:
        core.kept.append(vtk.vtkCollection())
        core.application.SetSliceLogics(core.kept[-1])
    core.application.GetSliceLogics().AddItem(logic)


def _managers(core, legends: bool):
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    factory.SetMRMLApplicationLogic(core.application)
    wanted = {**dict.fromkeys(_MANAGERS, True), _LEGENDS: legends}
    for name, isWanted in wanted.items():
        if isWanted and not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
        elif not isWanted and factory.IsDisplayableManagerRegistered(name):
            factory.UnRegisterDisplayableManager(name)
    return factory
