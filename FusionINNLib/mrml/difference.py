"""Decomposed minus source: what is read from the scene for it, and the result as a node. Main thread only.

The arithmetic is in `evaluation/difference.py`, which may run in a worker.
"""
import numpy as np

from FusionINNLib import __version__
from FusionINNLib.evaluation.difference import Compared, Difference, difference
from FusionINNLib.mrml.color import luminanceFromNode
from FusionINNLib.mrml.nodes import PREFIX, ROLE, Node, inputsOf, isEstimate, readNode, recordOf, setRecord, setWindow, updateVolumeNode
from FusionINNLib.mrml.outputs import checkOutputs, outputNode, refer
from FusionINNLib.mrml.subject_hierarchy import placeBeside


def storeDifference(scene, decomposedNode: Node, sourceNode: Node, *, differenceNode: Node | None = None) -> Node:
    """Decomposed minus source as a node on the decomposed grid, in their unit, blue below and orange above zero; all of it here and now.

    A source on another grid is moved and interpolated as it was for the fusion. Raises InputError as `checkOutputs`.
    """
    checkOutputs((decomposedNode, sourceNode), (differenceNode,))
    compared = comparedWith(sourceNode, decomposedNode.GetNodeReference(PREFIX + "Fused"))
    return storeDifferenceImage(scene, difference(readNode(decomposedNode), compared), decomposedNode, sourceNode,
                                differenceNode=differenceNode)


def comparedWith(sourceNode: Node, fusedNode: Node | None) -> Compared:
    """A source, and how it was moved for this fusion."""
    alignment = recordOf(fusedNode, "Alignment", {}) if fusedNode is not None else {}
    moving = inputsOf(fusedNode)[0 if fusedNode is None or fusedNode.GetAttribute(PREFIX + "Reference") != "first" else 1]
    wasMoved = alignment.get("mode") == "rigid" and moving is sourceNode
    return Compared(luminanceFromNode(sourceNode), np.array(alignment["reference_to_moving_ras_mm"]) if wasMoved else None)


def storeDifferenceImage(scene, computed: Difference, decomposedNode: Node, sourceNode: Node, *,
                         differenceNode: Node | None = None) -> Node:
    """A computed difference as a node. Raises InputError as `checkOutputs`, GeometryError where the decomposed node has another grid."""
    from FusionINNLib.mrml.display import differenceColors

    checkOutputs((decomposedNode, sourceNode), (differenceNode,))
    name = f"{decomposedNode.GetName()} - source"
    before = differenceNode.GetAttribute(PREFIX + "Role") if differenceNode is not None else None
    node, isFresh = outputNode(scene, differenceNode, name, "difference")
    if before not in (None, decomposedNode.GetAttribute(ROLE)):
        node.SetName(scene.GenerateUniqueName(name))  # the old name speaks of the other source
    updateVolumeNode(node, computed.volume, like=decomposedNode)
    setRecord(node, Estimated="true" if isEstimate(decomposedNode) else None, InputIDs=[decomposedNode.GetID(), sourceNode.GetID()],
              Version=__version__, Role=decomposedNode.GetAttribute(ROLE), State=decomposedNode.GetAttribute(PREFIX + "State"))
    if isFresh:
        node.GetDisplayNode().SetAndObserveColorNodeID(differenceColors(scene).GetID())
        setWindow(node, -computed.half_width, computed.half_width)
    fusedNode = decomposedNode.GetNodeReference(PREFIX + "Fused")
    refer(node, Fused=fusedNode)
    placeBeside(node, decomposedNode)
    return node
