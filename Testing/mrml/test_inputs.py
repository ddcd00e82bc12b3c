"""Which loaded volume is which input, and whose it is."""
import pytest
import slicer
from making import AFFINES, head
from scenes import volumes

from FusionINNLib import mrml
from FusionINNLib.mrml.inputs import subjectHierarchy

names = slicer.vtkMRMLSubjectHierarchyConstants


@pytest.mark.parametrize("loaded, expected", [
    (("ADC", "FLAIR"), ("ADC", "FLAIR")), (("FLAIR", "ADC"), ("ADC", "FLAIR")),
    (("4: ep2d_diff_b1000_ADC", "7: t2_flair_tra_dark-fluid", "3: ep2d_diff_b1000"), ("4: ep2d_diff_b1000_ADC",
                                                                                      "7: t2_flair_tra_dark-fluid")),
    (("BraTS19_CBICA_AAB_1_t1ce", "BraTS19_CBICA_AAB_1_flair", "BraTS19_CBICA_AAB_1_t1"), ("BraTS19_CBICA_AAB_1_t1ce",
                                                                                           "BraTS19_CBICA_AAB_1_flair")),
    (("BraTS-GLI-00000-000-t1c", "BraTS-GLI-00000-000-t2f", "BraTS-GLI-00000-000-t2w"), ("BraTS-GLI-00000-000-t1c",
                                                                                         "BraTS-GLI-00000-000-t2f")),
    (("MRBrainTumor1", "MRHead"), (None, None)), (("T2 FLAIR",), (None, "T2 FLAIR")), (("adcock", "T1"), (None, None)),
    (("T1 post contrast", "ADC", "T2FLAIR"), ("ADC", "T2FLAIR")), (("T1_Gd", "FLAIR_1"), ("T1_Gd", "FLAIR_1")),
    (("sub-02_ADC", "sub-01_FLAIR", "sub-01_ADC"), ("sub-01_ADC", "sub-01_FLAIR"))])
def test_inputs_are_guessed_from_names(scene, addVolume, loaded, expected):
    for name in loaded:
        addVolume(name, head(), AFFINES["plain"])
    assert tuple(node and node.GetName() for node in mrml.guessInputs(scene)) == expected


def test_results_and_label_maps_are_never_guessed(scene, case):
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "ADC labels FLAIR")
    labels.SetAndObserveImageData(case.first.GetImageData())
    scene.RemoveNode(case.first)
    scene.RemoveNode(case.second)
    assert len(volumes(scene)) == 3 and mrml.guessInputs(scene) == (None, None)


def test_the_segmentation_is_guessed(scene):
    assert mrml.guessSegmentation(scene) is None
    nodes = [scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name) for name in ("Brain", "Tumour core", "empty lesion")]
    for node in nodes[:2]:
        node.GetSegmentation().AddEmptySegment("", "one")
    assert mrml.guessSegmentation(scene) is nodes[1]
    scene.RemoveNode(nodes[1])
    assert mrml.guessSegmentation(scene) is nodes[0]


def dicom(scene, node, patient: str, date: str, study: str):
    """Put a node where Slicer's DICOM import would."""
    hierarchy = subjectHierarchy(scene)
    patientItem = (hierarchy.GetItemByUID(names.GetDICOMUIDName(), patient)
                   or hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), f"Name {patient}"))
    hierarchy.SetItemUID(patientItem, names.GetDICOMUIDName(), patient)
    hierarchy.SetItemAttribute(patientItem, names.GetDICOMPatientIDAttributeName(), patient)
    studyItem = hierarchy.GetItemByUID(names.GetDICOMUIDName(), study) or hierarchy.CreateStudyItem(patientItem, "MR")
    hierarchy.SetItemUID(studyItem, names.GetDICOMUIDName(), study)
    hierarchy.SetItemAttribute(studyItem, names.GetDICOMStudyDateAttributeName(), date)
    hierarchy.CreateItem(studyItem, node)


@pytest.mark.parametrize("first, second, words", [
    (("P1", "20260101", "1.2"), ("P1", "20260101", "1.2"), None),
    (("P1", "20260101", "1.2"), ("P2", "20260101", "1.3"), "different patients"),
    (("P1", "20260101", "1.2"), ("P1", "20260202", "1.3"), "different dates"),
    (("P1", "20260101", "1.2"), ("P1", "20260101", "1.3"), "different studies")])
def test_the_subject_hierarchy_tells_patients_and_studies_apart(scene, addVolume, first, second, words):
    nodes = [addVolume(name, head(), AFFINES["plain"]) for name in ("a", "b")]
    for node, place in zip(nodes, (first, second)):
        dicom(scene, node, *place)
    warning = mrml.patientWarning(*nodes)
    assert warning is None if words is None else words in warning and "P1" not in warning
    assert mrml.volumeFromNode(nodes[0]).identity["patient_id"] == "P1"


def test_names_and_files_tell_patients_apart(scene, addVolume, tmp_path):
    a, b = (addVolume(f"sub-{n}_ADC", head(), AFFINES["plain"]) for n in ("01", "02"))
    assert "different patients" in mrml.patientWarning(a, b) and mrml.patientWarning(a, a) is None and mrml.patientWarning(None, a) is None
    for node, folder in ((a, "sub-07"), (b, "sub-07")):
        node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(str(tmp_path / folder / f"{node.GetID()}.nrrd"))
    assert mrml.patientWarning(a, b) is None and mrml.volumeFromNode(a).identity["folders"][0] == "sub-07"


def test_made_up_patients_of_the_tree_count_too(scene, addVolume):
    hierarchy = subjectHierarchy(scene)
    nodes = [addVolume(name, head(), AFFINES["plain"]) for name in ("ADC", "FLAIR")]
    for node, patient in zip(nodes, ("Miller", "Smith")):
        hierarchy.CreateItem(hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), patient), node)
    assert "different patients" in mrml.patientWarning(*nodes)


def test_asking_changes_nothing(scene, addVolume):
    scene.RemoveNode(subjectHierarchy(scene))
    node = addVolume("ADC", head(), AFFINES["plain"])
    count = scene.GetNumberOfNodes()
    mrml.guessInputs(scene), mrml.patientWarning(node, node), mrml.volumeFromNode(node)
    assert scene.GetNumberOfNodes() == count and subjectHierarchy(scene) is None
