"""Pictures of the panel at the steps of the tutorial, rendered outside of Slicer: python Testing/panel/draw_panel.py FOLDER

The environment is that of the panel's tests (SLICER_SOURCE_DIR and the packages). Widgets look as plain Qt draws them.
"""
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.path[:0] = [str(HERE), str(HERE / "shim")]

import slicer_application  # noqa: E402
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget  # noqa: E402

WIDTH = 430
NOTE = "Rendered outside of 3D Slicer: in the application the widgets look different."


def grab(user, path: Path) -> None:
    """Save the panel as it is, with the note below it."""
    frame = QWidget()
    layout = QVBoxLayout(frame)
    note = QLabel(NOTE)
    note.setEnabled(False)
    layout.addWidget(user.widget.parent)
    layout.addWidget(note)
    note.setWordWrap(True)
    frame.show()
    for _ in range(5):  # labels that wrap settle their height in some rounds
        frame.resize(WIDTH, layout.totalHeightForWidth(WIDTH))
        QApplication.processEvents()
    frame.grab().save(str(path))
    user.widget.parent.setParent(None)


def main(folder: Path, model: str) -> None:
    """Go through the tutorial and take a picture at each step."""
    folder.mkdir(parents=True, exist_ok=True)
    application = slicer_application.start(Path(os.environ["SLICER_SOURCE_DIR"]))
    QApplication.setStyle("Fusion")
    python, _ = slicer_application.load_module(HERE.parents[1] / "FusionINN" / "FusionINN.py")
    application.finishStartup()
    import driver  # the module has made the library importable

    from FusionINNLib.methods import registry

    user = driver.Driver(python, model)
    user.compute("sampleButton")
    grab(user, folder / "panel_inputs.png")
    user.click("fuseButton")
    user.wait(lambda: user.status.startswith("Fusing: slice "), "slices are fused")
    grab(user, folder / "panel_computing.png")
    user.wait_until_idle()
    user.compute("decomposeButton")
    grab(user, folder / "panel.png")
    methods = user.ui.fusionMethodComboBox
    methods.currentIndex = registry.names().index("ddfm")  # which has settings, and takes its time
    methods.activated.emit(methods.currentIndex)
    user.ui.advancedCollapsibleButton.collapsed = False
    user.ui.outputsCollapsibleButton.collapsed = False
    user.ui.setupCollapsibleButton.collapsed = False
    user.wait(lambda: user.panel.choices._looking is None, "devices are listed")
    grab(user, folder / "panel_advanced.png")
    user.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "default")
