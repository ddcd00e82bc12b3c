"""What the panel says: reasons in tool tips, warnings, refusals, set-up, terms."""
import importlib
import sys
import types
from dataclasses import replace

import numpy as np
import pytest


def test_an_empty_panel_says_what_to_do(panel):
    assert not panel.ui.fuseButton.enabled
    assert panel.ui.fuseButton.toolTip == "Choose the first and the second volume."
    assert panel.ui.waysLabel.text == "Fuse two volumes, or choose a fused image here."
    assert "Research use only" in panel.ui.noticeLabel.text
    assert panel.ui.advancedCollapsibleButton.collapsed


def test_every_disabled_button_says_why(case):
    case.parameters.secondVolume = case.parameters.firstVolume
    assert "the same" in case.ui.fuseButton.toolTip
    case.parameters.segmentation = None
    for button in ("fuseButton", "decomposeButton", "jumpButton", "numbersButton", "exportButton", "blinkButton", "cancelButton"):
        widget = getattr(case.ui, button)
        assert not widget.enabled and widget.toolTip.endswith("."), button


def test_an_input_is_never_overwritten(case):
    case.parameters.fusedVolume = case.parameters.firstVolume
    assert not case.ui.fuseButton.enabled
    assert "choose another output" in case.ui.fuseButton.toolTip


def test_volumes_of_different_patients_are_warned_of(case):
    assert not case.ui.patientLabel.visible
    case.parameters.firstVolume.SetName("sub-01_adc")
    case.parameters.secondVolume.SetName("sub-02_flair")
    case.panel.refresh()
    assert "different patients" in case.ui.patientLabel.text
    assert case.ui.fuseButton.enabled, "a warning, no refusal"


@pytest.mark.parametrize(("spoil", "words"), [("constant", "same value"), ("color", "values"), ("line", "line of voxels")])
def test_volumes_that_cannot_be_fused_are_refused_in_plain_words(case, spoil, words):
    import slicer

    array = {"constant": np.zeros((4, 5, 6)), "color": np.ones((4, 5, 6, 3)), "line": np.random.default_rng(0).random((1, 1, 30))}[spoil]
    kind = "vtkMRMLVectorVolumeNode" if spoil == "color" else None
    node = slicer.util.addVolumeFromArray(array.astype(np.float32), name=spoil, nodeClassName=kind)
    if spoil == "color":
        case.parameters.firstVolume = None
        assert case.ui.firstVolumeSelector.currentNode() is None, "color volumes are not offered"
        return
    case.parameters.firstVolume = node
    status = case.compute("fuseButton")
    assert words in status and "Traceback" not in status
    assert case.parameters.fusedVolume is None


def test_a_defect_in_the_process_is_told_and_leaves_a_working_panel(case, monkeypatch):
    from FusionINNLib import mrml

    make = mrml.fuseTask
    monkeypatch.setattr(mrml, "fuseTask", lambda *nodes, **choices: replace(make(*nodes, **choices), name="no such task"))
    status = case.compute("fuseButton")
    assert "defect" in status
    assert not case.ui.progressBar.visible and case.ui.fuseButton.enabled


def test_a_process_that_is_killed_is_told(case):
    case.click("fuseButton")
    case.panel.state._run._job._process.kill()
    case.wait_until_idle()
    assert "ended without a result" in case.status


def test_an_unknown_device_from_another_machine_is_refused(case):
    case.parameters.device = "cuda:7"
    assert case.ui.deviceComboBox.currentText == "cuda:7"
    assert "not available" in case.compute("fuseButton")


def test_the_devices_of_this_machine_are_listed_when_advanced_is_opened(panel):
    panel.ui.advancedCollapsibleButton.collapsed = False
    panel.wait(lambda: panel.panel.choices._looking is None, "devices are listed")
    values = [panel.ui.deviceComboBox.itemData(index) for index in range(panel.ui.deviceComboBox.count)]
    assert values[0] == "auto" and values[-1] == "cpu"


def test_set_up_folds_away_when_nothing_is_missing(panel):
    assert panel.ui.setupCollapsibleButton.collapsed
    assert "PyTorch" in panel.ui.setupLabel.text


def test_what_is_missing_is_said_and_installed_only_by_a_click(panel, monkeypatch):

    from FusionINNPanel import requirements

    present = {"nibabel": None, "torch": None}
    monkeypatch.setattr(requirements, "_versionOf", lambda package: present[package])
    installed = []
    extension = types.ModuleType("PyTorchUtils")
    extension.PyTorchUtilsLogic = lambda: types.SimpleNamespace(installTorch=lambda **how: installed.append(how) or object())
    panel.panel.lookForRequirements()
    panel.panel.refresh()
    assert not panel.ui.setupCollapsibleButton.collapsed
    assert "Extensions Manager" in panel.ui.setupLabel.text and "nibabel is missing" in panel.ui.setupLabel.text
    assert "PyTorch is missing" in panel.ui.fuseButton.toolTip
    panel.click("installButton")
    assert "Extensions Manager" in panel.status and not installed
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    monkeypatch.setattr(requirements.importlib.util, "find_spec", lambda name: extension)
    asked = []
    packaging = importlib.import_module("slicer.packaging")  # Slicer's own, but for what installs
    monkeypatch.setattr(packaging, "pip_ensure", lambda what, requester: asked.append(([str(one) for one in what], requester)))
    panel.click("installButton")
    assert installed[0]["askConfirmation"] is True and installed[0]["torchVersionRequirement"].startswith(">=2.2")
    assert asked == [(["nibabel>=5.2"], "FusionINN")]


def test_an_old_slicer_is_told_so(panel, monkeypatch):
    import slicer

    monkeypatch.setattr(slicer.app, "minorVersion", 10)
    panel.panel.lookForRequirements()
    panel.panel.refresh()
    assert "needs 5.12 or newer" in panel.ui.fuseButton.toolTip


def test_the_terms_are_asked_once_and_without_them_nothing_runs(case, monkeypatch):
    import qt
    import slicer

    from FusionINNPanel import terms

    asked, answer = [], [False]
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **more: asked.append(more["detailedText"]) or answer[0])
    qt.QSettings().remove(terms.SETTING)
    case.click("fuseButton")
    assert not case.panel.state.isRunning and "not agreed" in case.status
    assert "non-commercial" in asked[0]
    answer[0] = True
    assert case.compute("fuseButton").startswith("Fused: ")
    case.compute("fuseButton")
    assert len(asked) == 2
