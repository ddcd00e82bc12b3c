"""What the six views show, from the nodes and from pictures drawn offscreen."""
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
import slicer
import slicer.util
import views
from making import AFFINES, affine_from, head, rotation
from scenes import decomposed, estimated, linear
from scenes import fused_case as fuse_in

from FusionINNLib import mrml
from FusionINNLib.mrml.nodes import affineOfNode
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume


@pytest.fixture
def layout(core, scene):
    """The six views. Drawing them needs libraries that the system may lack; CI fails on this skip."""
    if not views.can_render():
        pytest.skip("VTK cannot draw offscreen here: install libx11-6 libegl1 libgl1-mesa-dri")
    return views.OffscreenLayout(core, (240, 200))


def tumour(scene, grid: str = "oblique", colors=((1.0, 0.0, 0.0),)):
    labels = np.zeros(head().shape, np.uint8)
    for n in range(len(colors)):
        labels[2:4, 12 + 9 * n:20 + 9 * n, 14:30] = n + 1
    identities = tuple(Segment(f"s{n}", f"s{n}", color, n + 1) for n, color in enumerate(colors))
    return mrml.segmentationFromLabels(scene, Segments(Volume(labels, AFFINES[grid], "x"), identities), "tumour")


def shown(scene, case, back) -> dict:
    return {"first": case.first, "second": case.second, "fused": case.nodes.fused, "decomposedFirst": back[0], "decomposedSecond": back[1],
            "difference": mrml.storeDifference(scene, back[1], case.second)}


# ---- nodes -------------------------------------------------------------------------------------------------------------------------


def test_the_layout_is_two_rows_of_three_views_of_one_group(layout):
    root = ET.fromstring(mrml.layoutXML())
    rows = [[view.get("singletontag") for view in row.iter("view")] for row in root.findall("item")]
    assert rows == [["FusionINNFirst", "FusionINNSecond", "FusionINNFused"],
                    ["FusionINNDecomposedFirst", "FusionINNDecomposedSecond", "FusionINNDifference"]]
    nodes = [view.node for view in layout.views.values()]  # made by Slicer's layout logic from the description
    assert {node.GetViewGroup() for node in nodes} == {5170} and [node.GetLayoutLabel() for node in nodes] == ["1", "2", "F", "D1", "D2",
                                                                                                               "D-S"]
    assert [node.GetLayoutName() for node in nodes] == rows[0] + rows[1]


def test_the_layout_goes_back_unless_the_user_has_chosen_another(layout):
    node = layout.node
    mrml.restoreLayout(node, slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    assert node.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert mrml.showLayout(node) == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView and mrml.showLayout(node) == mrml.LAYOUT_ID
    node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    mrml.restoreLayout(node, slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    assert node.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView


def test_without_views_nothing_happens(scene, case):
    mrml.showCase(scene, {"first": case.first, "fused": case.nodes.fused})
    mrml.setFusedOpacity(scene, 0.5)
    mrml.jumpTo(scene, (0, 0, 0))
    assert mrml.estimatedViews(scene) == {} and mrml.fusedOpacity(scene) == 1.0


def test_each_view_shows_its_volume_and_other_views_are_left_alone(core, scene, layout, case):
    red = views.OffscreenView(core, "Red", (100, 100))
    before = red.logic.GetSliceCompositeNode().GetBackgroundVolumeID()
    back = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    volumes = shown(scene, case, back)
    mrml.showCase(scene, volumes)
    for view in mrml.VIEWS:
        composite = mrml.compositeNodeOf(scene, view)
        assert composite is layout.views[view].logic.GetSliceCompositeNode()
        assert composite.GetLinkedControl() and composite.GetHotLinkedControl()
        layer = composite.GetForegroundVolumeID() if view == "fused" else composite.GetBackgroundVolumeID()
        assert layer == volumes[view].GetID()
    assert mrml.compositeNodeOf(scene, "fused").GetBackgroundVolumeID() == case.second.GetID()
    assert red.logic.GetSliceCompositeNode().GetBackgroundVolumeID() == before
    mrml.showCase(scene, {"first": case.first})
    assert mrml.compositeNodeOf(scene, "difference").GetBackgroundVolumeID() is None


@pytest.mark.parametrize("grid", AFFINES)
def test_all_views_lie_in_the_slices_of_the_fused_volume(scene, layout, tiny_model, grid):
    case = fuse_in(scene, tiny_model, grid)
    mrml.showCase(scene, {"first": case.first, "second": case.second, "fused": case.nodes.fused})
    affine = affineOfNode(case.nodes.fused)
    normal = affine[:3, 2 - mrml.volumeFromNode(case.nodes.fused).through_plane_axis]
    matrices = [slicer.util.arrayFromVTKMatrix(mrml.sliceNodeOf(scene, view).GetSliceToRAS()) for view in mrml.VIEWS]
    for matrix in matrices:
        np.testing.assert_allclose(matrix[:3, :3], matrices[0][:3, :3], atol=1e-6)
        assert abs(matrix[:3, 2] @ normal) / np.linalg.norm(normal) == pytest.approx(1, abs=1e-6)
    # As radiologists look at it: right of the patient on the left, anterior (else superior) up
    across, up = matrices[0][:3, 0], matrices[0][:3, 1]
    assert across[np.argmax(np.abs(across))] < 0 and up[np.argmax(np.abs(up))] > 0


def test_a_transformed_volume_is_followed(scene, layout, tiny_model):
    case = fuse_in(scene, tiny_model, "lps")
    for node in (case.first, case.second, case.nodes.fused):
        node.SetAndObserveTransformNodeID(linear(scene, affine_from(rotation(0.2, 0.1, 0.3))).GetID())
    mrml.showCase(scene, {"fused": case.nodes.fused})
    matrix = slicer.util.arrayFromVTKMatrix(mrml.sliceNodeOf(scene, "first").GetSliceToRAS())
    normal = affineOfNode(case.nodes.fused)[:3, 2]
    assert abs(matrix[:3, 2] @ normal) / np.linalg.norm(normal) == pytest.approx(1, abs=1e-6)


def test_moving_one_view_moves_all_six_and_no_other(core, scene, layout, case):
    red = views.OffscreenView(core, "Red", (100, 100))
    mrml.showCase(scene, {"first": case.first, "second": case.second, "fused": case.nodes.fused})
    before = red.node.GetSliceOffset()
    link = slicer.vtkMRMLSliceLinkLogic()  # the application has one
    link.SetMRMLApplicationLogic(core.application)
    link.SetMRMLScene(scene)
    logic = layout.views["first"].logic
    offset = logic.GetSliceOffset() + 4.0
    logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.SliceToRASFlag)
    logic.SetSliceOffset(offset)
    logic.EndSliceNodeInteraction()
    for view in layout.views.values():
        assert view.logic.GetSliceOffset() == pytest.approx(offset)
    assert red.node.GetSliceOffset() == before
    link.SetMRMLScene(None)


def test_a_jump_ends_on_the_slice_next_to_the_point(scene, layout, case):
    mrml.showCase(scene, {"first": case.first, "second": case.second, "fused": case.nodes.fused})
    centroid = mrml.tumourCentroidRAS(tumour(scene))  # between slices 2 and 3
    mrml.jumpTo(scene, centroid)
    toIJK = np.linalg.inv(affineOfNode(case.nodes.fused))
    for view in mrml.VIEWS:
        matrix = slicer.util.arrayFromVTKMatrix(mrml.sliceNodeOf(scene, view).GetSliceToRAS())
        k = (toIJK @ matrix[:, 3])[2]
        assert k == pytest.approx(round(k), abs=1e-4) and round(k) in (2, 3)


def test_the_fused_layer_fades(scene, layout, case):
    mrml.showCase(scene, {"second": case.second, "fused": case.nodes.fused})
    assert mrml.fusedOpacity(scene) == 1.0
    full = layout.views["fused"].picture()
    mrml.setFusedOpacity(scene, 0.0)
    assert mrml.fusedOpacity(scene) == 0.0
    np.testing.assert_array_equal(layout.views["fused"].picture(), layout.views["second"].picture())
    mrml.setFusedOpacity(scene, 7)
    assert mrml.fusedOpacity(scene) == 1.0 and (full != layout.views["second"].picture()).any()


def test_blinking_shows_one_then_the_other_then_what_was_there(scene, layout, case):
    mrml.showCase(scene, {"first": case.first, "second": case.second, "fused": case.nodes.fused})
    mrml.setFusedOpacity(scene, 0.6)
    view = layout.views["fused"]
    before = view.picture()
    blink = mrml.Blink(scene, "fused", case.first, case.second)
    assert blink.toggle() is case.first
    np.testing.assert_array_equal(view.picture(), layout.views["first"].picture())
    assert blink.toggle() is case.second
    np.testing.assert_array_equal(view.picture(), layout.views["second"].picture())
    blink.stop()
    np.testing.assert_array_equal(view.picture(), before)


# ---- pictures ------------------------------------------------------------------------------------------------------------------------


def colored(picture: np.ndarray, color) -> np.ndarray:
    return (np.abs(picture.astype(int) - np.array(color)) < 40).all(-1)


def test_outlines_are_red_in_all_views_and_go_as_they_came(scene, layout, case):
    back = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    segmentation = tumour(scene)
    display = segmentation.GetDisplayNode()
    display.SetOpacity2DFill(0.3)
    display.SetSliceIntersectionThickness(5)
    before = [getattr(display, f"Get{name}")() for name in ("Visibility2DFill", "Visibility2DOutline", "SliceIntersectionThickness")]
    mrml.showCase(scene, shown(scene, case, back))
    mrml.showOutlines(segmentation)
    mrml.showOutlines(segmentation)
    mrml.jumpTo(scene, mrml.tumourCentroidRAS(segmentation))
    for name, view in layout.views.items():
        picture = view.picture()
        display.SetVisibility(False)
        changed = (picture != view.picture()).any(-1)
        display.SetVisibility(True)
        red = colored(picture, (255, 0, 0))
        assert red.sum() > 60 and changed.sum() < 1.5 * red.sum(), name  # lines, and nothing but lines
    mrml.restoreOutlines(segmentation)
    mrml.restoreOutlines(segmentation)
    assert before == [getattr(display, f"Get{name}")() for name in ("Visibility2DFill", "Visibility2DOutline",
                                                                    "SliceIntersectionThickness")]


def test_segments_keep_their_colours(scene, layout, case):
    segmentation = tumour(scene, colors=((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    mrml.showCase(scene, {"first": case.first, "second": case.second, "fused": case.nodes.fused})
    mrml.showOutlines(segmentation)
    mrml.jumpTo(scene, mrml.tumourCentroidRAS(segmentation))
    picture = layout.views["second"].picture()
    assert colored(picture, (0, 255, 0)).sum() > 40 < colored(picture, (0, 0, 255)).sum() and not colored(picture, (255, 0, 0)).any()


def test_right_of_the_patient_is_on_the_left_and_anterior_is_up(scene, layout, addVolume):
    array = head()
    array[:, 2:8, 4:10] = 1500  # in an LPS grid: small j is anterior, small i is the right of the patient
    node = addVolume("scan", array, AFFINES["lps"])
    mrml.showCase(scene, {"second": node})
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevelMinMax(0, 1400)
    rows, columns = np.nonzero(colored(layout.views["second"].picture(), (255, 255, 255)))
    assert len(rows) > 50 and rows.mean() < 70 and columns.mean() < 90  # of 200 x 240


def test_the_whole_slice_is_seen(scene, layout, addVolume):
    for grid in AFFINES:
        array = np.full((6, 40, 44), 100, np.int16)
        array[0, 0, 0] = 0
        node = addVolume("scan", array, AFFINES[grid])
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(0, 100)
        mrml.showCase(scene, {"second": node})
        bright = layout.views["second"].picture().max(-1) > 200
        rows, columns = np.nonzero(bright)
        assert not bright[[0, -1]].any() or not bright[:, [0, -1]].any(), grid
        assert np.ptp(rows) > 185 or np.ptp(columns) > 225, grid


@pytest.mark.parametrize("width, height, again", [(500, 420, False), (700, 200, False), (240, 500, True)])
def test_views_that_change_their_size_show_the_whole_slice(scene, layout, case, width, height, again):
    """In the application views get their size from Qt after the layout was asked for. Slicer keeps their height in mm, so that narrow
    ones have to be oriented again."""
    mrml.showCase(scene, {"second": case.second, "fused": case.nodes.fused})
    view = layout.views["second"]
    view.logic.ResizeSliceNode(width, height)
    if again:
        mrml.orientViews(scene, case.nodes.fused)
    toXY = np.linalg.inv(slicer.util.arrayFromVTKMatrix(view.node.GetXYToRAS()))
    grid = mrml.volumeFromNode(case.nodes.fused)
    corners = (grid.corners_ras_mm @ toXY[:3, :3].T + toXY[:3, 3])[:, :2]
    assert (corners > -1).all() and (corners < (width + 1, height + 1)).all()


def test_estimated_is_written_where_an_estimate_is_shown_and_nowhere_else(scene, layout, case):
    exact = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    guess = mrml.storeEstimate(scene, replace(estimated(case), trust=Trust.ROUNDED), case.nodes.fused, settings={})
    marks = {name: mrml.EstimatedMark(scene, name, view.renderer) for name, view in layout.views.items()}
    for back, expected in (((guess.first, guess.second), True), (exact, False), ((guess.first, guess.second), True)):
        mrml.showCase(scene, shown(scene, case, back))
        assert mrml.estimatedViews(scene) == {name: expected and name.startswith("d") for name in mrml.VIEWS}
        for name, view in layout.views.items():
            amber = colored(view.picture()[:40, 100:], (255, 191, 0)).sum()  # upper right corner
            assert (amber > 100) == marks[name].isShown == (expected and name.startswith("d")), name
    assert marks["decomposedFirst"].words == marks["difference"].words == "ESTIMATED\nrounded" and marks["first"].words == ""
    mrml.setFusedOpacity(scene, 0.0)
    blink = mrml.Blink(scene, "fused", guess.firstSpread, exact[0])
    blink.toggle()
    assert marks["fused"].isShown
    blink.toggle()
    assert not marks["fused"].isShown
    marks["difference"].remove()
    assert colored(layout.views["difference"].picture()[:40, 100:], (255, 191, 0)).sum() < 20
    for name in mrml.VIEWS[:-1]:
        marks[name].remove()
