"""Sources in colour in the scene: fused by their luminance, shown in colour, taken apart in colour, saved, exported, or refused."""
import numpy as np
import pytest
import scenes
import slicer
import slicer.util
from making import AFFINES, affine_from, head, rotation

from FusionINNLib import mrml
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.volumes.color import split

GRID = "oblique"


def colored(scene, name: str, rgb: np.ndarray, grid: str = GRID):
    """A vector volume node as Slicer makes it of a file in colour; rgb (k, j, i, channels)."""
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(AFFINES[grid]))
    slicer.util.updateVolumeFromArray(node, rgb)
    node.CreateDefaultDisplayNodes()
    return node


def heat(channels: int = 3) -> np.ndarray:
    """A head through a map of colours, uint8, of the shape that `making.head` has."""
    level = head(np.float32, seed=1)
    level = level / level.max()
    rgb = np.stack([level, level ** 2, 0.5 * (1 - level) * (level > 0), np.ones_like(level)], -1)[..., :channels]
    return np.rint(200 * rgb).astype(np.uint8)


@pytest.fixture
def inputs(scene):
    return scenes.add_volume(scene, "T1", head(), AFFINES[GRID]), colored(scene, "PET", heat())


def fused(scene, inputs, model, **choices):
    return mrml.fuseTask(scene, *inputs, model=model, device="cpu", **choices).run()


@pytest.mark.parametrize("channels", [3, 4])
def test_luminance_is_fused_and_the_result_is_shown_in_colour(scene, tiny_model, channels):
    rgb = heat(channels)
    inputs = scenes.add_volume(scene, "T1", head(), AFFINES[GRID]), colored(scene, "PET", rgb)
    done = fused(scene, inputs, tiny_model)
    plain = scenes.add_volume(scene, "grey", split(rgb[..., :3])[0], AFFINES[GRID])
    same = mrml.fuseTask(scene, inputs[0], plain, model=tiny_model, device="cpu").run()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(done.nodes.fused), slicer.util.arrayFromVolume(same.nodes.fused))
    color = mrml.inColor(done.nodes.fused)
    assert color.IsA("vtkMRMLVectorVolumeNode") and color.GetName().endswith("in colour") and "Research use only" in color.GetDescription()
    shown = slicer.util.arrayFromVolume(color).astype(int)
    level = shown - shown.min(-1, keepdims=True)
    wanted = rgb[..., :3].astype(int) - rgb[..., :3].min(-1, keepdims=True)
    isWhole = (shown > 0).all(-1) & (shown < 255).all(-1)
    assert isWhole.sum() > 100 and np.abs(level - wanted)[isWhole].max() <= 1  # the colour is that of the source
    assert any("not activity" in sentence for sentence in done.warnings)
    assert mrml.inColor(same.nodes.fused) is same.nodes.fused and same.warnings == ()
    np.testing.assert_allclose(slicer.util.arrayFromVolume(color).shape[:3], slicer.util.arrayFromVolume(done.nodes.fused).shape)


def test_taken_apart_exactly_every_byte_is_back_also_from_a_saved_scene(scene, inputs, tiny_model, reopened):
    done = fused(scene, inputs, tiny_model)
    name = done.nodes.fused.GetName()
    reopened()
    node = scene.GetFirstNodeByName(name)
    assert mrml.inColor(node).IsA("vtkMRMLVectorVolumeNode")
    exact = mrml.decomposeTask(scene, node, model=tiny_model, device="cpu", compare=mrml.Compare(1)).run()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(mrml.inColor(exact.nodes[1])), heat())
    assert mrml.inColor(exact.nodes[0]) is exact.nodes[0]
    assert not slicer.util.arrayFromVolume(exact.difference).any()
    slicer.util.arrayFromVolume(exact.nodes[1])[:] = 0
    assert mrml.inColor(exact.nodes[1]) is exact.nodes[1]  # colours of voxels that are gone are not shown


def test_an_estimate_in_colour_says_so_in_its_view(scene, inputs, tiny_model):
    done = fused(scene, inputs, tiny_model)
    guess = mrml.estimateTask(scene, done.nodes.fused, model=tiny_model, device="cpu", samples=2).run()
    color = mrml.inColor(guess.nodes.second)
    assert color is not guess.nodes.second and mrml.isEstimate(color) and "ESTIMATED" in color.GetName()
    assert mrml.inColor(guess.nodes.secondSpread) is guess.nodes.secondSpread


def test_the_reference_keeps_its_colours_voxel_by_voxel_where_the_other_one_is_resampled(scene, tiny_model):
    beside = affine_from(rotation(0.1, 0, 0), origin=(4, 3, 0)) @ AFFINES[GRID]
    inputs = scenes.add_volume(scene, "T1", head(), beside), colored(scene, "PET", heat())
    done = fused(scene, inputs, tiny_model, alignment="header")
    exact = mrml.decomposeTask(scene, done.nodes.fused, model=tiny_model, device="cpu").run()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(mrml.inColor(exact.nodes[1])), heat())
    moved = fused(scene, inputs, tiny_model, alignment="header", reference="first")
    assert np.ptp(slicer.util.arrayFromVolume(mrml.inColor(moved.nodes.fused)).astype(int), axis=-1).max() > 50


def test_a_fusion_in_grey_into_the_same_nodes_leaves_no_colours(scene, inputs, tiny_model):
    done = fused(scene, inputs, tiny_model)
    grey = scenes.add_volume(scene, "FLAIR", head(np.uint16, seed=1), AFFINES[GRID])
    again = mrml.fuseTask(scene, inputs[0], grey, model=tiny_model, device="cpu", fusedVolume=done.nodes.fused,
                          latentVolume=done.nodes.latent).run()
    assert mrml.inColor(again.nodes.fused) is again.nodes.fused and not mrml.hasLostColor(again.nodes.fused)
    assert [node.GetName() for node in scenes.volumes(scene) if node.IsA("vtkMRMLVectorVolumeNode")] == ["PET"]


def test_an_export_holds_the_colours_and_gives_them_back(scene, inputs, tiny_model, tmp_path):
    done = fused(scene, inputs, tiny_model)
    exact = mrml.decomposeTask(scene, done.nodes.fused, model=tiny_model, device="cpu").run()
    folder = mrml.exportTask(tmp_path / "out", done.nodes.fused, exactNodes=exact.nodes, model=tiny_model, device="cpu").run()
    assert {"fused_color.nii.gz", "chroma.nii.gz", "second_exact_color.nii.gz"} <= {path.name for path in folder.iterdir()}
    loaded = mrml.loadTask(scene, folder).run()
    for one, other in ((done.nodes.fused, loaded.nodes.fused), (exact.nodes[1], loaded.others["secondExact"])):
        np.testing.assert_array_equal(*(slicer.util.arrayFromVolume(mrml.inColor(node)) for node in (one, other)))


def test_colours_that_left_the_scene_are_told(scene, inputs, tiny_model, tmp_path):
    done = fused(scene, inputs, tiny_model)
    scene.RemoveNode(done.nodes.fused.GetNodeReference("FusionINN.Chroma"))
    assert mrml.hasLostColor(done.nodes.fused)
    with pytest.raises(ResultError, match="no longer in the scene: fuse the sources again"):
        mrml.exportTask(tmp_path / "out", done.nodes.fused, model=tiny_model, device="cpu").run()
    exact = mrml.decomposeTask(scene, done.nodes.fused, model=tiny_model, device="cpu").run()
    assert mrml.inColor(exact.nodes[1]) is exact.nodes[1]


@pytest.mark.parametrize("rgb,words", [
    (heat().astype(np.uint16) * 200, "no bytes.*Vector to Scalar"), (np.repeat(heat()[..., :1], 3, -1), "has none.*Vector to Scalar"),
    (heat()[..., :2], "each voxel holds 2 values")])
def test_what_cannot_be_fused_in_colour_is_refused_with_a_remedy(scene, rgb, words):
    t1 = scenes.add_volume(scene, "T1", head(), AFFINES[GRID])
    with pytest.raises(InputError, match=words):
        mrml.fuseTask(scene, t1, colored(scene, "PET", rgb), method="average").run()


def test_two_sources_in_colour_are_refused(scene, inputs):
    with pytest.raises(InputError, match="both in colour"):
        mrml.fuseTask(scene, colored(scene, "SPECT", heat()), inputs[1], method="average").run()


def test_a_method_that_only_fuses_takes_colour_and_its_numbers_are_of_the_luminance(scene, inputs):
    done = mrml.fuseTask(scene, *inputs, method="average").run()
    assert mrml.inColor(done.nodes.fused) is not done.nodes.fused
    assert mrml.numbersTask(done.nodes.fused, device="cpu").run()
