"""Where slices lie: the grid of a volume node, its planes, and slice views brought onto them. Main thread only."""
import numpy as np
import slicer.util

from FusionINNLib.mrml.nodes import Node, affineOfResult, emptyGrid
from FusionINNLib.reports.slice_view import slice_view
from FusionINNLib.volumes.volume import Volume, transform_points


def gridOf(volumeNode: Node) -> Volume:
    """The grid of a volume node in world RAS mm, without its voxels."""
    return emptyGrid(volumeNode.GetImageData().GetDimensions()[::-1], affineOfResult(volumeNode))


def onSlice(grid: Volume, pointRAS: tuple[float, float, float]) -> tuple[float, float, float]:
    """The point moved across the slices onto the middle of the nearest one."""
    axis = 2 - grid.through_plane_axis  # in (i, j, k)
    ijk = transform_points(np.linalg.inv(grid.affine), np.array([pointRAS], np.float64))
    ijk[0, axis] = np.clip(np.rint(ijk[0, axis]), 0, grid.shape[2 - axis] - 1)
    x, y, z = transform_points(grid.affine, ijk)[0]
    return float(x), float(y), float(z)


def fit(sliceNode: Node, grid: Volume, middle: np.ndarray) -> None:
    """Centre a slice view on a point, with a field of view (mm) that just holds the grid."""
    matrix = slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())
    across = np.ptp(grid.corners_ras_mm @ matrix[:3, :2], axis=0) + np.array(sorted(grid.spacing_ijk_mm)[:2])
    width, height = sliceNode.GetDimensions()[:2]
    pixel_mm = max(across[0] / max(width, 1), across[1] / max(height, 1))
    matrix[:3, 3] = middle
    sliceNode.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(matrix))
    sliceNode.UpdateMatrices()
    sliceNode.SetXYZOrigin(0, 0, 0)
    sliceNode.SetFieldOfView(width * pixel_mm, height * pixel_mm, sliceNode.GetFieldOfView()[2])


def planeOf(grid: Volume) -> str:
    """The plane a grid was acquired in: "Axial", "Coronal" or "Sagittal"."""
    return slice_view(grid.affine, grid.through_plane_axis).plane.capitalize()
