"""Fill in, click Fuse, watch, cancel."""
import numpy as np
import pytest


def test_inputs_are_guessed_from_names_when_they_are_loaded(case):
    parameters = case.parameters
    assert parameters.firstVolume.GetName() == "adc"
    assert parameters.secondVolume.GetName() == "flair"
    assert case.ui.firstVolumeSelector.currentNode() is parameters.firstVolume
    assert case.ui.fuseButton.enabled


def test_a_click_on_fuse_makes_new_volumes_on_the_second_ones_grid(case):
    import slicer

    status = case.compute("fuseButton")
    parameters = case.parameters
    assert status.startswith("Fused: ")
    assert "nothing was moved" in status
    fused, latent = (slicer.util.arrayFromVolume(node) for node in (parameters.fusedVolume, parameters.latentVolume))
    assert fused.shape == latent.shape == slicer.util.arrayFromVolume(parameters.secondVolume).shape
    assert fused.dtype == np.float32 and fused.std() > 0.01
    assert parameters.decomposedVolume is parameters.fusedVolume
    assert case.ui.decomposeButton.enabled


def test_progress_counts_slices_and_the_window_stays_alive(case):
    case.longest_pause_s = 0.0
    case.compute("fuseButton")
    assert any(status.startswith("Fusing: slice ") and " of " in status for status in case.statuses), case.statuses
    assert not case.ui.progressBar.visible
    assert case.longest_pause_s < 0.2


def test_buttons_while_computing(case):
    case.click("fuseButton")
    for button in ("fuseButton", "decomposeButton", "exportButton", "loadResultButton", "sampleButton"):
        assert not getattr(case.ui, button).enabled
    assert "cancel it" in case.ui.fuseButton.toolTip
    assert case.ui.cancelButton.enabled and case.ui.progressBar.visible
    case.wait_until_idle()
    assert case.ui.fuseButton.enabled and not case.ui.cancelButton.enabled


def test_cancel_ends_soon_and_changes_nothing(case):
    from driver import volume_names

    before = volume_names()
    case.click("fuseButton")
    case.wait(lambda: case.status.startswith("Fusing"), "slices are fused")
    case.click("cancelButton")
    case.wait_until_idle()
    assert case.status == "Stopped: nothing in the scene was changed."
    assert volume_names() == before
    assert case.parameters.fusedVolume is None
    assert case.compute("fuseButton").startswith("Fused: ")


def test_fusing_again_updates_the_chosen_output_and_nothing_else(case):
    import slicer
    from driver import volume_names

    case.compute("fuseButton")
    node, names = case.parameters.fusedVolume, volume_names()
    slicer.util.arrayFromVolume(node)[:] = 0
    case.compute("fuseButton")
    assert volume_names() == names
    assert case.parameters.fusedVolume is node
    assert slicer.util.arrayFromVolume(node).std() > 0.01
    case.ui.fusedVolumeSelector.setCurrentNode(None)
    case.ui.latentVolumeSelector.setCurrentNode(None)
    case.compute("fuseButton")
    assert len(volume_names()) == len(names) + 2


def test_an_output_that_is_deleted_meanwhile_is_made_anew(case):
    import slicer

    case.compute("fuseButton")
    case.click("fuseButton")
    slicer.mrmlScene.RemoveNode(case.parameters.fusedVolume)
    case.wait_until_idle()
    assert case.status.startswith("Fused: ")
    assert slicer.mrmlScene.IsNodePresent(case.parameters.fusedVolume)


@pytest.mark.parametrize("alignment", ["RIGID", "HEADER"])
def test_unlike_grids_are_brought_together_and_it_is_said_how(case, alignment):
    import slicer

    from FusionINNPanel.parameters import Alignment

    slicer.util.arrayFromVolume(case.parameters.firstVolume)
    case.parameters.firstVolume.SetSpacing(3.0, 3.0, 6.5)
    case.parameters.alignment = Alignment[alignment]
    status = case.compute("fuseButton")
    assert "The first volume was" in status and "resampled" in status
