"""What the views share, the 3-D view, the lightbox, and the picture of the comparison."""
import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from making import AFFINES, head
from scenes import add_volume, decomposed, estimated
from test_display import shown, tumour
from views import OffscreenLayout, OffscreenView, can_render
from vtkmodules.util.numpy_support import vtk_to_numpy

from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.mrml.nodes import affineOfNode


@pytest.fixture
def layout(core, scene):
    """The six views. Drawing them needs libraries that the system may lack; CI fails on this skip."""
    if not can_render():
        pytest.skip("VTK cannot draw offscreen here: install libx11-6 libegl1 libgl1-mesa-dri")
    scene.AddNode(slicer.vtkMRMLInteractionNode())
    return OffscreenLayout(core, (200, 160))


def window(node) -> tuple[float, float]:
    return node.GetDisplayNode().GetWindowLevelMin(), node.GetDisplayNode().GetWindowLevelMax()


def test_the_crosshair_is_in_all_views_and_as_before_afterwards(scene):
    assert mrml.LinkedCrosshair(scene).restore() is None, "a scene without one"
    node = scene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    node.SetCrosshairBehavior(node.CenteredJumpSlice)
    linked = mrml.LinkedCrosshair(scene)
    assert node.GetCrosshairMode() == node.ShowBasic and node.GetCrosshairBehavior() == node.OffsetJumpSlice
    linked.restore()
    assert node.GetCrosshairMode() == node.NoCrosshair and node.GetCrosshairBehavior() == node.CenteredJumpSlice


def test_windows_are_linked_by_column_and_restorable(scene, case):
    exact = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    volumes = {"first": case.first, "second": case.second, "decomposedFirst": exact[0], "decomposedSecond": exact[1]}
    before = {view: window(node) for view, node in volumes.items()}
    linked = mrml.LinkedWindows(volumes)
    exact[0].GetDisplayNode().SetWindowLevelMinMax(10, 90)
    assert window(case.first) == (10, 90) and window(case.second) == before["second"]
    mrml.setWindow(case.second, -5, 55)
    assert window(exact[1]) == (-5, 55) and window(exact[0]) == (10, 90)
    linked.remove()
    case.first.GetDisplayNode().SetWindowLevelMinMax(0, 1)
    assert window(exact[0]) == (10, 90), "nothing follows any longer"
    mrml.LinkedWindows(volumes).remove()
    mrml.restoreWindows(volumes)
    assert {view: window(node) for view, node in volumes.items()} == before


def test_segments_are_shown_in_3d(scene):
    node = tumour(scene, colors=((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    assert mrml.showSurfaces(node) and node.GetDisplayNode().GetVisibility3D()
    surface = vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation("s1", surface)
    assert surface.GetNumberOfPoints() > 20
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    assert not mrml.showSurfaces(empty) and not empty.GetDisplayNode()


def test_the_layout_with_3d_has_a_3d_view(core, scene):
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLApplicationLogic(core.application)
    logic.SetMRMLScene(scene)
    mrml.showLayout(logic.GetLayoutNode(), mrml.WITH_3D_LAYOUT_ID)
    assert scene.GetSingletonNode(mrml.viewName("segments3D"), "vtkMRMLViewNode") is not None
    assert all(mrml.sliceNodeOf(scene, view) is not None for view in mrml.VIEWS)


def test_a_lightbox_shows_slices_from_one_end_of_the_head_to_the_other(core, scene, layout):
    array = np.concatenate([np.zeros((3, *head().shape[1:]), head().dtype), np.repeat(head(), 4, axis=0)])
    node = add_volume(scene, "FLAIR", array, AFFINES["oblique"])
    mrml.showLayout(layout.node, mrml.LIGHTBOX_LAYOUT_ID)
    views = [OffscreenView(core, mrml.viewName(view), (90, 80)) for view in mrml.LIGHTBOX_VIEWS]
    mrml.showLightbox(scene, node)
    to_ijk = np.linalg.inv(affineOfNode(node))
    places = [(to_ijk @ slicer.util.arrayFromVTKMatrix(view.node.GetSliceToRAS())[:, 3])[2] for view in views]
    assert places == sorted(places) and len(set(np.round(places))) == 12 and places[0] >= 3
    assert np.allclose(places, np.rint(places), atol=1e-6), "voxels are seen, not their interpolation"
    assert all(view.picture().max() > 60 for view in views)
    mrml.jumpTo(scene, (0.0, 0.0, 0.0))
    again = [(to_ijk @ slicer.util.arrayFromVTKMatrix(view.node.GetSliceToRAS())[:, 3])[2] for view in views]
    assert np.allclose(again, places), "the lightbox stays where it is"


def test_the_picture_is_twice_as_large_and_says_estimated(core, scene, layout, case, tmp_path):
    segmentation = tumour(scene)
    mrml.showOutlines(segmentation)
    exact = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    mrml.showCase(scene, shown(scene, case, exact))
    mrml.jumpTo(scene, mrml.tumourCentroidRAS(segmentation))
    count = scene.GetNumberOfNodes()
    plain = mrml.pictureOfLayout(scene, core.application, mrml.LAYOUT_ID)
    assert plain.shape == (2 * (2 * 160 + 2), 3 * (2 * 200 + 2), 3) and scene.GetNumberOfNodes() == count
    once = layout.views["second"].picture().astype(float)
    twice = plain[1:321, 403:803].astype(float)
    halved = twice.reshape(160, 2, 200, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(once.ravel(), halved.ravel())[0, 1] > 0.97, "the same picture, with more pixels"
    assert (twice[..., 0] - twice[..., 2] > 150).sum() > 100, "with the outline"
    assert mrml.sliceNodeOf(scene, "second").GetDimensions()[:2] == (200, 160)
    guess = mrml.storeEstimate(scene, estimated(case), case.nodes.fused, settings={})
    mrml.showCase(scene, shown(scene, case, (guess.first, guess.second)))
    marked = mrml.pictureOfLayout(scene, core.application, mrml.LAYOUT_ID)
    amber = (marked[..., 0] > 200) & (marked[..., 1] > 120) & (marked[..., 1] < 220) & (marked[..., 2] < 60)
    corner = {view: amber[322 * (n // 3):322 * (n // 3) + 60, 402 * (n % 3) + 200:402 * (n % 3) + 402].sum() for n, view in
              enumerate(mrml.VIEWS)}
    assert all((corner[view] > 200) == view.startswith("d") for view in mrml.VIEWS), corner
    path = tmp_path / "picture.png"
    mrml.savePNG(marked, path)
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    read = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(marked.shape)[::-1]
    assert np.array_equal(read, marked)
    with pytest.raises(InputError, match="cannot be written"):
        mrml.savePNG(marked, tmp_path / "nowhere" / "picture.png")


def test_a_picture_that_cannot_be_finished_leaves_the_earlier_one(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    path.write_bytes(b"earlier")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("FusionINNLib.atomic.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        mrml.savePNG(np.zeros((4, 5, 3), np.uint8), path)
    assert path.read_bytes() == b"earlier" and [one.name for one in tmp_path.iterdir()] == ["picture.png"]


def test_without_views_there_is_no_picture(core, scene):
    with pytest.raises(InputError, match="not on screen"):
        mrml.pictureOfLayout(scene, core.application, mrml.LAYOUT_ID)
