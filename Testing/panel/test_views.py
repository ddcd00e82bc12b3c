"""Numbers inside segments, what the views share, arrangements, pictures and keys."""
import re

import pytest


@pytest.fixture
def compared(case):
    """The small case, fused and taken apart, with the comparison on screen."""
    case.compute("fuseButton")
    case.compute("decomposeButton")
    assert case.panel.comparison.isShown
    return case


@pytest.fixture
def window(panel, monkeypatch):
    """A main window, which the stand-ins do without."""
    import qt
    import slicer

    made = qt.QWidget()
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: made)
    yield made
    made.deleteLater()


def layout() -> int:
    import slicer

    return slicer.app.layoutManager().layout


def test_numbers_inside_segments_are_shown_as_histograms_and_copied(compared):
    import slicer

    from FusionINNLib import mrml

    assert not compared.ui.copyButton.enabled
    assert "Copy as CSV" in compared.compute("segmentNumbersButton")
    table = compared.parameters.segmentNumbers
    segments = compared.parameters.segmentation.GetSegmentation()
    assert table.GetNumberOfRows() == 3 * segments.GetNumberOfSegments() and layout() == mrml.HISTOGRAMS_LAYOUT_ID
    shown = [slicer.mrmlScene.GetSingletonNode(mrml.viewName(view), "vtkMRMLPlotViewNode").GetPlotChartNode()
             for view in ("firstHistogram", "secondHistogram", "fusedHistogram")]
    assert tuple(shown) == mrml.chartsOf(table)
    compared.click("copyButton")
    lines = slicer.app.clipboard().text().splitlines()
    assert lines[0].startswith("segment,color,image,unit,voxels") and len(lines) == 1 + table.GetNumberOfRows()
    assert all("Research use only" in line for line in lines[1:])
    compared.compute("segmentNumbersButton")
    assert compared.parameters.segmentNumbers is table, "the same table again"


def test_arrangements_and_what_the_views_share(compared):
    import slicer

    from FusionINNLib import mrml

    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode") or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    chosen, box = compared.parameters, compared.ui.arrangementComboBox
    for index, wanted in ((1, mrml.WITH_3D_LAYOUT_ID), (2, mrml.LIGHTBOX_LAYOUT_ID), (0, mrml.LAYOUT_ID)):
        box.currentIndex = index
        box.activated.emit(index)
        assert layout() == wanted and compared.panel.comparison.isShown
    assert chosen.segmentation.GetDisplayNode().GetVisibility3D()
    last = mrml.compositeNodeOf(slicer.mrmlScene, mrml.LIGHTBOX_VIEWS[-1])
    assert last.GetForegroundVolumeID() == chosen.fusedVolume.GetID() and last.GetBackgroundVolumeID() == chosen.secondVolume.GetID()
    before = chosen.firstVolume.GetDisplayNode().GetWindowLevelMin(), chosen.firstVolume.GetDisplayNode().GetWindowLevelMax()
    mrml.setWindow(chosen.firstExact, 1, 2)
    assert chosen.firstVolume.GetDisplayNode().GetWindowLevelMax() == 2
    compared.click("windowsButton")
    assert (chosen.firstVolume.GetDisplayNode().GetWindowLevelMin(), chosen.firstVolume.GetDisplayNode().GetWindowLevelMax()) == before
    compared.click("layoutButton")
    compared.click("layoutButton")
    assert crosshair.GetCrosshairMode() == crosshair.ShowBasic
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    assert crosshair.GetCrosshairMode() == crosshair.NoCrosshair, "as before, also where Slicer's own menu ends the comparison"
    assert not compared.ui.pictureButton.enabled


def test_a_picture_is_saved(compared, tmp_path, monkeypatch):
    import numpy as np
    import qt

    from FusionINNLib import mrml

    path = tmp_path / "picture"
    monkeypatch.setattr(qt.QFileDialog._qt_class, "getSaveFileName", staticmethod(lambda *arguments: str(path)))
    monkeypatch.setattr(mrml, "pictureOfLayout", lambda scene, logic, shown: np.full((4, 6, 3), shown % 251, np.uint8))
    compared.click("pictureButton")
    assert compared.status.startswith("Saved: picture.png") and (tmp_path / "picture.png").stat().st_size > 50
    path = tmp_path / "nowhere" / "picture.png"
    compared.click("pictureButton")
    assert "cannot be written" in compared.status
    path = ""
    compared.click("pictureButton")


# ---- keys ------------------------------------------------------------------------------------------------------------------------------


def shortcuts(window) -> dict:
    """Those that are on the main window, by their keys."""
    import qt

    return {shortcut.key.toString(): shortcut for shortcut in window.findChildren(qt.QShortcut)}


def test_keys_are_there_while_the_module_is_and_do_what_the_help_says(compared, window, module):
    from FusionINNLib import mrml
    from FusionINNPanel.shortcuts import KEYS

    assert all(f"<b>{key}</b>" in module[2].parent.helpText for key in KEYS)
    compared.widget.exit()
    assert shortcuts(window) == {}
    compared.widget.enter()
    compared.widget.enter()
    keys = shortcuts(window)
    assert set(keys) == {"Space", "1", "2", "3", "4", "Q", "W"} and len(KEYS) == len(keys)
    keys["3"].activated.emit()
    assert layout() == mrml.LIGHTBOX_LAYOUT_ID
    keys["1"].activated.emit()
    assert layout() == mrml.LAYOUT_ID
    names = [name for name, _ in mrml.segmentCentroidsRAS(compared.parameters.segmentation)]
    keys["W"].activated.emit()
    assert compared.status == f"Segment: {names[0]}"
    keys["Q"].activated.emit()
    assert compared.status == f"Segment: {names[-1]}"
    keys["Space"].activated.emit()
    assert compared.ui.blinkButton.checked
    keys["Space"].activated.emit()
    assert not compared.ui.blinkButton.checked
    compared.widget.exit()
    assert not [shortcut for shortcut in shortcuts(window).values() if shortcut.parent() is window]


def test_no_key_is_one_of_slicers_own():
    """Looked up in Slicer's sources: actions of the main window, keys of slice and 3-D views. Segment Editor's are meant to be the same."""
    import os
    from pathlib import Path

    from FusionINNPanel.shortcuts import KEYS

    checkout = Path(os.environ["SLICER_SOURCE_DIR"])
    menus = [path for folder in ("Base", "Applications") for path in (checkout / folder).rglob("*.ui")]
    taken = {key for path in menus for key in re.findall(r'name="shortcut">\s*<string[^>]*>([^<]+)', path.read_text(errors="replace"))}
    code = [path for folder in ("Base", "Libs") for path in (checkout / folder).rglob("*.cxx")]
    views = set()
    for path in code:
        for modifier, character, symbol in re.findall(r"SetKeyboardEventTranslation\((?:\w+, )?vtkEvent::(\w+), (?:'(.)'|0), 0, \"?(\w*)",
                                                      path.read_text(errors="replace")):
            if modifier in ("NoModifier", "AnyModifier"):
                views |= {key.upper() if len(key) == 1 else key.capitalize() for key in (character, symbol) if key}
    if not (taken and views):
        pytest.skip("the checkout of Slicer lacks Base or Libs: which keys are Slicer's own cannot be seen")
    assert {"Ctrl+O"} <= taken and {"F", "Escape"} <= views, "they can be seen"
    assert not set(KEYS) & (taken | views)
