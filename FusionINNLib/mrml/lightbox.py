"""A lightbox: slices of one image side by side, evenly spread over what it shows. Main thread only."""
import numpy as np

from FusionINNLib.mrml.color import luminanceFromNode
from FusionINNLib.mrml.display import showLayers
from FusionINNLib.mrml.fitting import fit, gridOf, planeOf
from FusionINNLib.mrml.layout import LIGHTBOX_VIEWS, compositeNodeOf, sliceNodeOf
from FusionINNLib.mrml.nodes import Node
from FusionINNLib.volumes.volume import transform_points


def showLightbox(scene, front: Node | None, behind: Node | None = None, opacity: float = 1.0) -> None:
    """Fill the views of the lightbox, from the lowest slice to the highest. Its layout has to have been shown before.

    front: the image, None for nothing; behind: what lies under it.
    """
    lead = front if front is not None else behind
    slices = _spread(lead, len(LIGHTBOX_VIEWS)) if lead is not None else []
    for n, view in enumerate(LIGHTBOX_VIEWS):
        composite, sliceNode = compositeNodeOf(scene, view), sliceNodeOf(scene, view)
        if composite is None or sliceNode is None:
            continue
        composite.SetLinkedControl(False)
        composite.SetDoPropagateVolumeSelection(False)
        showLayers(composite, behind if front is not None and behind is not None else lead, front if behind is not None else None)
        composite.SetForegroundOpacity(opacity)
        if lead is not None:
            _turn(sliceNode, lead, slices[n])


def _turn(sliceNode: Node, volumeNode: Node, number: int) -> None:
    """A view onto one slice of a volume, as large as it fits."""
    grid = gridOf(volumeNode)
    middle = (np.array([grid.shape[::-1]], np.float64) - 1) / 2
    sliceNode.SetOrientation(planeOf(grid))
    sliceNode.RotateToVolumePlane(volumeNode)
    fit(sliceNode, grid, transform_points(grid.affine, middle)[0])
    middle[0, 2 - grid.through_plane_axis] = number
    sliceNode.JumpSliceByOffsetting(*(float(value) for value in transform_points(grid.affine, middle)[0]))


def _spread(volumeNode: Node, count: int) -> list[int]:
    """Numbers of slices through the head, evenly spread, without its very ends."""
    grid = gridOf(volumeNode)
    voxels = np.moveaxis(luminanceFromNode(volumeNode).array, grid.through_plane_axis, 0)
    sizes = np.abs(np.nan_to_num(voxels[:, ::4, ::4].astype(np.float32))).reshape(len(voxels), -1).max(axis=1)
    used = np.flatnonzero(sizes > 0.05 * sizes.max()) if sizes.max() > 0 else np.arange(len(voxels))
    places = used[0] + (np.arange(count) + 0.5) / count * (used[-1] - used[0])
    return [int(place) for place in np.rint(places)]
