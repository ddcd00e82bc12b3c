"""A user of the panel inside Slicer: opens the module, clicks, waits, takes pictures. The same on the stand-ins of Testing/panel."""
import time
from collections.abc import Callable
from pathlib import Path

import qt
import slicer

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError

LONGEST_WAIT_S = 1800


class User:
    """The panel as it is on screen. pictures: folder they go to."""

    def __init__(self, pictures: Path) -> None:
        self._pictures, self._count = pictures, 0
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("FusionINN")
        else:  # also without a window there is a panel
            slicer.modules.fusioninn.widgetRepresentation()
        self.widget = slicer.modules.FusionINNWidget
        self.widget.enter()

    @property
    def parameters(self):
        """The module's parameter node."""
        return self.widget._parameterNode

    @property
    def status(self) -> str:
        """The line below the progress bar."""
        return self.widget.ui.statusLabel.text

    def click(self, button: str) -> None:
        """As with the mouse. Raises RuntimeError with the reason where the button is disabled."""
        found = getattr(self.widget.ui, button)
        if not found.enabled:
            raise RuntimeError(f"{button} cannot be clicked: {found.toolTip}")
        found.click()

    def compute(self, button: str, expected: str) -> str:
        """Click and wait until the computation is over; gives what the panel says. Raises RuntimeError where that is something else."""
        self.click(button)
        self.wait(lambda: not self.widget.panel.state.isRunning)
        if not self.status.startswith(expected):
            raise RuntimeError(self.status)
        return self.status

    def choose(self, box: str, index: int) -> None:
        """An entry of a list."""
        found = getattr(self.widget.ui, box)
        found.currentIndex = index
        self.settle()

    def wait(self, happened: Callable[[], bool]) -> None:
        """Let the application work until something has happened. Raises TimeoutError."""
        until = time.monotonic() + LONGEST_WAIT_S
        while not happened():
            if time.monotonic() > until:
                raise TimeoutError(f"this took more than {LONGEST_WAIT_S} s; the panel says: {self.status}")
            self.settle()

    def settle(self) -> None:
        """A moment for the application to draw."""
        slicer.app.processEvents()
        time.sleep(0.02)
        slicer.app.processEvents()

    def pictures(self, name: str) -> list[str]:
        """The window (without one, the panel) and the views, each as a picture; gives the names of the files."""
        self.settle()
        self._count += 1
        stem = f"{self._count:02d}_{name}"
        window = slicer.util.mainWindow() or self.widget.parent
        window.grab().save(str(self._pictures / f"{stem}.png"))
        taken = [f"{stem}.png"]
        if self.widget.panel.comparison.isShown:
            try:
                mrml.savePNG(self.widget.panel.comparison.picture(), self._pictures / f"{stem}_views.png")
                taken.append(f"{stem}_views.png")
            except FusionINNError:
                pass  # an arrangement without slice views has none
        return taken

    def save(self, folder: Path) -> str:
        """The scene as .mrb; gives its name."""
        path = folder / "scene.mrb"
        if not slicer.util.saveScene(str(path)):
            raise RuntimeError("the scene could not be saved")
        return path.name

    def export(self, folder: Path) -> None:
        """Export into a folder, without the dialog that asks for it."""
        ask = qt.QSettings().value("FusionINN/ResultFolder", "") or ""
        task = mrml.exportTask(folder, self.parameters.decomposedVolume, segmentation=self.parameters.segmentation,
                               model=self.widget.panel.state.modelForWayBack(), device=self.parameters.device)
        task.run()
        qt.QSettings().setValue("FusionINN/ResultFolder", ask)
