"""Segmentations to labels on a grid and back, with names, colours and numbers."""
import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from making import AFFINES, affine_from, head, rotation
from scenes import fused_case as fuse_in
from scenes import linear, nonlinear

from FusionINNLib import mrml
from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.mrml.nodes import readNode, setRecord
from FusionINNLib.registration.resampling import resample_labels
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.volumes.volume import Volume

SHAPE = head().shape


def drawn() -> np.ndarray:
    """Three labels numbered as in BraTS."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 10:30, 12:30] = 2
    labels[2:4, 14:24, 16:26] = 1
    labels[2, 16:20, 18:22] = 4
    return labels


def segments(grid: str = "oblique") -> Segments:
    colors = {1: (0.2, 0.6, 0.1), 2: (1.0, 1.0, 0.0), 4: (0.0, 0.0, 1.0)}
    return Segments(Volume(drawn(), AFFINES[grid], "segmentation"),
                    tuple(Segment(f"id{label}", f"part {label}", color, label) for label, color in colors.items()))


@pytest.mark.parametrize("grid", AFFINES)
def test_labels_survive_a_segmentation(scene, addVolume, grid):
    reference = mrml.volumeFromNode(addVolume("FLAIR", head(), AFFINES[grid]))
    node = mrml.segmentationFromLabels(scene, segments(grid), "tumour")
    back = mrml.segmentsFromNode(node, reference)
    np.testing.assert_array_equal(back.labels.array, drawn())
    for one, other in zip(back.segments, segments().segments):
        assert (one.id, one.name, one.label) == (other.id, other.name, other.label)
        np.testing.assert_allclose(one.color, other.color, atol=1e-6)


def test_labels_survive_reopening(scene, addVolume, reopened):
    mrml.segmentationFromLabels(scene, segments("left-handed"), "tumour")
    addVolume("FLAIR", head(), AFFINES["left-handed"])
    reopened()
    reference = readNode(scene.GetFirstNodeByName("FLAIR"))  # turned over by Slicer's reader
    back = mrml.segmentsFromNode(scene.GetFirstNodeByName("tumour"), reference)
    np.testing.assert_array_equal(back.labels.array, drawn()[::-1])
    assert [(one.name, one.label) for one in back.segments] == [(one.name, one.label) for one in segments().segments]


def test_it_agrees_with_slicers_own_export(core, scene, addVolume):
    """On another grid, under a transform, with label map representations shared between segments."""
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(labels, drawn())
    labels.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(AFFINES["oblique"]))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "tumour")
    assert core.segmentations.ImportLabelmapToSegmentationNode(labels, node)
    node.SetAndObserveTransformNodeID(linear(scene, affine_from(rotation(0.05, 0.02, 0), origin=(1.3, -0.7, 2.1))).GetID())
    other = addVolume("other", head(shape=(9, 50, 48)), AFFINES["oblique"] @ np.diag([0.8, 0.7, 0.6, 1]))
    ours = mrml.segmentsFromNode(node, readNode(other))
    assert [one.label for one in ours.segments] == [1, 2, 4]
    theirs = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "theirs")
    identifiers = vtk.vtkStringArray()
    for one in ours.segments:
        identifiers.InsertNextValue(one.id)
    assert core.segmentations.ExportSegmentsToLabelmapNode(node, identifiers, theirs, other,
                                                           slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY)
    exported = np.array([0, 1, 2, 4])[slicer.util.arrayFromVolume(theirs)]
    differing = np.count_nonzero(exported != ours.labels.array)
    assert np.count_nonzero(exported) > 1000 and differing <= 0.002 * np.count_nonzero(exported)  # ties of nearest neighbours


def test_segments_of_one_number_are_numbered_and_the_later_one_counts(scene, addVolume):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "tumour")
    for one in (segments().segments[0], segments().segments[1]):
        part = Segments(Volume((drawn() > 0).astype(np.uint8), AFFINES["oblique"], "x"), (Segment(one.id, one.name, one.color, 1),))
        other = mrml.segmentationFromLabels(scene, part, "part")
        node.GetSegmentation().CopySegmentFromSegmentation(other.GetSegmentation(), one.id)
    back = mrml.segmentsFromNode(node, readNode(addVolume("FLAIR", head(), AFFINES["oblique"])))
    assert [one.label for one in back.segments] == [1, 2] and set(np.unique(back.labels.array)) == {0, 2}


def test_a_segmentation_drawn_as_a_surface(scene, addVolume):
    reference = readNode(addVolume("FLAIR", head(), AFFINES["lps"]))
    centre = AFFINES["lps"] @ (22, 20, 3, 1)
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(6)
    sphere.SetCenter(centre[:3])
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surface")
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", [1, 0, 0])
    back = mrml.segmentsFromNode(node, reference)
    assert 0.8 < np.count_nonzero(back.labels.array[3]) / (np.pi * 36) < 1.2
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")  # the node stays as it was
    np.testing.assert_allclose(mrml.tumourCentroidRAS(node), centre[:3], atol=0.5)


def test_a_label_map_serves_as_segmentation(scene, addVolume):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(node, drawn())
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(AFFINES["oblique"]))
    back = mrml.segmentsFromNode(node, readNode(addVolume("FLAIR", head(), AFFINES["oblique"])))
    np.testing.assert_array_equal(back.labels.array, drawn())
    assert [one.label for one in back.segments] == [1, 2, 4] and {one.color for one in back.segments} == {(1.0, 0.0, 0.0)}


def test_what_cannot_be_labels_is_refused(scene, addVolume):
    reference = readNode(addVolume("FLAIR", head(), AFFINES["plain"]))
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    drawnOnes = mrml.segmentationFromLabels(scene, segments(), "drawn")
    drawnOnes.SetAndObserveTransformNodeID(nonlinear(scene).GetID())
    for node, words in ((None, "No segmentation"), (empty, "no segment"), (scene.GetFirstNodeByName("FLAIR"), "no segmentation")):
        with pytest.raises(InputError, match=words):
            mrml.segmentsFromNode(node, reference)
    with pytest.raises(GeometryError, match="nonlinear"):
        mrml.segmentsFromNode(drawnOnes, reference)
    empty.GetSegmentation().AddEmptySegment("", "nothing yet")
    assert "is empty" in mrml.segmentsFromNode(empty, reference).labels.notes[0]
    with pytest.raises(InputError, match="empty"):
        mrml.tumourCentroidRAS(empty)
    with pytest.raises(InputError, match="not made by FusionINN"):
        mrml.segmentationFromLabels(scene, segments(), "x", node=empty)


def test_the_centroid_is_that_of_the_voxels(scene):
    node = mrml.segmentationFromLabels(scene, segments(), "tumour")
    parent = affine_from(rotation(0, 0, 0.3), origin=(4, 5, 6))
    node.SetAndObserveTransformNodeID(linear(scene, parent).GetID())
    expected = parent @ AFFINES["oblique"] @ np.append(np.argwhere(drawn())[:, ::-1].mean(0), 1)
    np.testing.assert_allclose(mrml.tumourCentroidRAS(node), expected[:3], atol=1e-6)


def test_each_segment_has_its_own_centroid(scene):
    node = mrml.segmentationFromLabels(scene, segments(), "tumour")
    labels = drawn()
    wanted = {one.name: AFFINES["oblique"] @ np.append(np.argwhere(labels == one.label)[:, ::-1].mean(0), 1) for one in segments().segments}
    found = dict(mrml.segmentCentroidsRAS(node))
    assert list(found) == list(wanted)
    for name, place in found.items():
        np.testing.assert_allclose(place, wanted[name][:3], atol=1e-6)
    node.GetSegmentation().RemoveAllSegments()
    node.GetSegmentation().AddEmptySegment("empty", "empty")
    with pytest.raises(InputError, match="empty"):
        mrml.segmentCentroidsRAS(node)


def test_what_was_drawn_on_the_moving_volume_moves_with_it(scene, addVolume, tiny_model):
    case = fuse_in(scene, tiny_model, "lps")
    moved = affine_from(np.eye(3), origin=(3.0, -2.0, 0.0))
    first = addVolume("moving", head(shape=(6, 44, 44)), AFFINES["lps"])
    setRecord(case.nodes.fused, Alignment={"mode": "rigid", "reference_to_moving_ras_mm": moved.tolist()})
    case.nodes.fused.SetNodeReferenceID("FusionINN.First", first.GetID())
    labels = np.zeros((6, 44, 44), np.uint8)
    labels[2, 20, 20] = 1
    alone = Segments(Volume(labels, AFFINES["lps"], "x"), (Segment("a", "a", (1, 0, 0), 1),))
    for drawnOn, transform in ((first, moved), (None, None)):
        node = mrml.segmentationFromLabels(scene, alone, "drawn")
        if drawnOn is not None:
            node.SetReferenceImageGeometryParameterFromVolumeNode(drawnOn)
        found = mrml.segmentsForFusion(node, case.nodes.fused).labels.array
        expected = resample_labels(alone.labels, readNode(case.nodes.fused), transform).array
        np.testing.assert_array_equal(found, expected)
        assert np.argwhere(found).tolist() == [[2, 20, 20] if drawnOn is None else np.argwhere(expected)[0].tolist()]
