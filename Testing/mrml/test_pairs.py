"""Pairs of the loaded volumes, follow-ups, and results kept apart by pair."""
import pytest
from making import AFFINES, head
from scenes import decomposed, estimated, inFolder
from test_inputs import dicom

from FusionINNLib import mrml, pipeline
from FusionINNLib.mrml.inputs import subjectHierarchy


def named(scene) -> list[str]:
    return [pair.name + (" later" if pair.followUp else "") for pair in mrml.pairsOf(scene)]


@pytest.mark.parametrize("loaded, expected", [
    (("FLAIR", "ADC", "t1ce"), ["ADC + FLAIR", "t1ce + FLAIR", "ADC + t1ce"]),
    (("flair_postop", "flair_preop", "adc_preop"), ["adc_preop + flair_preop", "flair_preop + flair_postop later"]),
    (("sub-1_ses-3_flair", "sub-1_ses-1_flair", "sub-1_ses-2_flair", "sub-2_ses-1_flair"),
     ["sub-1_ses-1_flair + sub-1_ses-2_flair later", "sub-1_ses-2_flair + sub-1_ses-3_flair later"]),
    (("sub-1_adc", "sub-2_flair"), []), (("MRHead", "FLAIR"), []), (("FLAIR", "FLAIR_1"), [])])
def test_pairs_of_one_patient_by_names(scene, addVolume, loaded, expected):
    for name in loaded:
        addVolume(name, head(), AFFINES["plain"])
    assert named(scene) == expected


def test_pairs_by_dicom_data(scene, addVolume):
    nodes = [addVolume(name, head(), AFFINES["plain"]) for name in ("5: FLAIR", "2: FLAIR", "3: ADC")]
    for node, date in zip(nodes, ("20200301", "20200101", "20200101")):
        dicom(scene, node, "p", date, f"1.{date}")
    assert named(scene) == ["3: ADC + 2: FLAIR", "2: FLAIR + 5: FLAIR later"]
    follow = mrml.followUpOf(nodes[0], nodes[1])
    assert follow is not None and (follow.contrast, follow.earlier, follow.later) == ("FLAIR", nodes[1], nodes[0])
    assert mrml.followUpOf(nodes[0], nodes[2]) is None and mrml.followUpOf(nodes[0], None) is None


def test_results_of_pairs_are_kept_apart_by_name_and_folder(scene, case, addVolume):
    gd = addVolume("T1Gd", head(seed=3), AFFINES["oblique"])
    fusion = pipeline.fuse(mrml.volumeFromNode(gd), mrml.volumeFromNode(case.second), model=case.model, device="cpu")
    nodes = mrml.storeFusion(scene, fusion, gd, case.second, settings={})
    assert inFolder(nodes.fused) == inFolder(nodes.latent) == "FusionINN - T1Gd + FLAIR" != inFolder(case.nodes.fused)
    assert nodes.fused.GetName() != case.nodes.fused.GetName()
    exact = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    guess = mrml.storeEstimate(scene, estimated(case), case.nodes.fused, settings={})
    assert inFolder(exact[0]) == inFolder(guess.cycleError) == "FusionINN - ADC + FLAIR"
    assert mrml.fusedOf(scene, case.first, case.second, "fusioninn") is case.nodes.fused
    assert mrml.fusedOf(scene, gd, case.second, "fusioninn") is nodes.fused
    assert mrml.fusedOf(scene, gd, case.second, "average") is None and mrml.fusedOf(scene, case.second, gd, "fusioninn") is None
    found = mrml.decompositionsOf(scene, case.nodes.fused)
    assert found == {"firstExact": exact[0], "secondExact": exact[1], "firstEstimated": guess.first, "secondEstimated": guess.second,
                     "firstSpread": guess.firstSpread, "secondSpread": guess.secondSpread, "cycleError": guess.cycleError}
    assert mrml.decompositionsOf(scene, nodes.fused) == {}
    hierarchy = subjectHierarchy(scene)
    folders = [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in (nodes.fused, case.nodes.fused)]
    assert folders[0] != folders[1] and hierarchy.GetItemParent(folders[0]) == hierarchy.GetItemParent(folders[1])


def test_what_was_fused_is_a_pair_whatever_it_is_called(scene, case):
    case.first.SetName("one")
    assert named(scene) == ["one + FLAIR"]
    scene.RemoveNode(case.first)
    assert named(scene) == []
