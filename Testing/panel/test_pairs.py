"""The table of pairs: one click fuses each, results are kept apart, a click shows them again."""
import numpy as np
import pytest


@pytest.fixture
def patient(case):
    """A T1 with contrast beside ADC and FLAIR."""
    import slicer

    from FusionINNLib import mrml
    from FusionINNLib.mrml import nodes

    volume = mrml.volumeFromNode(case.parameters.secondVolume)
    node = nodes.addVolumeNode(slicer.mrmlScene, "t1ce")
    rolled = np.roll(volume.array, 2, axis=2)
    nodes.updateVolumeNode(node, type(volume)(rolled, volume.affine, "t1ce"))
    case.wait(lambda: case.ui.pairsTable.rowCount == 3, "the pairs are listed")
    return case


def table(user) -> list[tuple[str, str]]:
    box = user.ui.pairsTable
    return [(box.item(row, 0).text(), box.item(row, 1).text()) for row in range(box.rowCount)]


def fuse(user, row: int) -> str:
    button = user.ui.pairsTable.cellWidget(row, 2)
    assert button.enabled, button.toolTip
    button.click()
    user.wait_until_idle()
    return user.status


def test_each_pair_is_fused_with_one_click_and_its_results_are_kept(patient):
    import slicer

    from FusionINNLib import mrml

    assert [name for name, _ in table(patient)] == ["\u25b8 adc + flair", "t1ce + flair", "adc + t1ce"]
    assert fuse(patient, 0).startswith("Fused: adc + flair")
    chosen = patient.parameters
    one = chosen.fusedVolume
    patient.compute("decomposeButton")
    exact = chosen.secondExact
    before = slicer.util.arrayFromVolume(one).copy()
    assert fuse(patient, 1).startswith("Fused: t1ce + flair")
    assert chosen.fusedVolume is not one and np.array_equal(slicer.util.arrayFromVolume(one), before)
    assert chosen.firstVolume.GetName() == "t1ce" and chosen.secondExact is None and chosen.shown == ""
    assert [state for _, state in table(patient)] == ["fused", "fused", ""]
    patient.ui.pairsTable.cellClicked.emit(0, 0)
    assert chosen.fusedVolume is one and chosen.secondExact is exact and chosen.shown == "exact"
    assert chosen.decomposedVolume is one and chosen.latentVolume is mrml.latentOf(one)
    assert fuse(patient, 0).startswith("Fused: ") and chosen.fusedVolume is one, "the same pair again updates its own"


def test_inputs_chosen_in_the_lists_leave_the_results_of_other_pairs_alone(patient):
    fuse(patient, 0)
    one = patient.parameters.fusedVolume
    patient.parameters.firstVolume = patient.parameters.secondVolume.GetScene().GetFirstNodeByName("t1ce")
    patient.compute("fuseButton")
    assert patient.parameters.fusedVolume is not one


def test_the_table_follows_the_scene(patient):
    import slicer

    patient.click("fuseButton")
    assert not patient.ui.pairsTable.cellWidget(1, 2).enabled
    patient.wait_until_idle()
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetFirstNodeByName("t1ce"))
    patient.panel.refresh()
    assert [name for name, _ in table(patient)] == ["\u25b8 adc + flair"]
    slicer.mrmlScene.Clear(0)
    assert patient.ui.pairsTable.rowCount == 0 and not patient.ui.pairsTable.visible
