"""`slicer.app.layoutManager()`: Slicer's own layout and slice logic, without windows."""
import slicer
import vtk


class SliceView:
    """A render window that is never drawn, for whatever adds actors to it; it needs no OpenGL."""

    def __init__(self) -> None:
        self._window = vtk.vtkGenericOpenGLRenderWindow()
        self._window.AddRenderer(vtk.vtkRenderer())

    def renderWindow(self):
        return self._window


class SliceWidget:
    """A slice view: the node that Slicer's layout made, with Slicer's logic on it."""

    def __init__(self, node, scene, application_logic) -> None:
        self._node, self._view = node, SliceView()
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        self._logic.SetMRMLScene(scene)
        self._logic.SetSliceNode(node)
        application_logic.GetSliceLogics().AddItem(self._logic)
        self._logic.ResizeSliceNode(300, 300)

    def mrmlSliceNode(self):
        return self._node

    def sliceLogic(self):
        return self._logic

    def sliceView(self) -> SliceView:
        return self._view


class LayoutManager:
    """Makes a slice widget for each slice view of the layout that is shown."""

    def __init__(self, scene, application_logic) -> None:
        self._scene, self._application_logic, self._widgets = scene, application_logic, {}
        if application_logic.GetSliceLogics() is None:
            self._logics = vtk.vtkCollection()
            application_logic.SetSliceLogics(self._logics)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        self._logic.SetMRMLScene(scene)
        node = self._logic.GetLayoutNode()
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *arguments: self._make_widgets())

    def layoutLogic(self):
        return self._logic

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)

    def mrmlSliceLogics(self):
        return self._application_logic.GetSliceLogics()

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._widgets)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        self._make_widgets()
        return self._widgets.get(name)

    def resetSliceViews(self) -> None:
        for widget in self._widgets.values():
            widget.sliceLogic().FitSliceToAll()

    def _make_widgets(self) -> None:
        nodes = self._logic.GetViewNodes()
        for node in map(nodes.GetItemAsObject, range(nodes.GetNumberOfItems())):
            if node.IsA("vtkMRMLSliceNode") and node.GetLayoutName() not in self._widgets:
                self._widgets[node.GetLayoutName()] = SliceWidget(node, self._scene, self._application_logic)
