"""The panel's tests run the real module file and .ui on PySide6 and slicer-core, with Slicer's own Python files from a checkout of Slicer.

They are run when the environment variable SLICER_SOURCE_DIR names such a checkout (github.com/Slicer/Slicer, branch 5.12), in an
environment of its own:

    pip install torch -e . -r Testing/panel/requirements.txt
    (Debian: apt-get install libgl1 libxkbcommon0 libfontconfig1 libdbus-1-3 libegl1 libx11-6 libgl1-mesa-dri)
    SLICER_SOURCE_DIR=... python -m pytest Testing/panel

Without the variable they are reported as not run.
"""
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = os.environ.get("SLICER_SOURCE_DIR")


def pytest_collection_modifyitems(items) -> None:
    """Not run without a checkout; with one, whatever is missing fails."""
    for item in items:
        if HERE in Path(item.fspath).parents and not CHECKOUT:
            item.add_marker(pytest.mark.skip(reason="the panel was not run: SLICER_SOURCE_DIR names no checkout of Slicer"))


@pytest.fixture(scope="session")
def module():
    """The module as Slicer loads it at its start: (application, Python module, module object)."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path[:0] = [str(HERE), str(HERE / "shim")]
    import slicer_application

    application = slicer_application.start(Path(CHECKOUT))
    python, loaded = slicer_application.load_module(HERE.parents[1] / "FusionINN" / "FusionINN.py")
    application.finishStartup()
    return application, python, loaded


@pytest.fixture
def panel(module, tiny_model):
    """The panel, just opened on an empty scene, with a tiny network chosen; see driver.py for what can be done with it."""
    import driver

    opened = driver.Driver(module[1], tiny_model)
    yield opened
    opened.close()


@pytest.fixture
def case(panel):
    """The panel with a small ADC, FLAIR and segmentation in the scene, found by their names."""
    panel.load_small_case()
    return panel
