"""Which of the loaded volumes are the inputs, by their names, and whose they are, by the subject hierarchy. Main thread only."""
import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from FusionINNLib.mrml.origin import isSuggestion
from FusionINNLib.volumes.identity import patients_differ
from FusionINNLib.volumes.volume import Identity, Volume

Node = Any

_WORD = r"(?<![a-z]){}(?![a-z])"
# The best first. Between letters nothing counts: "adc" is in "adcock".
_FIRST = [re.compile(_WORD.format(words)) for words in (
    r"(?:e?adc|apparent[ _]diffusion\w*)",
    r"(?:t1[ _-]?(?:w[ _-]?)?(?:ce|c|gd|gad\w*|post\w*|km|\+c)|ce[ _-]?t1w?|(?:post[ _-]?)?contrast\w*|post[ _-]?gad\w*)")]
_SECOND = [re.compile(_WORD.format(words)) for words in (r"(?:t2[ _-]?)?flair(?:[ _-]?\w*)?", r"(?:t2f|tirm|dark[ _-]?fluid)")]
_TUMOUR = re.compile(r"tumou?r|glioma|lesion|seg|mask|cavity|metasta|brats|(?<![a-z])(?:wt|tc|et|gtv|ctv)(?![a-z])")


def guessInputs(scene) -> tuple[Node | None, Node | None]:
    """(ADC or contrast-enhanced T1, FLAIR) among the loaded volumes, by their names; None where no name tells.

    Where several fit, a pair of one patient goes before others, and ADC before T1; results of FusionINN are never inputs.
    """
    nodes = inputNodes(scene)
    firsts, seconds = _ranked(nodes, _FIRST), _ranked(nodes, _SECOND)
    seconds = [node for node in seconds if node not in firsts]
    pairs = list(product(firsts, seconds))
    same = next((pair for pair in pairs if patientWarning(*pair) is None), None)
    if same or pairs:
        return same or pairs[0]
    return (firsts[0] if firsts else None), (seconds[0] if seconds else None)


def guessSegmentation(scene) -> Node | None:
    """The segmentation node that is most likely the tumour's: the only one with segments, or the one whose name says so; what a network
    suggested only where nothing was drawn."""
    filled = [node for node in _nodes(scene, "vtkMRMLSegmentationNode") if node.GetSegmentation().GetNumberOfSegments()]
    nodes = [node for node in filled if not isSuggestion(node)] or filled
    named = [node for node in nodes if _TUMOUR.search(node.GetName().lower())]
    return nodes[0] if len(nodes) == 1 else named[0] if named else None


def patientWarning(firstNode: Node | None, secondNode: Node | None) -> str | None:
    """A sentence when the DICOM data of the subject hierarchy or the names say different patients, studies or dates; else None."""
    if firstNode is None or secondNode is None:
        return None
    return patients_differ(identified(firstNode), identified(secondNode))


def inputNodes(scene) -> list[Node]:
    """The loaded volumes that can be fused: no results of FusionINN, no label maps."""
    return [node for node in _nodes(scene, "vtkMRMLScalarVolumeNode") if _mayBeInput(node)]


def identified(node: Node) -> Volume:
    """One voxel with the name and identity of a volume node, for what looks at these alone."""
    return Volume(np.zeros((1, 1, 1)), np.eye(4), node.GetName(), identity=identityOfNode(node))


def identityOfNode(node: Node) -> Identity:
    """What may tell patients and dates apart: DICOM data above the node in the subject hierarchy, else file and folder names.

    Keys as `Volume.identity` has them. In memory only: never written anywhere.
    """
    identity = _dicomIdentity(node)
    storage = node.GetStorageNode()
    if storage is not None and storage.GetFileName():
        path = Path(storage.GetFileName())
        identity["file"] = path.name
        identity["folders"] = tuple(parent.name for parent in list(path.parents)[:3] if parent.name)
    return identity


def _dicomIdentity(node: Node) -> Identity:
    hierarchy = subjectHierarchy(node.GetScene())
    if hierarchy is None or not (item := hierarchy.GetItemByDataNode(node)):
        return {}
    names = slicer.vtkMRMLSubjectHierarchyConstants
    patient = hierarchy.GetItemAncestorAtLevel(item, names.GetDICOMLevelPatient())
    study = hierarchy.GetItemAncestorAtLevel(item, names.GetDICOMLevelStudy())
    found: Identity = {}
    if patient:
        if number := (hierarchy.GetItemAttribute(patient, names.GetDICOMPatientIDAttributeName())
                      or hierarchy.GetItemUID(patient, names.GetDICOMUIDName())):
            found["patient_id"] = number
        if name := hierarchy.GetItemAttribute(patient, names.GetDICOMPatientNameAttributeName()) or hierarchy.GetItemName(patient):
            found["patient_name"] = name
    if study:
        if date := hierarchy.GetItemAttribute(study, names.GetDICOMStudyDateAttributeName()):
            found["study_date"] = date
        if uid := (hierarchy.GetItemAttribute(study, names.GetDICOMStudyInstanceUIDAttributeName())
                   or hierarchy.GetItemUID(study, names.GetDICOMUIDName())):
            found["study_uid"] = uid
    return found


def subjectHierarchy(scene):
    """The subject hierarchy node of a scene; None where there is none (asking Slicer's own function would make one)."""
    nodes = _nodes(scene, "vtkMRMLSubjectHierarchyNode") if scene is not None else []
    return nodes[0] if nodes else None


def _nodes(scene, className: str) -> list[Node]:
    collection = scene.GetNodesByClass(className)
    collection.UnRegister(None)  # GetNodesByClass leaves that to the caller
    return [collection.GetItemAsObject(n) for n in range(collection.GetNumberOfItems())]


def _mayBeInput(node: Node) -> bool:
    image = node.GetImageData()
    return not (node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetAttribute("FusionINN.Kind") or node.GetHideFromEditors()) \
        and image is not None and image.GetNumberOfScalarComponents() == 1


def _ranked(nodes: list[Node], patterns: list[re.Pattern]) -> list[Node]:
    """Nodes whose name has one of the patterns, in the order of the patterns."""
    names = [(node, node.GetName().lower()) for node in nodes]
    return list(dict.fromkeys(node for pattern in patterns for node, name in names if pattern.search(name)))
