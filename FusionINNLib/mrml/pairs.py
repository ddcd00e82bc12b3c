"""The pairs of loaded volumes that may be fused, what a pair has been fused to, and whether it is a follow-up. Main thread only."""
from dataclasses import dataclass
from itertools import combinations, product

from FusionINNLib.mrml.inputs import identified, inputNodes
from FusionINNLib.mrml.nodes import KIND, PREFIX, ROLE, Node, inputsOf
from FusionINNLib.mrml.readback import isOfFusion
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES
from FusionINNLib.volumes.identity import other_patient, patients_differ
from FusionINNLib.volumes.time_points import contrast_of, is_earlier
from FusionINNLib.volumes.volume import Volume

_TOGETHER = (("ADC", "FLAIR"), ("T1Gd", "FLAIR"), ("T2", "FLAIR"), ("ADC", "T1Gd"))


@dataclass(frozen=True)
class FollowUp:
    """Two time points of one contrast of one patient. contrast: as `contrast_of` has it."""

    contrast: str
    earlier: Node
    later: Node


@dataclass(frozen=True)
class Pair:
    """Two volumes to be fused. followUp: None for two contrasts of one time point."""

    first: Node
    second: Node
    followUp: FollowUp | None = None

    @property
    def name(self) -> str:
        """Both volumes by their names."""
        return f"{self.first.GetName()} + {self.second.GetName()}"


def pairsOf(scene) -> list[Pair]:
    """Pairs of the loaded volumes by their names and DICOM data, each of one patient: two contrasts of one time point, then one contrast at
    one time point and the next; then what else was fused, if its inputs are there. A pair is named once."""
    volumes = [(node, identified(node), contrast_of(node.GetName())) for node in inputNodes(scene)]
    found = [Pair(one[0], other[0]) for contrasts in _TOGETHER for one, other in product(volumes, volumes)
             if (one[2], other[2]) == contrasts and _isOneExamination(one[1], other[1])]
    contrasts = dict.fromkeys(contrast for _, _, contrast in volumes if contrast)
    for contrast in contrasts:
        found += _followUps(contrast, [(node, volume) for node, volume, own in volumes if own == contrast])
    named = {(pair.first.GetID(), pair.second.GetID()) for pair in found}
    for fused in _fusedNodes(scene):
        first, second = inputsOf(fused)
        if first is not None and second is not None and (first.GetID(), second.GetID()) not in named:
            named.add((first.GetID(), second.GetID()))
            found.append(Pair(first, second, followUpOf(first, second)))
    return found


def followUpOf(firstNode: Node | None, secondNode: Node | None) -> FollowUp | None:
    """What two volumes are if they are two time points of one contrast of one patient, as far as names and DICOM data tell; else None."""
    if firstNode is None or secondNode is None or firstNode is secondNode:
        return None
    contrast = contrast_of(firstNode.GetName())
    if contrast is None or contrast != contrast_of(secondNode.GetName()):
        return None
    first, second = identified(firstNode), identified(secondNode)
    earlier = is_earlier(first, second)
    if earlier is None or other_patient(first, second):
        return None
    return FollowUp(contrast, firstNode, secondNode) if earlier else FollowUp(contrast, secondNode, firstNode)


def fusedOf(scene, firstNode: Node | None, secondNode: Node | None, method: str) -> Node | None:
    """What a pair was fused to by a method, the last one of several; None where there is none."""
    if firstNode is None or secondNode is None:
        return None
    found = [node for node in _fusedNodes(scene)
             if inputsOf(node) == (firstNode, secondNode) and node.GetAttribute(PREFIX + "Method") == method]
    return found[-1] if found else None


def decompositionsOf(scene, fusedNode: Node) -> dict[str, Node]:
    """What was decomposed from a fused image as it is now, by the names of the panel's parameters; of several the last."""
    names = {(image.kind.name, image.role): image.parameter for image in EXACT_IMAGES + ESTIMATE_IMAGES} | {("change", None): "change"}
    found = {}
    for node in _volumeNodes(scene):
        role = {"first": 0, "second": 1}.get(node.GetAttribute(ROLE))
        parameter = names.get((node.GetAttribute(KIND), role))
        if parameter and node.GetNodeReference(PREFIX + "Fused") is fusedNode and isOfFusion(node, fusedNode):
            found[parameter] = node
    return found


def _followUps(contrast: str, volumes: list[tuple[Node, Volume]]) -> list[Pair]:
    """Each volume with the next one of the same patient."""
    ordered: list[tuple[Node, Volume]] = []
    for node, volume in volumes:
        later = (n for n, (_, other) in enumerate(ordered) if is_earlier(volume, other) and not other_patient(volume, other))
        ordered.insert(next(later, len(ordered)), (node, volume))
    found = []
    for (one, earlier), (other, later) in combinations(ordered, 2):
        isNext = not any(is_earlier(earlier, between) and is_earlier(between, later) and not other_patient(earlier, between)
                         for _, between in volumes)
        if isNext and is_earlier(earlier, later) and not other_patient(earlier, later):
            found.append(Pair(one, other, FollowUp(contrast, one, other)))
    return found


def _isOneExamination(first: Volume, second: Volume) -> bool:
    return patients_differ(first, second) is None and is_earlier(first, second) is None


def _fusedNodes(scene) -> list[Node]:
    return [node for node in _volumeNodes(scene) if node.GetAttribute(KIND) == "fused"]


def _volumeNodes(scene) -> list[Node]:
    collection = scene.GetNodesByClass("vtkMRMLScalarVolumeNode")
    collection.UnRegister(None)  # GetNodesByClass leaves that to the caller
    return [collection.GetItemAsObject(n) for n in range(collection.GetNumberOfItems())]
