"""Volume nodes to volumes and back: voxels, geometry, transforms, and what is refused."""
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util
from making import AFFINES, affine_from, head, noise, rotation
from scenes import linear, nonlinear

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.mrml import unitOfNode, volumeFromNode
from FusionINNLib.mrml.nodes import addVolumeNode, affineOfNode, checksumOfVoxels, readNode, recordOf, setRecord, updateVolumeNode
from FusionINNLib.volumes.io import read_volume, write_nifti
from FusionINNLib.volumes.volume import Volume


@pytest.mark.parametrize("grid", AFFINES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_a_volume_survives_a_node(addVolume, grid, dtype):
    array = noise(dtype)
    node = addVolume("ADC", array, AFFINES[grid], "um2/s")
    back = volumeFromNode(node)
    assert back.array.dtype == dtype and back.name == "ADC" and back.unit == "um2/s"
    np.testing.assert_array_equal(back.array, array)
    np.testing.assert_allclose(back.affine, AFFINES[grid], atol=1e-12)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), array)


def test_types_that_slicer_lacks_are_stored_without_loss(addVolume):
    whole = np.array([[[2 ** 40, -5], [0, 7]], [[1, 2], [3, 4]]], np.int64)
    for array, kept in ((whole, np.float64), (whole > 2, np.uint8), (np.linspace(0, 1, 8, dtype=np.float16).reshape(2, 2, 2), np.float32)):
        back = volumeFromNode(addVolume("odd", array, np.eye(4)))
        assert back.array.dtype == kept
        np.testing.assert_array_equal(back.array, array)


def test_what_is_read_is_a_copy(addVolume):
    node = addVolume("scan", head(), AFFINES["lps"])
    volume = volumeFromNode(node)
    slicer.util.arrayFromVolume(node)[:] = 0
    assert volume.array.any()


@pytest.mark.parametrize("grid", AFFINES)
def test_linear_parents_are_in_the_affine_and_the_node_stays(scene, addVolume, grid):
    inner, outer = affine_from(rotation(0.1, 0.2, -0.3), origin=(5, 6, 7)), affine_from(np.diag([-1, 1, 1]), origin=(1, 0, 0))
    node = addVolume("scan", head(), AFFINES[grid])
    first, second = linear(scene, inner), linear(scene, outer)
    first.SetAndObserveTransformNodeID(second.GetID())
    node.SetAndObserveTransformNodeID(first.GetID())
    before = node.GetImageData().GetMTime()
    volume = volumeFromNode(node)
    np.testing.assert_allclose(volume.affine, outer @ inner @ AFFINES[grid], atol=1e-10)
    assert node.GetTransformNodeID() == first.GetID() and node.GetImageData().GetMTime() == before
    # Slicer's own way to the same place
    node.HardenTransform()
    np.testing.assert_allclose(affineOfNode(node), volume.affine, atol=1e-6)


def test_a_linear_parent_that_shears_is_refused(scene, addVolume):
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    node = addVolume("scan", head(), AFFINES["plain"])
    node.SetAndObserveTransformNodeID(linear(scene, sheared).GetID())
    with pytest.raises(GeometryError, match="sheared"):
        volumeFromNode(node)


def test_a_nonlinear_parent_is_refused_by_name(scene, addVolume):
    node = addVolume("scan", head(), AFFINES["plain"])
    node.SetAndObserveTransformNodeID(nonlinear(scene).GetID())
    with pytest.raises(GeometryError, match="nonlinear transform .warp.*harden"):
        volumeFromNode(node)


def test_what_is_no_scalar_volume_is_refused(scene, addVolume):
    vector = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    slicer.util.updateVolumeFromArray(vector, np.zeros((4, 5, 6, 3), np.uint8))
    many = addVolumeNode(scene, "frames")
    many.SetAndObserveImageData(vector.GetImageData())
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(labels, np.ones((4, 5, 6), np.uint8))
    cases = [(None, "No volume is chosen"), (vector, "colours: each voxel holds 3"), (many, "frames: each voxel holds 3"), (labels,
                                                                                                                            "label map"),
             (addVolumeNode(scene, "new"), "new: the volume is empty"), (linear(scene, np.eye(4)), "no scalar volume"),
             (addVolume("flat", head()[:1, :1], np.eye(4)), "line of voxels"), (addVolume("zeros", head() * 0, np.eye(4)), "same value")]
    for node, words in cases:
        with pytest.raises(InputError, match=words):
            volumeFromNode(node)


def test_nan_is_told(addVolume):
    array = head(np.float32)
    array[2, 20, 20] = np.nan
    assert "1 NaN" in volumeFromNode(addVolume("scan", array, AFFINES["plain"])).notes[0]


@pytest.mark.parametrize("grid", AFFINES)
def test_nifti_files_come_to_the_same_place_as_in_the_library(core, scene, tmp_path, grid):
    """Slicer turns left-handed grids over: array and affine together still say the same."""
    path = tmp_path / "scan.nii.gz"
    write_nifti(Volume(head(), AFFINES[grid], "scan"), path)
    node = core.volumes.AddArchetypeVolume(str(path), "scan")
    ours, theirs = read_volume(path), volumeFromNode(node)
    if grid == "left-handed":
        assert np.linalg.det(theirs.affine) > 0 > np.linalg.det(ours.affine)
    from FusionINNLib.registration.resampling import reordered
    turned = reordered(theirs, ours) if not theirs.same_grid(ours) else theirs
    np.testing.assert_array_equal(turned.array, ours.array)
    np.testing.assert_allclose(turned.affine, ours.affine, atol=1e-4)


@pytest.mark.parametrize("grid", AFFINES)
def test_what_slicer_writes_from_a_node_is_what_was_put_in(scene, addVolume, tmp_path, grid):
    node = addVolume("scan", head(), AFFINES[grid])
    path = str(tmp_path / "scan.nii.gz")
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(path)
    assert storage.WriteData(node)
    np.testing.assert_allclose(nib.load(path).affine, AFFINES[grid], atol=1e-4)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(path)), head())


def test_a_node_like_another_has_its_grid_and_its_transform(scene, addVolume):
    parent = linear(scene, affine_from(rotation(0.3, 0, 0), origin=(9, 9, 9)))
    like = addVolume("reference", head(), AFFINES["oblique"])
    like.SetAndObserveTransformNodeID(parent.GetID())
    volume = readNode(like)
    node = addVolumeNode(scene, "result")
    updateVolumeNode(node, volume, like)
    assert node.GetTransformNodeID() == parent.GetID()
    for a, b in ((node.GetOrigin(), like.GetOrigin()), (node.GetSpacing(), like.GetSpacing())):
        assert a == b
    np.testing.assert_allclose(affineOfNode(node), volume.affine, atol=1e-12)


def test_a_result_with_turned_axes_is_turned_back_and_another_grid_is_refused(scene, addVolume):
    like = addVolume("reference", head(), AFFINES["oblique"])
    volume = readNode(like)
    turned = volume.affine.copy()
    turned[:3, 3] += turned[:3, 2] * (volume.shape[0] - 1)
    turned[:3, 2] *= -1
    node = addVolumeNode(scene, "result")
    updateVolumeNode(node, Volume(volume.array[::-1], turned, "turned"), like)
    np.testing.assert_array_equal(readNode(node).array, head())
    with pytest.raises(GeometryError, match="reference has changed its geometry"):
        updateVolumeNode(node, Volume(head(), AFFINES["plain"], "elsewhere"), like)


def test_records_survive_whatever_is_in_them(scene, addVolume, reopened):
    words = {"a": 'x;y:z"%20 <&> µ', "b": [1, 2.5, None]}
    node = addVolume("scan", head(), AFFINES["plain"], 'µm²/s;:"%')
    setRecord(node, Settings=words, Plain='a;b:c%d"e<f>&g')
    reopened()
    node = scene.GetFirstNodeByName("scan")
    assert recordOf(node,
                    "Settings") == words and node.GetAttribute("FusionINN.Plain") == 'a;b:c%d"e<f>&g' and unitOfNode(node) == 'µm²/s;:"%'
    assert recordOf(node, "Plain", "damaged") == "damaged" and recordOf(node, "Nothing") is None


def test_the_checksum_is_of_voxels_type_and_shape():
    array = head()
    others = [array.astype(np.int32), array.reshape(3, -1, 44), array + 1, array[::-1]]
    assert len({checksumOfVoxels(one) for one in [array, *others]}) == 5
    assert checksumOfVoxels(array) == checksumOfVoxels(array.astype(">i2")) == checksumOfVoxels(np.asfortranarray(array))
