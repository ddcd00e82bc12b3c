"""How sure an estimate is, to lay over it: half its 90 % interval as a node with a colour map and a legend. Main thread only."""
import numpy as np

from FusionINNLib import __version__
from FusionINNLib.mrml.change import showLegend
from FusionINNLib.mrml.color_tables import singletonColors
from FusionINNLib.mrml.nodes import (
    PREFIX,
    ROLE,
    Node,
    affineOfResult,
    kindOfNode,
    setRecord,
    setWindow,
    unitOfNode,
    updateVolumeNode,
    voxelsOfNode,
)
from FusionINNLib.mrml.outputs import outputNode, refer
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.volumes.volume import Volume

NINETY = 1.645
"""Standard deviations on each side that hold nine tenths of a normal distribution."""
_INTERVAL, _OF = "Interval", "SpreadSHA256"
_CLEAR = 0.08
"""Share of the window in which the overlay is clear. Colours of a volume are clear or not: its opacity is that of its layer in a view."""
_LEAST = 0.1
"""Of the estimate's own grey window: what is less is no more to be seen than in the image itself."""


def intervalOf(scene, estimatedNode: Node, spreadNode: Node) -> Node:
    """Half the width of the 90 % interval of an estimate, in its unit: the node for it, made or brought up to date where need be.

    Its window begins at 0 and takes in nearly all voxels, but is never less than a tenth of the estimate's: what is nearly exact is clear,
    and not painted like what is unsure. Raises InputError where the spread is empty.
    """
    node = spreadNode.GetNodeReference(PREFIX + _INTERVAL)
    if not _isOf(node, spreadNode):
        node = _store(scene, estimatedNode, spreadNode, node)
    node.SetAndObserveTransformNodeID(estimatedNode.GetTransformNodeID())
    return node


def _isOf(node: Node | None, spreadNode: Node) -> bool:
    """Whether it was made from the spread as it was stored last."""
    checksum = spreadNode.GetAttribute(PREFIX + "VoxelsSHA256")
    return node is not None and node.GetImageData() is not None and checksum is not None and node.GetAttribute(PREFIX + _OF) == checksum


def _store(scene, estimatedNode: Node, spreadNode: Node, chosen: Node | None) -> Node:
    values = (NINETY * voxelsOfNode(spreadNode)).astype(np.float32)
    chosen = chosen if kindOfNode(chosen) == "interval" else None
    node, isFresh = outputNode(scene, chosen, f"{estimatedNode.GetName()} 90 % interval", "interval")
    updateVolumeNode(node, Volume(values, affineOfResult(spreadNode), "interval", unitOfNode(spreadNode)), like=spreadNode)
    kept = {name: spreadNode.GetAttribute(PREFIX + name) for name in ("FusedSHA256", "State", "Warnings")}
    setRecord(node, **kept, Estimated="true", Version=__version__, Role=spreadNode.GetAttribute(ROLE),
              InputIDs=[estimatedNode.GetID(), spreadNode.GetID()], **{_OF: spreadNode.GetAttribute(PREFIX + "VoxelsSHA256")})
    if isFresh:
        node.GetDisplayNode().SetAndObserveColorNodeID(intervalColors(scene).GetID())
    setWindow(node, 0.0, _brightest(values, estimatedNode))
    refer(node, Fused=spreadNode.GetNodeReference(PREFIX + "Fused"))
    refer(spreadNode, **{_INTERVAL: node})
    placeBeside(node, estimatedNode)
    showLegend(node, "90 % interval, +/-" + (f" [{unitOfNode(node)}]" if unitOfNode(node) else ""))
    return node


def _brightest(values: np.ndarray, estimatedNode: Node) -> float:
    """The upper end of the window. Background, which is sure, does not count."""
    some = values[::2, ::2, ::2]
    unsure = some[some > 0]
    display = estimatedNode.GetDisplayNode()
    least = _LEAST * (display.GetWindowLevelMax() - display.GetWindowLevelMin()) if display is not None else 0.0
    return max(float(np.percentile(unsure, 99.5)) if unsure.size else 0.0, least, 1e-6)


def intervalColors(scene) -> Node:
    """The colour node for intervals, of which a scene has one: from clear over violet and magenta to yellow: hues that are told apart
    also where half of them is the image below, and other ones than those of differences and changes."""
    size = np.linspace(0.0, 1.0, 256)
    stops = {0.0: (0.35, 0.05, 0.9), 0.5: (0.9, 0.1, 0.7), 1.0: (1.0, 0.95, 0.2)}
    colors = [np.interp(size, list(stops), part) for part in zip(*stops.values())]
    return singletonColors(scene, "FusionINNInterval", "FusionINN interval", np.column_stack([*colors, size > _CLEAR]))
