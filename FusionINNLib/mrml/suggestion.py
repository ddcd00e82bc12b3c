"""A suggested outline as a segmentation node beside the drawn ones. Main thread only."""
from collections.abc import Sequence

from FusionINNLib.mrml.dicom_outline import markOrigin
from FusionINNLib.mrml.display import showOutlines
from FusionINNLib.mrml.nodes import Node, volumeFromNode
from FusionINNLib.mrml.origin import isSuggestion
from FusionINNLib.mrml.outcomes import SuggestedNode
from FusionINNLib.mrml.segments import drawnFor, segmentationFromLabels
from FusionINNLib.mrml.tasks import Task, checkFusion, needPresent
from FusionINNLib.outlining.records import SuggestedOutline
from FusionINNLib.steps import Steps, in_one_step
from FusionINNLib.volumes.suggested import TAGS
from FusionINNLib.volumes.volume import Volume


def suggestTask(scene, firstVolume: Node | None, secondVolume: Node | None, *, reference: str = "second", alignment: str = "auto",
                model: str | None = None, device: str = "auto", drawn: Node | None = None,
                volumes: Sequence[Volume] | None = None) -> Task:
    """Suggest an outline of a glioma from T1 with contrast and FLAIR, in this order; gives `SuggestedNode`, always with a new node, for an
    earlier one may have been edited. Raises InputError as `checkFusion`.

    drawn: a segmentation to compare with; one that was itself suggested counts for nothing. volumes: as for `fuseTask`.
    """
    checkFusion(firstVolume, secondVolume)
    fixed, moving = (firstVolume, secondVolume) if reference == "first" else (secondVolume, firstVolume)

    def read() -> Steps[dict]:
        first = volumes[0] if volumes is not None else volumeFromNode(firstVolume)
        yield
        second = volumes[1] if volumes is not None else volumeFromNode(secondVolume)
        yield
        outlines, isMoved = drawnFor(drawn, fixed, moving) if drawn is not None and not isSuggestion(drawn) else (None, False)
        return {"first": first, "second": second, "reference": reference, "alignment": alignment, "model": model, "device": device,
                "drawn": outlines, "is_moved": isMoved}

    def store(found: SuggestedOutline) -> SuggestedNode:
        needPresent(scene, firstVolume, secondVolume)
        node = segmentationFromLabels(scene, found.segments, "SUGGESTED outline")
        node.SetReferenceImageGeometryParameterFromVolumeNode(fixed)
        for one in found.segments.segments:
            for name, value in TAGS.items():
                node.GetSegmentation().GetSegment(one.id).SetTag(name, value)
        markOrigin(node, found.segments, found.origin)
        showOutlines(node)
        return SuggestedNode(node, found.volume_ml, found.agreement, found.warnings, found.segments.labels, found.origin)

    return Task("suggest", read, in_one_step(store))
