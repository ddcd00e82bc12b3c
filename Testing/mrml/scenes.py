"""Scenes and cases that the tests of this folder are made of."""
import tempfile
import types

import numpy as np
import slicer
import slicer.util
import vtk
from making import AFFINES, head

from FusionINNLib import mrml, pipeline
from FusionINNLib.mrml.inputs import subjectHierarchy
from FusionINNLib.mrml.nodes import addVolumeNode, updateVolumeNode
from FusionINNLib.volumes.volume import Volume


def start():
    """The smallest application core: a scene and the logics that loading, colours, segmentations and .mrb files need."""
    scene, application = slicer.vtkMRMLScene(), slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    logics = {"Colors": slicer.vtkSlicerColorLogic(), "Volumes": slicer.vtkSlicerVolumesLogic(),
              "Segmentations": slicer.vtkSlicerSegmentationsModuleLogic(),
              "SubjectHierarchy": slicer.vtkSlicerSubjectHierarchyModuleLogic()}
    for name, logic in logics.items():
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
        application.SetModuleLogic(name, logic)
    logics["Colors"].AddDefaultColorNodes()
    return types.SimpleNamespace(scene=scene, application=application, volumes=logics["Volumes"], colors=logics["Colors"],
                                 segmentations=logics["Segmentations"], kept=[*logics.values(), *_bundles(scene, application)])


def _bundles(scene, application) -> list:
    """What reading .mrb needs; the caller keeps it alive."""
    remote, data = slicer.vtkMRMLRemoteIOLogic(), slicer.vtkDataIOManagerLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application)
    remote.GetCacheManager().SetRemoteCacheDirectory(tempfile.mkdtemp())
    data.SetMRMLScene(scene)
    data.SetMRMLApplicationLogic(application)
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return [remote, data]


def add_volume(scene, name: str, array: np.ndarray, affine: np.ndarray, unit: str = ""):
    """A scalar volume node as a reader would make it; array (k, j, i)."""
    node = addVolumeNode(scene, name)
    updateVolumeNode(node, Volume(array, affine, name, unit))
    return node


def fused_case(scene, model: str, grid: str, **choices):
    """See `case`. grid: a key of `making.AFFINES`; choices: for `pipeline.fuse`."""
    first = add_volume(scene, "ADC", head(), AFFINES[grid], "um2/s")
    second = add_volume(scene, "FLAIR", head(np.uint16, seed=1), AFFINES[grid])
    fusion = pipeline.fuse(*(mrml.volumeFromNode(node) for node in (first, second)), model=model, device="cpu", **choices)
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={"model": fusion.recipe.model} | choices,
                             reference=choices.get("reference", "second"))
    return types.SimpleNamespace(first=first, second=second, fusion=fusion, nodes=nodes, model=model)


def decomposed(case, fusedNode=None, latentNode=None):
    """Both sources, exactly, from the nodes of a case."""
    stored = mrml.fusionFromNodes(fusedNode or case.nodes.fused, latentNode)
    assert stored.obstacle is None
    return pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=case.model, device="cpu")


def estimated(case, samples: int = 3):
    """An estimate from the fused node of a case alone."""
    stored = mrml.fusionFromNodes(case.nodes.fused)
    return pipeline.estimate(stored.fused, stored.recipe, samples=samples, model=case.model, device="cpu")


def inFolder(node) -> str:
    """Name of the subject hierarchy folder that holds a node, "" where there is none."""
    hierarchy = subjectHierarchy(node.GetScene())
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    parent = hierarchy.GetItemParent(item) if item else 0
    return hierarchy.GetItemName(parent) if parent and parent != hierarchy.GetSceneItemID() else ""


def volumes(scene) -> list:
    """All scalar volume nodes."""
    collection = scene.GetNodesByClass("vtkMRMLScalarVolumeNode")
    collection.UnRegister(None)
    return [collection.GetItemAsObject(n) for n in range(collection.GetNumberOfItems())]


def linear(scene, matrix: np.ndarray):
    """A linear transform node, 4x4 RAS mm."""
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "registration")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def nonlinear(scene):
    """A transform node that bends: a thin plate spline."""
    warp = vtk.vtkThinPlateSplineTransform()
    points = vtk.vtkPoints()
    for corner in ((0, 0, 0), (50, 0, 0), (0, 50, 0), (0, 0, 50)):
        points.InsertNextPoint(corner)
    moved = vtk.vtkPoints()
    moved.DeepCopy(points)
    moved.SetPoint(0, 3, 4, 5)
    warp.SetSourceLandmarks(points)
    warp.SetTargetLandmarks(moved)
    warp.SetBasisToR()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    node.SetAndObserveTransformToParent(warp)
    return node
