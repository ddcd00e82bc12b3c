"""What changed between two time points, as a node with a diverging colour map and a legend. Main thread only."""
from dataclasses import dataclass

import numpy as np
import slicer

from FusionINNLib import __version__
from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.change import Change
from FusionINNLib.mrml.color_tables import singletonColors
from FusionINNLib.mrml.nodes import PREFIX, Node, inputsOf, setRecord, setWindow, unitOfNode, updateVolumeNode
from FusionINNLib.mrml.outputs import checkOutputs, outputNode, refer
from FusionINNLib.mrml.pairs import FollowUp, followUpOf
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.mrml.tasks import Task, fusionWithSources, needPresent
from FusionINNLib.steps import Steps, in_one_step

_VIVID = 0.55
_CLEAR = 0.08
"""Share of the window around 0 in which the overlay is transparent: noise is no change."""


@dataclass(frozen=True)
class Changed:
    """node: of the change. followUp: which time points. matched: as `Change` has it."""

    node: Node
    followUp: FollowUp
    matched: tuple[float, float] | None


def changeTask(scene, fusedVolume: Node | None, *, model: str | None = None, device: str = "auto",
               changeVolume: Node | None = None) -> Task:
    """Later minus earlier exact source of a fused follow-up; gives `Changed`. changeVolume: output, None for a new one.

    Raises InputError where the fused image is of no follow-up or its inputs left the scene.
    """
    followUp = followUpOf(*inputsOf(fusedVolume))
    if fusedVolume is None or followUp is None:
        raise InputError("A change can be shown of two time points of one contrast: choose such a pair and fuse it first.")

    def read() -> Steps[dict]:
        stored, inputs = fusionWithSources(fusedVolume, None, model)
        checkOutputs((fusedVolume, *inputsOf(fusedVolume)), (changeVolume,))
        yield
        return {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "model": model, "device": device, "inputs": inputs,
                "earlier": 0 if inputsOf(fusedVolume)[0] is followUp.earlier else 1}

    def store(computed: Change) -> Changed:
        needPresent(scene, fusedVolume)
        chosen = changeVolume if changeVolume is not None and scene.IsNodePresent(changeVolume) else None
        return Changed(storeChange(scene, computed, followUp, fusedVolume, changeNode=chosen), followUp, computed.matched)

    return Task("change", read, in_one_step(store))


def storeChange(scene, computed: Change, followUp: FollowUp, fusedNode: Node, *, changeNode: Node | None = None) -> Node:
    """A computed change as a node: blue where the later one is darker, orange where it is brighter, clear where nothing changed; with a
    colour legend. Raises InputError as `checkOutputs`, GeometryError where the fused node has another grid."""
    checkOutputs((fusedNode, followUp.earlier, followUp.later), (changeNode,))
    name = f"{followUp.later.GetName()} - {followUp.earlier.GetName()} (change)"
    node, isFresh = outputNode(scene, changeNode, name, "change")
    updateVolumeNode(node, computed.volume, like=fusedNode)
    setRecord(node, InputIDs=[followUp.earlier.GetID(), followUp.later.GetID()], Version=__version__,
              FusedSHA256=fusedNode.GetAttribute(PREFIX + "FusedSHA256"), Matched=computed.matched)
    if isFresh:
        node.GetDisplayNode().SetAndObserveColorNodeID(changeColors(scene).GetID())
        setWindow(node, -computed.half_width, computed.half_width)
    refer(node, Fused=fusedNode)
    placeBeside(node, fusedNode)
    showLegend(node, f"{followUp.contrast}, later - earlier" + (f" [{unitOfNode(node)}]" if unitOfNode(node) else ""))
    return node


def showLegend(node: Node, title: str) -> Node:
    """The colour legend of a volume, in the views that show it; returns its display node."""
    logic = slicer.vtkSlicerColorLogic
    legend = logic.GetColorLegendDisplayNode(node) or logic.AddDefaultColorLegendDisplayNode(node)
    legend.SetTitleText(title)
    legend.SetLabelFormat("%.4g")
    legend.SetNumberOfLabels(5)
    legend.SetVisibility(True)
    return legend


def allowLegends(scene) -> None:
    """Let a scene hold colour legends. Slicer's module of colours does so; a scene without that module knows no such nodes."""
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())


def changeColors(scene) -> Node:
    """The colour node for changes, of which a scene has one: that of differences, transparent where there is none in place of black."""
    from FusionINNLib.reports.drawing import difference_colours

    level = np.arange(256)
    size = np.abs(level - 128) / 127.0
    vivid = 128 + np.where(level < 128, -1, 1) * np.rint(127 * np.maximum(size, _VIVID)).astype(int)  # what is faint is clear, and not dark
    opacity = np.clip((size - _CLEAR) / 0.25, 0.0, 1.0)
    return singletonColors(scene, "FusionINNChange", "FusionINN change", np.column_stack([difference_colours()[vivid] / 255, opacity]))
