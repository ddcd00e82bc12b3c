"""Who made a segmentation: a network, as long as its segments are called so, or a person."""
from typing import Any

from FusionINNLib.volumes.suggested import is_suggested_name


def isSuggestion(node: Any) -> bool:
    """Whether a node (None: not) is a segmentation that a network suggested, and to which nobody has given another name yet."""
    if node is None or not node.IsA("vtkMRMLSegmentationNode"):
        return False
    segmentation = node.GetSegmentation()
    return any(is_suggested_name(segmentation.GetNthSegment(n).GetName()) for n in range(segmentation.GetNumberOfSegments()))
