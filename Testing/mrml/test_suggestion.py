"""A suggested outline in the scene: where it lies, what it is called, how it is told from a drawn one."""
from pathlib import Path

import numpy as np
import pydicom
import pytest
import vtk
from dicom_making import LPS, save, slices, upright
from making import AFFINES, head
from outline_models import write_loud_model
from vtkmodules.util.numpy_support import vtk_to_numpy

from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.volumes.io import read_segmentation, read_volume
from FusionINNLib.volumes.volume import Volume

DRAWN = (head() > 500).astype(np.uint8)


@pytest.fixture()
def pair(addVolume):
    return addVolume("T1ce", head(), AFFINES["oblique"]), addVolume("FLAIR", head(seed=2), AFFINES["oblique"])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_loud_model(tmp_path_factory.mktemp("outlines") / "tiny"))


def drawnOn(scene, grid, labels=DRAWN):
    node = mrml.segmentationFromLabels(scene, Segments(Volume(labels, AFFINES["oblique"], "drawn"),
                                                       (Segment("one", "tumour", (1, 0, 0), 1),)), "drawn")
    node.SetReferenceImageGeometryParameterFromVolumeNode(grid)
    return node


def test_a_suggestion_is_a_segmentation_that_says_what_it_is(scene, pair, model):
    drawn = drawnOn(scene, pair[1])
    found = mrml.suggestTask(scene, *pair, model=model, device="cpu", drawn=drawn).run()
    segment = found.node.GetSegmentation().GetNthSegment(0)
    tag = vtk.mutable("")
    assert segment.GetName() == "SUGGESTED lesion" and segment.GetTag("FusionINN.Origin", tag) and "not drawn" in str(tag)
    reference = mrml.volumeFromNode(pair[1])
    labels = mrml.segmentsFromNode(found.node, reference).labels
    assert labels.array.any() and labels.same_grid(reference)
    assert found.volume_ml == pytest.approx(np.count_nonzero(labels.array) * np.prod(reference.spacing_ijk_mm) / 1000)
    both = np.count_nonzero((labels.array > 0) & (DRAWN > 0))
    assert found.agreement.dice == pytest.approx(2 * both / (np.count_nonzero(labels.array) + np.count_nonzero(DRAWN)))
    assert mrml.isSuggestion(found.node) and not mrml.isSuggestion(drawn) and not mrml.isSuggestion(None)


def test_it_is_told_from_a_drawn_one_without_colours(scene, pair, model):
    found = mrml.suggestTask(scene, *pair, model=model, device="cpu").run()
    drawn = drawnOn(scene, pair[1])
    for node in (found.node, drawn):
        mrml.showOutlines(node)
    assert found.agreement is None
    assert found.node.GetDisplayNode().GetVisibility2DFill() and not drawn.GetDisplayNode().GetVisibility2DFill()
    found.node.GetSegmentation().GetNthSegment(0).SetName("tumour, by Dr. A")
    mrml.showOutlines(found.node)
    assert not mrml.isSuggestion(found.node) and not found.node.GetDisplayNode().GetVisibility2DFill(), "somebody made it his own"


def test_an_earlier_suggestion_is_left_alone_and_compared_with_nothing(scene, pair, model):
    earlier = mrml.suggestTask(scene, *pair, model=model, device="cpu").run().node
    found = mrml.suggestTask(scene, *pair, model=model, device="cpu", drawn=earlier).run()
    assert found.node is not earlier and scene.IsNodePresent(earlier) and found.agreement is None


def test_what_was_drawn_on_the_moved_volume_moves_with_it(scene, addVolume, model):
    """The first volume is moved by its header onto a coarser grid; outlines that were drawn on it lie there as well."""
    first = addVolume("T1ce", head(), AFFINES["oblique"])
    coarse = AFFINES["oblique"] @ np.diag([2.0, 2.0, 1.0, 1.0])
    second = addVolume("FLAIR", head(seed=2)[:, ::2, ::2], coarse)
    found = mrml.suggestTask(scene, first, second, alignment="header", model=model, device="cpu", drawn=drawnOn(scene, first)).run()
    labels = mrml.segmentsFromNode(found.node, mrml.volumeFromNode(second)).labels.array > 0
    there = DRAWN[:, ::2, ::2] > 0
    assert found.agreement.dice == pytest.approx(2 * np.count_nonzero(labels & there) / (labels.sum() + there.sum()), abs=0.02)


def test_a_dicom_segmentation_of_the_series_that_slicer_loaded(scene, addVolume, model, tmp_path):
    """Slicer may count the slices from the other end; who edited the outline is in the file."""
    folder = save(slices(head(), upright(LPS @ AFFINES["oblique"]), "FLAIR"), tmp_path / "flair")
    read = read_volume(folder)
    files = {str(pydicom.dcmread(file).SOPInstanceUID): str(file) for file in sorted(folder.iterdir())}
    ends = np.eye(4)
    ends[2, 2], ends[2, 3] = -1, read.shape[0] - 1
    flair = addVolume("FLAIR", read.array[::-1].copy(), read.affine @ ends)
    found = mrml.suggestTask(scene, addVolume("T1ce", head(seed=3), read.affine), flair, model=model, device="cpu").run()
    assert mrml.instancesOf(flair) == [] and mrml.referenceOf(found.node) is flair
    flair.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    assert mrml.filesOf(flair, files.__getitem__) == [Path(file) for file in files.values()]
    labels, origin = mrml.suggestedOutline(found.node)
    assert origin == found.origin and not origin.edited and labels.array.any()
    mrml.dicomOutlineTask(labels, origin, tmp_path / "one.dcm", files=mrml.filesOf(flair, files.__getitem__)).run()
    back = read_segmentation(tmp_path / "one.dcm")
    assert back.same_grid(read, 1e-3)
    np.testing.assert_array_equal(back.array, found.labels.array[::-1])

    segment = found.node.GetSegmentation().GetNthSegment(0)
    voxels = vtk_to_numpy(segment.GetRepresentation("Binary labelmap").GetPointData().GetScalars())
    voxels[np.flatnonzero(voxels)[0]] = 0  # as by Segment Editor
    labels, origin = mrml.suggestedOutline(found.node)
    assert origin.edited and labels.array.sum() == found.labels.array.sum() - 1
    segment.SetName("tumour, by Dr. A")
    with pytest.raises(InputError, match="does not say which network"):
        mrml.suggestedOutline(found.node)
    with pytest.raises(InputError, match="are not where Slicer's DICOM database has them"):
        mrml.filesOf(flair, lambda instance: "")


def test_one_volume_alone_is_refused(scene, pair):
    with pytest.raises(InputError, match="first and the second"):
        mrml.suggestTask(scene, pair[0], None)
    with pytest.raises(InputError, match="the same"):
        mrml.suggestTask(scene, pair[0], pair[0])
