"""What the Slicer application adds to slicer-core: `slicer.app`, `slicer.mrmlScene`, `slicer.modules`, module loading.

Slicer's own Python files (ScriptedLoadableModule, parameterNodeWrapper, i18n, ...) are used as they are, from the checkout of Slicer that
the environment variable SLICER_SOURCE_DIR names.
"""
import importlib
import sys
import tempfile
import types
from pathlib import Path

import qt
import slicer
import slicer.util
import slicer_files
import slicer_views
import slicer_widgets
from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication


class _Signals(QObject):
    startupCompleted = Signal()
    moduleAboutToBeUnloaded = Signal(str)


class Application:
    """`slicer.app`. What is asked for and not here raises, as it should."""

    applicationName, majorVersion, minorVersion = "Slicer", 5, 12

    def __init__(self, logic) -> None:
        self._logic, self._signals = logic, _Signals()
        self._qt = QApplication.instance() or QApplication([])
        self.temporaryPath = tempfile.mkdtemp(prefix="slicer-shim-")
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, self.temporaryPath)
        self._qt.setOrganizationName("shim")
        self._qt.setApplicationName("Slicer")
        self.files = slicer_files.FileManager()
        self.layouts = slicer_views.LayoutManager(slicer.mrmlScene, logic)

    def connect(self, signature: str, slot) -> None:
        getattr(self._signals, signature.partition("(")[0]).connect(slot)

    def disconnect(self, signature: str, slot) -> None:
        getattr(self._signals, signature.partition("(")[0]).disconnect(slot)

    def finishStartup(self) -> None:
        """What happens when the application has started."""
        self._signals.startupCompleted.emit()

    def applicationLogic(self):
        return self._logic

    def layoutManager(self) -> slicer_views.LayoutManager:
        return self.layouts

    def coreIOManager(self):
        return self.files

    ioManager = coreIOManager

    def moduleManager(self):
        return self

    def clipboard(self):
        return self._qt.clipboard()

    def testingEnabled(self) -> bool:
        """True, so that Slicer's message boxes are logged and answered with yes."""
        return True

    def commandOptions(self):
        return types.SimpleNamespace(noMainWindow=True, testingEnabled=True)

    def topLevelWidgets(self) -> list:
        """None: there is no main window."""
        return []

    def processEvents(self, *arguments) -> None:
        self._qt.processEvents()

    def translate(self, context: str, text: str) -> str:
        return text

    def setOverrideCursor(self, cursor) -> None:
        self._qt.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        self._qt.restoreOverrideCursor()

    def pauseRender(self) -> None:
        pass

    def resumeRender(self) -> None:
        pass


class Module:
    """An entry of `slicer.modules`."""

    def __init__(self, logic=None, path: str = "", widget=None) -> None:
        self._logic, self.path, self._widget = logic, path, widget

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        """The module's panel, made when somebody asks for it first, be it without opening the module."""
        if self._widget is None and self.path:
            make_panel(sys.modules[Path(self.path).stem])
        return self._widget


def start(checkout: Path) -> Application:
    """Make everything that Slicer has after its start. checkout: of Slicer."""
    logic, scene = slicer.vtkSlicerApplicationLogic(), slicer.vtkMRMLScene()
    logic.SetMRMLScene(scene)
    slicer.mrmlScene = scene
    for node in (slicer.vtkMRMLSelectionNode(), slicer.vtkMRMLInteractionNode()):  # singletons of the application
        scene.AddNode(node)
    logics = {}
    for name, kind in (("Colors", slicer.vtkSlicerColorLogic), ("Volumes", slicer.vtkSlicerVolumesLogic),
                       ("Tables", slicer.vtkSlicerTablesLogic), ("Segmentations", slicer.vtkSlicerSegmentationsModuleLogic)):
        logics[name] = kind()
        logics[name].SetMRMLScene(scene)
        logics[name].SetMRMLApplicationLogic(logic)
        logic.SetModuleLogic(name, logics[name])
    logics["Colors"].AddDefaultColorNodes()
    slicer.modules = types.SimpleNamespace(**{name.lower(): Module(module_logic) for name, module_logic in logics.items()})
    slicer_widgets.install()
    slicer.app = Application(logic)
    _use_python_files(checkout)
    return slicer.app


def _use_python_files(checkout: Path) -> None:
    for name in ("MRMLCore", "MRMLLogic"):  # Slicer's names of the compiled parts
        sys.modules[f"{name}Python"] = importlib.import_module(f"slicer_core.{name}")
    slicer.__path__.append(str(checkout / "Base" / "Python" / "slicer"))  # behind the wheel's own files, which go first
    sys.path.append(str(checkout / "Modules" / "Scripted" / "SampleData"))
    slicer.selfTests = {}
    for name in ("i18n", "parameterNodeWrapper", "ScriptedLoadableModule"):
        importlib.import_module(f"slicer.{name}")


def load_module(path: Path):
    """What Slicer does with a scripted module's file: import it and make its module object. Gives (Python module, module object)."""
    name = path.stem
    sys.path.append(str(path.parent))
    python = importlib.import_module(name)
    parent = types.SimpleNamespace(path=str(path), title="", categories=[], dependencies=[], contributors=[], helpText="",
                                   acknowledgementText="", icon=None)
    module = getattr(python, name)(parent)
    setattr(slicer.modules, name.lower(), Module(path=str(path)))
    return python, module


def open_module(python):
    """What Slicer does when a module is opened for the first time: make its widget, set it up, enter. Gives the widget object."""
    widget = make_panel(python)
    widget.parent.isEntered = True
    widget.enter()
    return widget


def make_panel(python):
    """Make the widget of a module and set it up. Gives the widget object."""
    name = python.__name__
    parent = slicer.qMRMLWidget()
    parent.setLayout(qt.QVBoxLayout())
    parent.setMRMLScene(slicer.mrmlScene)
    parent.isEntered = False
    parent.reload = lambda: _reload(parent, name)
    getattr(slicer.modules, name.lower())._widget = parent
    return _make_widget(parent, name)


def _reload(parent, name: str) -> None:
    """A module that is not on screen is not entered."""
    widget = _make_widget(parent, name)
    if parent.isEntered:
        widget.enter()


def _make_widget(parent, name: str):
    """From the module as it was imported last, which is another one after a Reload."""
    widget = getattr(sys.modules[name], f"{name}Widget")(parent)
    setattr(slicer.modules, f"{name}Widget", widget)
    widget.setup()
    return widget
