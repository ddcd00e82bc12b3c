"""The module in a clinician's hands: without a main window, beside other volumes, left and entered, saved, reloaded, used for long."""
import gc
import re
import weakref
import zipfile

import numpy as np
import pytest


@pytest.fixture
def compared(case):
    """The small case, fused, with the comparison on screen."""
    assert case.compute("fuseButton").startswith("Fused: ")
    assert case.panel.comparison.isShown
    return case


def shown() -> dict:
    """For each view of the comparison the names of its volumes, from behind."""
    import slicer

    from FusionINNLib import mrml

    found = {}
    for view in mrml.VIEWS:
        composite = mrml.compositeNodeOf(slicer.mrmlScene, view)
        nodes = (slicer.mrmlScene.GetNodeByID(identifier) for identifier in (composite.GetBackgroundVolumeID(),
                                                                              composite.GetForegroundVolumeID()) if identifier)
        found[view] = [node.GetName() for node in nodes]
    return found


def view_of_slicer() -> str:
    """What Slicer's own red slice view shows."""
    import slicer

    composite = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    node = slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
    return node.GetName() if node is not None else ""


def test_slicer_without_a_main_window(case, monkeypatch):
    """As Slicer's generic tests of every module run it."""
    import slicer

    monkeypatch.setattr(slicer.app, "layouts", None)
    assert slicer.app.layoutManager() is None
    case.widget.exit()
    case.widget.enter()
    assert not case.ui.layoutButton.enabled and "main window" in case.ui.layoutButton.toolTip
    assert case.compute("fuseButton").startswith("Fused: ")
    assert case.compute("decomposeButton").startswith("Decomposed exactly")
    assert not case.ui.blinkButton.enabled and not case.ui.jumpButton.enabled
    slicer.mrmlScene.Clear(0)


def test_the_application_starts_without_a_main_window(module, monkeypatch):
    import slicer

    monkeypatch.setattr(slicer.app, "layouts", None)
    module[0].finishStartup()


def test_loading_another_volume_leaves_the_comparison_alone(compared, tmp_path):
    import slicer

    before = shown()
    node = slicer.util.addVolumeFromArray(np.random.default_rng(0).random((4, 5, 6)), name="other")
    path = str(tmp_path / "other.nrrd")
    slicer.util.saveNode(node, path)
    slicer.util.loadVolume(path)
    assert shown() == before


def test_loading_the_sample_case_shows_it_in_the_comparison_where_it_belongs(compared):
    compared.compute("sampleButton")
    after = shown()
    assert after["first"] == ["ADC (sample)"] and after["second"] == ["FLAIR (sample)"]
    assert after["decomposedFirst"] == after["decomposedSecond"] == after["difference"] == []


def test_what_sample_data_loads_is_shown(module, panel):
    import slicer

    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    source, = slicer.modules.sampleDataSources["FusionINN"]
    nodes = source.customDownloader(source)
    assert view_of_slicer() == nodes[1].GetName() == "FLAIR (sample)"


def test_a_finished_computation_is_gone(case):
    """With its nodes and arrays: nothing holds it, not even a cycle that waits for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        case.click("fuseButton")
        run = weakref.ref(case.panel.state._run)
        case.wait_until_idle()
        assert case.status.startswith("Fused: ") and run() is None
        case.click("fuseButton")
        run = weakref.ref(case.panel.state._run)
        case.click("cancelButton")
        case.wait_until_idle()
        assert run() is None
    finally:
        gc.enable()


def test_every_timer_that_is_connected_is_disconnected(case):
    import qt

    case.compute("fuseButton")
    case.click("blinkButton")
    assert qt.Connections.timers(), "it can be seen"
    case.widget.cleanup()
    assert not qt.Connections.timers()


def test_a_panel_that_is_closed_hears_of_no_layout(case):
    """After a Reload there would be two of them."""
    import slicer

    heard = []
    case.panel.comparison._onLayout = lambda: heard.append(True)
    layouts = slicer.vtkMRMLLayoutNode
    slicer.app.layoutManager().setLayout(layouts.SlicerLayoutOneUpRedSliceView)
    assert heard
    heard.clear()
    case.widget.cleanup()
    slicer.app.layoutManager().setLayout(layouts.SlicerLayoutFourUpView)
    assert not heard


def test_blinking_ends_when_the_module_is_left(compared):
    before = shown()
    compared.click("blinkButton")
    compared.wait(lambda: shown() != before, "it blinks")
    compared.widget.exit()
    assert shown() == before and not compared.ui.blinkButton.checked
    compared.wait(lambda: True, "nothing more happens")
    assert shown() == before
    compared.widget.enter()
    assert compared.ui.blinkButton.enabled


# ---- scenes ----------------------------------------------------------------------------------------------------------------------------


def layout_of(path) -> str:
    """The layout that a saved scene names, "" for none."""
    with zipfile.ZipFile(path) as bundle:
        text = next(bundle.read(name).decode() for name in bundle.namelist() if name.endswith(".mrml"))
    found = re.search(r'<Layout\b[^>]*currentViewArrangement="(\d+)"', text)
    return found.group(1) if found else ""


def test_a_saved_scene_never_names_a_layout_that_other_slicers_do_not_know(compared, tmp_path):
    import slicer

    from FusionINNLib import mrml

    with_comparison, without = str(tmp_path / "with.mrb"), str(tmp_path / "without.mrb")
    assert slicer.util.saveScene(with_comparison)
    assert layout_of(with_comparison) != str(mrml.LAYOUT_ID)
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)  # by Slicer's own menu
    assert compared.ui.layoutButton.text == "Show the comparison"
    assert slicer.util.saveScene(without)
    assert layout_of(without) == str(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(with_comparison)
    assert compared.panel.comparison.isShown, "opened with the module, the comparison comes back"
    slicer.util.loadScene(without)
    assert not compared.panel.comparison.isShown


def test_a_scene_with_the_comparison_makes_the_panel_that_says_ESTIMATED(compared, tmp_path, monkeypatch):
    """Where the module was not opened before the scene."""
    import slicer

    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    opened = []
    monkeypatch.setattr(slicer.modules.fusioninn, "widgetRepresentation", lambda: opened.append(True))
    slicer.util.loadScene(path)
    assert not opened, "there is one"
    monkeypatch.delattr(slicer.modules, "FusionINNWidget")
    slicer.util.loadScene(path)
    assert opened
    opened.clear()
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    slicer.mrmlScene.Clear(0)
    slicer.util.saveScene(path)
    slicer.util.loadScene(path)
    assert not opened, "a scene of somebody else's is no reason"


def test_the_layouts_are_known_before_the_module_is_opened(module, monkeypatch):
    import slicer

    from FusionINNLib import mrml
    from FusionINNPanel import startup

    node = slicer.vtkMRMLLayoutNode()
    monkeypatch.setattr(startup, "layoutNode", lambda: node)
    monkeypatch.setattr(slicer, "mrmlScene", slicer.vtkMRMLScene())
    startup.onStartup()
    assert all(node.IsLayoutDescription(layout) for layout in mrml.LAYOUTS)
