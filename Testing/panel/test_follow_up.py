"""Two time points of one contrast: said, registered, and their change shown over the later one."""
import numpy as np
import pytest

LESION = np.s_[8:14, 20:30, 20:30]


@pytest.fixture
def followUp(case):
    """The FLAIR of the case, and the same head later with a lesion gone dark."""
    import slicer

    from FusionINNLib import mrml
    from FusionINNLib.mrml import nodes

    before = case.parameters.secondVolume
    volume = mrml.volumeFromNode(before)
    array = volume.array.copy()
    array[LESION] = 0
    after = nodes.addVolumeNode(slicer.mrmlScene, "flair postop")
    nodes.updateVolumeNode(after, type(volume)(array, volume.affine, "flair postop"))
    before.SetName("flair preop")
    case.parameters.firstVolume, case.parameters.secondVolume = before, after
    case.panel.refresh()
    return case


def test_a_follow_up_is_said_registered_and_its_change_shown(followUp):
    import slicer

    from FusionINNLib import mrml

    assert "Follow-up: FLAIR at two time points, first flair preop, then flair postop" in followUp.ui.patientLabel.text
    assert not followUp.ui.changeButton.enabled and "two time points" in followUp.ui.changeButton.toolTip
    rows = [followUp.ui.pairsTable.item(row, n).text() for row in range(followUp.ui.pairsTable.rowCount) for n in (0, 1)]
    assert "\u25b8 flair preop + flair postop" in rows and "follow-up" in rows
    followUp.compute("fuseButton")
    chosen = followUp.parameters
    assert mrml.settingsOf(chosen.fusedVolume)["alignment"] == "rigid"
    said = followUp.compute("changeButton")
    assert said.startswith("Shown: flair postop minus flair preop") and "no unit" in said
    assert followUp.ui.changeButton.checked and chosen.changeShown
    values = slicer.util.arrayFromVolume(chosen.change)
    assert np.median(values[LESION]) < 0 and abs(np.median(values)) < 1
    composite = mrml.compositeNodeOf(slicer.mrmlScene, "fused")
    assert composite.GetForegroundVolumeID() == chosen.change.GetID() and composite.GetBackgroundVolumeID() == chosen.secondVolume.GetID()
    followUp.click("changeButton")
    assert composite.GetForegroundVolumeID() == chosen.fusedVolume.GetID() and not followUp.ui.changeButton.checked
    change = chosen.change
    followUp.click("changeButton")
    assert not followUp.panel.state.isRunning and composite.GetForegroundVolumeID() == change.GetID(), "it is there already"
    followUp.compute("fuseButton")
    assert not chosen.changeShown and composite.GetForegroundVolumeID() == chosen.fusedVolume.GetID()


def test_two_contrasts_are_no_follow_up(case):
    case.compute("fuseButton")
    assert not case.ui.changeButton.enabled and "Follow-up" not in case.ui.patientLabel.text


def test_a_stopped_computation_shows_nothing(followUp):
    followUp.compute("fuseButton")
    followUp.click("changeButton")
    followUp.click("cancelButton")
    followUp.wait_until_idle()
    assert not followUp.ui.changeButton.checked and followUp.parameters.change is None
