"""Output nodes: which may be filled, and getting one ready. Main thread only."""
from FusionINNLib.errors import InputError
from FusionINNLib.mrml.nodes import KIND, PREFIX, Node, addVolumeNode, clearRecord, kindOfNode
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, ESTIMATE_KINDS, EXACT_IMAGES
from FusionINNLib.results.recipe import NOTICE

_DESCRIPTIONS = {
    "fused": "Fused image, no unit.", "latent": "Latent image: with the fused image it gives both sources back exactly.",
    "difference": "Decomposed minus source.",
    "change": "Later minus earlier time point.",
    "interval": "ESTIMATED: half the width of the 90 % interval of the estimate, by its own account.",
} | {image.kind.name: image.kind.description for image in EXACT_IMAGES + ESTIMATE_IMAGES}


def checkOutputs(inputs: tuple[Node | None, ...], outputs: tuple[Node | None, ...]) -> None:
    """Raises InputError unless each chosen output may be overwritten: it is no input, chosen once, and a scalar volume that is empty or was
    made by FusionINN."""
    chosen = [node for node in outputs if node is not None]
    for node in chosen:
        name = node.GetName()
        if node in inputs:
            raise InputError(f"{name} is chosen as input and as output: choose another output.")
        if chosen.count(node) > 1:
            raise InputError(f"{name} is chosen for two outputs: choose another one for one of them.")
        if node.GetClassName() != "vtkMRMLScalarVolumeNode":
            raise InputError(f"{name} cannot hold a result, as it is no scalar volume: choose another output.")
        if node.GetImageData() is not None and kindOfNode(node) is None:
            raise InputError(f"{name} holds an image that FusionINN did not make, and is left as it is: choose another output.")


def outputNode(scene, chosen: Node | None, name: str, kind: str) -> tuple[Node, bool]:
    """The node to fill, and whether it needs a look of its own: one that showed such an image before keeps what the user made of it."""
    before = kindOfNode(chosen)
    isFresh = chosen is None or before != kind or chosen.GetDisplayNode() is None
    node = addVolumeNode(scene, name) if chosen is None else chosen
    if before not in (None, kind):
        node.SetName(scene.GenerateUniqueName(name))  # the old name may say "exact" of what is an estimate now
    elif kind in ESTIMATE_KINDS and "ESTIMATED" not in node.GetName():
        node.SetName(f"{node.GetName()} (FusionINN ESTIMATED)")
    clearRecord(node)
    for role in ("First", "Second", "Fused", "Latent"):
        node.RemoveNodeReferenceIDs(PREFIX + role)
    if isFresh:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(False)  # or else Slicer makes histograms of an image that gets its window from here
    node.SetAttribute(KIND, kind)
    node.SetDescription(f"{_DESCRIPTIONS[kind]} {NOTICE}")
    return node, isFresh


def refer(node: Node, **others: Node | None) -> None:
    """Node references, which keep pointing at the right nodes when IDs change."""
    for role, other in others.items():
        if other is not None and other.GetScene() is node.GetScene():
            node.SetNodeReferenceID(PREFIX + role, other.GetID())
