"""A user of the panel: chooses, clicks, waits, and notes how long the window was kept from reacting."""
import sys
import time
import traceback
from pathlib import Path

import qt
import slicer
import slicer_application
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from FusionINNLib import mrml
from FusionINNLib.mrml import nodes
from FusionINNLib.phantom.case import LABELS, small_case
from FusionINNPanel import model_folders, terms

TICK_MS = 5
LONGEST_WAIT_S = 600  # the machine may be busy with other work


class Driver:
    """The panel on an empty scene."""

    def __init__(self, module, model: str) -> None:
        slicer.mrmlScene.Clear(0)
        self.module, self.model = module, model
        self.widget = slicer_application.open_module(module)
        self.widget.parent.show()
        self.ui, self.panel = self.widget.ui, self.widget.panel
        self.choose_model()
        terms.agree()
        self.longest_pause_s, self.statuses, self.defects = 0.0, [], []
        sys.excepthook = lambda kind, problem, trace: self.defects.append("".join(traceback.format_exception(kind, problem, trace)))

    @property
    def parameters(self):
        return self.widget._parameterNode

    @property
    def status(self) -> str:
        return self.ui.statusLabel.text

    def load_small_case(self) -> None:
        """ADC, FLAIR and segmentation as a user has them after loading."""
        case = small_case()
        for volume, name in ((case.first, "adc"), (case.second, "flair")):
            nodes.updateVolumeNode(nodes.addVolumeNode(slicer.mrmlScene, name), volume)
        segments = tuple(mrml.Segment(name, name, (1.0, 0.0, 0.0), label) for label, name in LABELS.items())
        mrml.segmentationFromLabels(slicer.mrmlScene, mrml.Segments(case.segmentation, segments), "tumor")
        self.wait(lambda: self.parameters.segmentation is not None, "the inputs are guessed")

    def choose_model(self) -> None:
        """The network of this test on the CPU; a scene that was closed has forgotten both."""
        isFolder = Path(self.model).is_dir()
        self.parameters.model, self.parameters.device = model_folders.remember(self.model) if isFolder else self.model, "cpu"

    def click(self, button: str) -> None:
        """As with the mouse: nothing happens on a disabled button, so that would be a mistake of the test."""
        widget = getattr(self.ui, button)
        assert widget.enabled, f"{button} cannot be clicked: {widget.toolTip}"
        widget.click()

    def compute(self, button: str) -> str:
        """Click, wait until the computation is over; gives the last status."""
        self.click(button)
        self.wait_until_idle()
        return self.status

    def wait_until_idle(self) -> None:
        self.wait(lambda: not self.panel.state.isRunning, "the computation is over")

    def wait(self, happened, what: str) -> None:
        """Let Qt work until something has happened; notes the longest time that the main thread worked without a break."""
        loop, last, started = QEventLoop(), [time.thread_time()], time.monotonic()

        def tick() -> None:
            now = time.thread_time()  # of this thread alone: what other programs do to the machine is no matter of the panel
            self.longest_pause_s = max(self.longest_pause_s, now - last[0])
            last[0] = now
            if not self.statuses or self.statuses[-1] != self.status:
                self.statuses.append(self.status)
            if happened() or time.monotonic() - started > LONGEST_WAIT_S:
                loop.quit()

        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(tick)
        timer.start(TICK_MS)
        loop.exec()
        timer.stop()
        self.check_for_defects()
        assert happened(), f"this did not happen in {LONGEST_WAIT_S} s: {what}; status: {self.status}"

    def check_for_defects(self) -> None:
        """Exceptions in what Qt calls end up here; nobody else would see them."""
        defects, self.defects = self.defects, []
        assert not defects, "\n".join(defects)

    def close(self) -> None:
        """Leave nothing behind."""
        self.widget.cleanup()
        for widget in vars(self.ui).values():
            if hasattr(widget, "setMRMLScene"):
                widget.setMRMLScene(None)
        self.widget.parent.hide()
        self.widget.parent.deleteLater()
        QApplication.processEvents()
        slicer.mrmlScene.Clear(0)
        sys.excepthook = sys.__excepthook__
        self.check_for_defects()


def answer_folder_dialog(monkeypatch, folder) -> None:
    """What the next dialogs that ask for a folder give."""
    monkeypatch.setattr(qt.QFileDialog._qt_class, "getExistingDirectory", staticmethod(lambda *arguments: str(folder)))


def volume_names() -> list[str]:
    """Of all scalar volumes in the scene."""
    return sorted(node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
