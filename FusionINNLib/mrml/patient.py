"""Whose a fused image is, where a volume that was fused was loaded from DICOM: for DICOM that is to name the patient. Main thread only."""
from collections.abc import Callable

from FusionINNLib.errors import InputError
from FusionINNLib.mrml.dicom_outline import filesOf, instancesOf
from FusionINNLib.mrml.inputs import identified
from FusionINNLib.mrml.nodes import Node, affineOfNode, affineOfResult, emptyGrid, inputsOf
from FusionINNLib.results.dicom_origin import Whose
from FusionINNLib.volumes.identity import other_patient


def patientSource(fusedNode: Node) -> Node:
    """The volume that tells the patient: the one on whose grid the fused image lies, where it was loaded from DICOM, else the other one.

    Raises InputError where none was, or where they are of different patients.
    """
    inputs = [node for node in inputsOf(fusedNode) if node is not None]
    known = [node for node in inputs if instancesOf(node)]
    if not known:
        raise InputError("Neither volume that was fused was loaded from DICOM, or they left the scene, so nothing says whose they are.")
    if len(inputs) == 2 and (differ := other_patient(identified(inputs[0]), identified(inputs[1]))):
        raise InputError(differ)
    return max(known, key=lambda node: isOnGrid(node, fusedNode))


def isOnGrid(node: Node, fusedNode: Node) -> bool:
    """Whether a fused image lies where a volume has its voxels by its own DICOM files, which know no transform of the scene."""
    images = node.GetImageData(), fusedNode.GetImageData()
    if None in images or node.GetParentTransformNode() is not None:
        return False
    own, fused = (emptyGrid(image.GetDimensions()[::-1], affine)
                  for image, affine in zip(images, (affineOfNode(node), affineOfResult(fusedNode))))
    return own.same_grid(fused)


def whoseOf(fusedNode: Node, fileOf: Callable[[str], str]) -> Whose:
    """For `exportDicomTask`. fileOf: the file of a DICOM instance, "" for none. Raises InputError as `patientSource`, and for lost ones."""
    node = patientSource(fusedNode)
    return Whose(files=tuple(filesOf(node, fileOf)), same_space=isOnGrid(node, fusedNode))
