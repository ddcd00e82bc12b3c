"""Stand-ins for Slicer's own widgets that this project uses, alive on a real scene."""
import ctk
import qt
import shiboken6
import slicer
from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout


def value(kind, name: str, default):
    """A Qt property that is only kept; the widget's `rebuild` is called when it changes."""
    def put(self, new) -> None:
        self.__dict__[f"_{name}"] = new
        self.rebuild()

    return Property(kind, lambda self: self.__dict__.get(f"_{name}", default), put)


@ctk.stand_in
class qMRMLWidget(qt.QWidget):
    """The top of a module's panel."""

    mrmlSceneChanged = Signal(object)
    signals = ("mrmlSceneChanged(vtkMRMLScene*)",)
    isEntered = True

    def setMRMLScene(self, scene) -> None:
        self.mrmlSceneChanged.emit(scene)


@ctk.stand_in
class qMRMLNodeComboBox(qt.QWidget):
    """A list of the scene's nodes of some classes. As in Slicer, nothing is chosen by itself."""

    currentNodeChanged = Signal(object)
    signals = ("currentNodeChanged(vtkMRMLNode*)", "currentNodeChanged(bool)")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene, self._tags, self._current, self._nodes = None, [], None, []
        self._list = QComboBox(self)
        self._list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)
        self._list.activated.connect(lambda index: self.setCurrentNode(self._nodes[index]))

    noneEnabled = value(bool, "noneEnabled", False)
    noneDisplay = value(str, "noneDisplay", "None")
    addEnabled = value(bool, "addEnabled", True)
    removeEnabled = value(bool, "removeEnabled", True)
    renameEnabled = value(bool, "renameEnabled", False)
    showChildNodeTypes = value(bool, "showChildNodeTypes", True)
    hideChildNodeTypes = value("QStringList", "hideChildNodeTypes", [])
    baseName = value(str, "baseName", "")
    nodeTypes = value("QStringList", "nodeTypes", [])

    def setMRMLScene(self, scene) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent) if scene else ()
        self._tags = [scene.AddObserver(event, lambda *arguments: self.rebuild()) for event in events]
        self.rebuild()

    def rebuild(self) -> None:
        """Read the scene again."""
        if not shiboken6.isValid(self) or self._scene is None:  # the scene may outlive the panel
            return
        nodes = [node for node in map(self._scene.GetNthNode, range(self._scene.GetNumberOfNodes())) if self._fits(node)]
        self._nodes = ([None] if self.noneEnabled else []) + nodes
        self._list.clear()
        self._list.addItems([node.GetName() if node else self.noneDisplay for node in self._nodes])
        self.setCurrentNode(self._current if self._current in nodes else None)

    def currentNode(self):
        return self._current

    def setCurrentNode(self, node) -> None:
        node = node if node in self._nodes else None
        self._list.setCurrentIndex(self._nodes.index(node) if node in self._nodes else -1)
        if node is not self._current:
            self._current = node
            self.currentNodeChanged.emit(node)

    def _fits(self, node) -> bool:
        if node.GetHideFromEditors() or any(node.IsA(kind) for kind in self.hideChildNodeTypes or ()):
            return False
        return any(node.IsA(kind) if self.showChildNodeTypes else node.GetClassName() == kind for kind in self.nodeTypes or ())


def install() -> None:
    """Put the stand-ins into the package `slicer`; any other widget name gives an empty widget."""
    slicer.qMRMLWidget, slicer.qMRMLNodeComboBox = qMRMLWidget, qMRMLNodeComboBox

    def unknown(name: str):
        if not name.startswith(("qMRML", "qSlicer")):
            raise AttributeError(f"module 'slicer' has no attribute {name!r}")
        setattr(slicer, name, type(name, (qt.QWidget,), {}))
        return getattr(slicer, name)

    slicer.__getattr__ = unknown
