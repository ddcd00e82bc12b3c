"""Results as nodes: where they lie, what they carry, what they never overwrite, and the way back after the scene was saved and reopened."""
import json
from dataclasses import fields

import numpy as np
import pytest
import slicer
import slicer.util
from making import AFFINES, affine_from, head, rotation
from scenes import decomposed, estimated, inFolder, linear, nonlinear, volumes
from scenes import fused_case as fuse_in

from FusionINNLib import __version__, mrml, pipeline
from FusionINNLib.errors import GeometryError, InputError, ResultError
from FusionINNLib.mrml.inputs import subjectHierarchy
from FusionINNLib.mrml.nodes import addVolumeNode, affineOfNode, recordOf, setRecord, updateVolumeNode
from FusionINNLib.mrml.obstacles import Obstacle, Reason
from FusionINNLib.registration.resampling import resample
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume

voxels = slicer.util.arrayFromVolume


def test_a_fusion_lies_where_its_reference_lies_and_says_what_it_is(case):
    fused, latent = case.nodes.fused, case.nodes.latent
    for node, kind in ((fused, "fused"), (latent, "latent")):
        np.testing.assert_allclose(affineOfNode(node), affineOfNode(case.second), atol=1e-12)
        assert mrml.kindOfNode(node) == node.GetAttribute("FusionINN.Kind") == kind and voxels(node).dtype == np.float32
        assert node.GetAttribute("FusionINN.ModelId") == "tiny" and len(node.GetAttribute("FusionINN.WeightsSHA256")) == 64
        assert node.GetAttribute("FusionINN.Version") == __version__
        assert json.loads(node.GetAttribute("FusionINN.InputIDs")) == [case.first.GetID(), case.second.GetID()]
        assert mrml.settingsOf(node) == {"model": "tiny"}
        assert node.GetName() == f"ADC + FLAIR (FusionINN {kind})" and "Research use only" in node.GetDescription()
    np.testing.assert_array_equal(voxels(fused), case.fusion.fused.array)
    assert mrml.inputsOf(fused) == (case.first, case.second) and mrml.latentOf(fused) is latent
    low, high = fused.GetDisplayNode().GetWindowLevelMin(), fused.GetDisplayNode().GetWindowLevelMax()
    dark, bright = np.percentile(voxels(fused), (1, 99))
    assert not fused.GetDisplayNode().GetAutoWindowLevel() and low < dark + 0.1 and bright - 0.1 < high


@pytest.mark.parametrize("grid", AFFINES)
def test_the_way_back_gives_the_inputs_in_their_type_unit_and_look(scene, addVolume, tiny_model, grid):
    case = fuse_in(scene, tiny_model, grid)
    table = scene.GetFirstNodeByName("Inferno") or scene.GetNodeByID("vtkMRMLColorTableNodeRainbow")
    case.first.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())
    case.first.GetDisplayNode().SetAutoWindowLevel(False)
    case.first.GetDisplayNode().SetWindowLevelMinMax(100, 700)
    nodes = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    for node, source, role in zip(nodes, (case.first, case.second), ("first", "second")):
        assert voxels(node).dtype == voxels(source).dtype
        np.testing.assert_array_equal(voxels(node), voxels(source))
        np.testing.assert_allclose(affineOfNode(node), affineOfNode(source), atol=1e-10)
        assert mrml.unitOfNode(node) == mrml.unitOfNode(source) and node.GetName() == f"{source.GetName()} (FusionINN exact)"
        assert mrml.kindOfNode(node) == "exact" and node.GetAttribute("FusionINN.Role") == role and not mrml.isEstimate(node)
        assert recordOf(node, "Resampled") is False
    display = nodes[0].GetDisplayNode()
    assert (display.GetColorNodeID(), display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (table.GetID(), 100, 700)


@pytest.mark.parametrize("grid", AFFINES)
def test_after_saving_and_reopening_the_scene_all_is_as_before(scene, addVolume, tiny_model, reopened, grid):
    """Slicer's readers turn left-handed grids over; the way back has to notice."""
    case = fuse_in(scene, tiny_model, grid)
    parent = linear(scene, affine_from(rotation(0.2, 0.1, 0), origin=(3, 2, 1)))
    for node in (case.first, case.second, case.nodes.fused, case.nodes.latent):
        node.SetAndObserveTransformNodeID(parent.GetID())
    sources = [mrml.volumeFromNode(node) for node in (case.first, case.second)]
    reopened()
    first, second = (scene.GetFirstNodeByName(name) for name in ("ADC", "FLAIR"))
    fused = scene.GetFirstNodeByName("ADC + FLAIR (FusionINN fused)")
    assert mrml.inputsOf(fused) == (first, second) and mrml.settingsOf(fused) == {"model": "tiny"}
    ways = mrml.waysBack(fused, model=tiny_model)
    assert ways.exact and ways.estimate
    for node, reloaded, source in zip(mrml.storeExact(scene, decomposed(case, fused), fused), (first, second), sources):
        np.testing.assert_array_equal(voxels(node), voxels(reloaded))
        np.testing.assert_allclose(affineOfNode(node), affineOfNode(reloaded), atol=1e-6)
        turned = voxels(node) if grid != "left-handed" else voxels(node)[::-1]
        np.testing.assert_array_equal(turned, source.array)
    stored = mrml.fusionFromNodes(fused)
    guess = pipeline.estimate(stored.fused, stored.recipe, samples=2, model=tiny_model, device="cpu")
    expected = pipeline.estimate(case.fusion.fused, case.fusion.recipe, samples=2, model=tiny_model, device="cpu")
    np.testing.assert_array_equal(guess.first.array, expected.first.array)


def test_voxels_that_are_not_finite_come_back_after_reopening(scene, addVolume, tiny_model, reopened):
    array = head(np.float32)
    array[2, 3, 4], array[3, 20, 20], array[4, 20, 20] = np.nan, np.inf, -np.inf
    first, second = addVolume("ADC", array, AFFINES["lps"]), addVolume("FLAIR", head(seed=1), AFFINES["lps"])
    fusion = pipeline.fuse(*(mrml.volumeFromNode(node) for node in (first, second)), model=tiny_model, device="cpu")
    mrml.storeFusion(scene, fusion, first, second, settings={})
    reopened()
    stored = mrml.fusionFromNodes(scene.GetFirstNodeByName("ADC + FLAIR (FusionINN fused)"))
    back = pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=tiny_model, device="cpu")[0].array
    np.testing.assert_array_equal(np.isfinite(back), np.isfinite(array))
    np.testing.assert_allclose(np.nan_to_num(back, posinf=7, neginf=5), np.nan_to_num(array, posinf=7, neginf=5), atol=1e-2)


def test_outputs_are_under_the_transform_of_the_reference(scene, addVolume, tiny_model):
    parent = linear(scene, affine_from(rotation(0, 0, 0.4), origin=(9, 8, 7)))
    own = np.linalg.inv(slicer.util.arrayFromVTKMatrix(parent.GetMatrixTransformToParent())) @ AFFINES["oblique"]
    first, second = addVolume("ADC", head(), own), addVolume("FLAIR", head(seed=1), own)
    second.SetAndObserveTransformNodeID(parent.GetID())
    first.SetAndObserveTransformNodeID(parent.GetID())
    fusion = pipeline.fuse(*(mrml.volumeFromNode(node) for node in (first, second)), model=tiny_model, device="cpu", alignment="none")
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={})
    stored = mrml.fusionFromNodes(nodes.fused)
    exact = mrml.storeExact(scene, pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=tiny_model, device="cpu"),
                            nodes.fused)
    for node in (nodes.fused, nodes.latent, *exact):
        assert node.GetTransformNodeID() == parent.GetID()
        np.testing.assert_allclose(affineOfNode(node), AFFINES["oblique"], atol=1e-9)


def test_a_fused_volume_under_any_transform_still_goes_back(scene, case):
    """Where it is shown does not matter for the way back: only voxels do."""
    source = voxels(case.first)
    for transform in (nonlinear(scene), linear(scene, affine_from(rotation(0.5, 0, 0)))):
        case.nodes.fused.SetAndObserveTransformNodeID(transform.GetID())
        nodes = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
        np.testing.assert_array_equal(voxels(nodes[0]), source)
        assert nodes[0].GetTransformNodeID() == transform.GetID()


def test_a_hardened_fused_volume_still_goes_back(scene, case):
    case.nodes.fused.SetAndObserveTransformNodeID(linear(scene, affine_from(rotation(0.5, 0, 0))).GetID())
    case.nodes.fused.HardenTransform()
    nodes = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    np.testing.assert_array_equal(voxels(nodes[1]), voxels(case.second))


def test_when_the_reference_has_gone_or_moved_meanwhile_the_result_is_where_it_was_computed(scene, addVolume, tiny_model):
    first, second = addVolume("ADC", head(), AFFINES["lps"]), addVolume("FLAIR", head(seed=1), AFFINES["lps"])
    fusion = pipeline.fuse(*(mrml.volumeFromNode(node) for node in (first, second)), model=tiny_model, device="cpu")
    second.SetOrigin(0, 0, 0)
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={})
    np.testing.assert_allclose(affineOfNode(nodes.fused), AFFINES["lps"])
    second.SetAndObserveTransformNodeID(nonlinear(scene).GetID())
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={})
    np.testing.assert_allclose(affineOfNode(nodes.fused), AFFINES["lps"])
    scene.RemoveNode(second)
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={})
    assert mrml.inputsOf(nodes.fused) == (first, None)


def test_a_resampled_source_comes_back_as_resampled(scene, addVolume, tiny_model):
    first = addVolume("ADC", head(shape=(5, 30, 33)), AFFINES["oblique"] @ np.diag([1.3, 1.3, 1.2, 1]))
    second = addVolume("FLAIR", head(seed=1), AFFINES["oblique"])
    fusion = pipeline.fuse(*(mrml.volumeFromNode(node) for node in (first, second)), model=tiny_model, device="cpu", alignment="header")
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={})
    stored = mrml.fusionFromNodes(nodes.fused)
    exact = mrml.storeExact(scene, pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=tiny_model, device="cpu"),
                            nodes.fused)
    assert (recordOf(exact[0], "Resampled"), recordOf(exact[1], "Resampled")) == (True, False)
    difference = mrml.storeDifference(scene, exact[0], first)
    assert np.abs(voxels(difference)).max() < 1e-4 * np.ptp(voxels(first)) and voxels(difference).shape == voxels(second).shape


def test_a_difference_follows_the_registration(scene, tiny_model, addVolume):
    case = fuse_in(scene, tiny_model, "lps")
    moved = affine_from(rotation(0, 0, 0.1), origin=(2.0, -3.0, 1.0))
    setRecord(case.nodes.fused, Alignment={"mode": "rigid", "reference_to_moving_ras_mm": moved.tolist()})
    exact = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    registered = resample(mrml.volumeFromNode(case.first), mrml.volumeFromNode(case.second), moved).array
    slicer.util.updateVolumeFromArray(exact[0], registered)
    assert not voxels(mrml.storeDifference(scene, exact[0], case.first)).any()
    assert not voxels(mrml.storeDifference(scene, exact[1], case.second)).any()  # the reference stayed where it was
    assert np.abs(registered - voxels(case.first)).max() > 100


# ---- estimates -------------------------------------------------------------------------------------------------------------------


def test_an_estimate_says_so_everywhere(scene, case):
    guess = estimated(case)
    nodes = mrml.storeEstimate(scene, guess, case.nodes.fused, settings={"samples": 3, "seed": 0})
    kinds = {"first": "estimated", "second": "estimated", "firstSpread": "spread", "secondSpread": "spread", "cycleError": "cycle"}
    for name, kind in kinds.items():
        node = getattr(nodes, name)
        assert mrml.kindOfNode(node) == kind and mrml.isEstimate(node)
        assert "ESTIMATED" in node.GetName() and "ESTIMATED" in node.GetDescription()
        assert mrml.settingsOf(node) == {"samples": 3, "seed": 0} and node.GetAttribute("FusionINN.FusedSHA256")
        assert inFolder(node) == inFolder(case.nodes.fused)
    assert mrml.unitOfNode(nodes.first) == mrml.unitOfNode(nodes.firstSpread) == "um2/s" and mrml.unitOfNode(nodes.cycleError) == ""
    np.testing.assert_array_equal(voxels(nodes.secondSpread), guess.second_spread.array)
    difference = mrml.storeDifference(scene, nodes.second, case.second)
    assert mrml.isEstimate(difference) and mrml.kindOfNode(difference) == "difference"
    np.testing.assert_allclose(voxels(difference), voxels(nodes.second) - voxels(case.second).astype(float), atol=0.01)
    display = difference.GetDisplayNode()
    assert display.GetWindowLevelMin() == -display.GetWindowLevelMax() and display.GetColorNode().GetName() == "FusionINN difference"


def test_colours_of_differences_survive_reopening(scene, case, reopened):
    mrml.storeDifference(scene, mrml.storeExact(scene, decomposed(case), case.nodes.fused)[1], case.second).SetName("difference")
    reopened()
    colors, rgba = scene.GetFirstNodeByName("difference").GetDisplayNode().GetColorNode(), [0.0] * 4
    colors.GetColor(255, rgba)
    assert colors.GetNumberOfColors() == 256 and rgba[0] > 0.8 and colors is mrml.differenceColors(scene)


# ---- running again -----------------------------------------------------------------------------------------------------------------


def test_running_again_updates_what_was_chosen_and_nothing_else(scene, case):
    mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    chosen = case.nodes.fused
    before = {node.GetID(): node.GetImageData().GetMTime() for node in volumes(scene)}
    chosen.SetName("mine")
    chosen.GetDisplayNode().SetWindowLevelMinMax(0.1, 0.2)
    fusion = pipeline.fuse(*(mrml.volumeFromNode(node) for node in (case.first, case.second)), model=case.model, device="cpu",
                           reference="first")
    nodes = mrml.storeFusion(scene, fusion, case.first, case.second, settings={}, reference="first", fusedNode=chosen)
    assert nodes.fused is chosen and nodes.latent is not case.nodes.latent and chosen.GetName() == "mine"
    assert chosen.GetDisplayNode().GetWindowLevelMax() == 0.2  # the user's
    assert chosen.GetAttribute("FusionINN.Reference") == "first"
    for identifier, time in before.items():
        assert identifier == chosen.GetID() or scene.GetNodeByID(identifier).GetImageData().GetMTime() == time
    assert nodes.latent.GetName() == "ADC + FLAIR (FusionINN latent)_1"
    again = mrml.storeFusion(scene, fusion, case.first, case.second, settings={}, reference="first", fusedNode=chosen,
                             latentNode=nodes.latent)
    assert (again.fused, again.latent) == (chosen, nodes.latent) and mrml.waysBack(chosen, model=case.model).exact


def test_an_estimate_is_not_trusted_further_than_its_fused_image(scene, addVolume):
    """The voxels are those that were written, digits and all, but nothing in the scene says that they are a fusion at all."""
    case = fuse_in(scene, "default", "plain")
    written = mrml.estimateTask(scene, case.nodes.fused, samples=1, device="cpu").run()
    bare = addVolume("somebody's image", case.fusion.fused.array, case.fusion.fused.affine)
    guess = mrml.estimateTask(scene, bare, samples=1, device="cpu").run()
    assert (written.trust, guess.trust) == (Trust.AS_WRITTEN, Trust.UNKNOWN)
    assert mrml.trustOf(guess.nodes.second) is Trust.UNKNOWN and "State of the fused image: unknown." in guess.nodes.first.GetDescription()


def test_a_foreign_node_is_never_overwritten(scene, case, addVolume):
    foreign = addVolume("somebody's scan", head(seed=5), AFFINES["plain"])
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    for inputs, outputs, words in (((case.first,), (case.first,), "input and as output"), ((), (foreign,), "did not make"),
                                   ((), (labels,), "no scalar volume"), ((), (case.nodes.fused, case.nodes.fused), "two outputs")):
        with pytest.raises(InputError, match=words):
            mrml.checkOutputs(inputs, outputs)
    sources = decomposed(case)
    for chosen, words in ((foreign, "did not make"), (case.nodes.fused, "input and as output"), (case.nodes.latent, "input"), (case.first,
                                                                                                                               "input")):
        before = voxels(chosen).copy()
        with pytest.raises(InputError, match=words):
            mrml.storeExact(scene, sources, case.nodes.fused, firstNode=chosen)
        np.testing.assert_array_equal(voxels(chosen), before)
    mrml.checkOutputs((case.first, None), (None, addVolumeNode(scene, "new"), case.nodes.fused))


def test_an_exact_node_that_becomes_an_estimate_changes_its_name(scene, case):
    first, second = mrml.storeExact(scene, decomposed(case), case.nodes.fused)
    named = addVolumeNode(scene, "my volume")
    nodes = mrml.storeEstimate(scene, estimated(case), case.nodes.fused, settings={}, outputs=mrml.EstimateNodes(first=first, second=named))
    assert nodes.first is first and first.GetName() == "ADC (FusionINN ESTIMATED)" and mrml.isEstimate(first)
    assert nodes.second is named and named.GetName() == "my volume (FusionINN ESTIMATED)"
    assert recordOf(first, "Resampled") is None


# ---- the way back: what is possible and why ----------------------------------------------------------------------------------------------


def test_reasons_are_given(scene, case, addVolume):
    ways = mrml.waysBack(case.nodes.fused, model=case.model)
    assert ways.exact and ways.exactReason.startswith("Possible") and ways.estimate and ways.estimateReason.startswith("Possible")
    assert "No fused volume" in mrml.waysBack(None).exactReason
    assert "another result (latent)" in mrml.waysBack(case.nodes.latent).exactReason
    assert "no model" in mrml.waysBack(case.nodes.fused).estimateReason  # the small one lies in a folder of the test
    assert "other weights" in mrml.waysBack(case.nodes.fused, model="default").exactReason
    other = mrml.storeFusion(scene, pipeline.fuse(mrml.volumeFromNode(case.second), mrml.volumeFromNode(case.first), model=case.model,
                                                  device="cpu"),
                             case.second, case.first, settings={})
    ways = mrml.waysBack(case.nodes.fused, other.latent, case.model)
    assert not ways.exact and "not the latent of this fusion" in ways.exactReason and ways.estimate
    slicer.util.arrayFromVolume(case.nodes.latent)[0, 0, 0] += 1
    assert "latent volume was changed" in mrml.waysBack(case.nodes.fused, model=case.model).exactReason
    scene.RemoveNode(case.nodes.latent)
    assert "not in the scene" in mrml.waysBack(case.nodes.fused, model=case.model).exactReason
    slicer.util.arrayFromVolume(case.nodes.fused)[0, 0, 0] += 1
    ways = mrml.waysBack(case.nodes.fused, model=case.model)
    assert "fused volume was changed" in ways.exactReason and ways.estimate and "was changed since" in ways.estimateReason


def test_a_damaged_record_is_refused_in_words(case):
    case.nodes.fused.SetAttribute("FusionINN.Recipe", '{"format": 1}')
    with pytest.raises(ResultError, match="damaged"):
        mrml.fusionFromNodes(case.nodes.fused)
    assert "damaged" in mrml.waysBack(case.nodes.fused).exactReason


def test_a_fused_file_from_elsewhere_is_estimated_with_its_own_record(core, scene, fused_case, tiny_model):
    """Loaded by Slicer's own reader, which knows nothing of the header's extension."""
    node = core.volumes.AddArchetypeVolume(str(fused_case / "fused/fused.nii.gz"), "fused")
    assert mrml.kindOfNode(node) is None
    stored = mrml.fusionFromNodes(node, model=tiny_model)
    assert stored.recipe.model == "tiny" and stored.recipe.sources[0].slope == 0.5
    assert stored.latent is None and stored.obstacle.reason is Reason.NO_RECORD
    guess = pipeline.estimate(stored.fused, stored.recipe, samples=2, model=tiny_model, device="cpu")
    nodes = mrml.storeEstimate(scene, guess, node, settings={})
    assert nodes.first.GetName() == "first (FusionINN ESTIMATED)" and voxels(nodes.first).shape == voxels(node).shape


def test_a_volume_that_is_no_fused_image_is_refused_and_a_bare_one_gets_a_note(scene, case, addVolume):
    with pytest.raises(InputError, match="not on the scale"):
        mrml.fusionFromNodes(case.first)
    bare = addVolume("bare", voxels(case.nodes.fused).copy(), AFFINES["lps"])
    stored = mrml.fusionFromNodes(bare, model=case.model)
    assert "Nothing in the file shows" in stored.notes[0] and stored.latent is None


def test_the_exact_way_needs_the_grid_that_was_fused(scene, case):
    sources = decomposed(case)
    cropped = addVolumeNode(scene, "cropped")
    updateVolumeNode(cropped, Volume(voxels(case.nodes.fused)[:, 4:].copy(), AFFINES["lps"], "cropped"))
    with pytest.raises(GeometryError, match="cropped has changed its geometry"):
        mrml.storeExact(scene, sources, cropped)


# ---- the subject hierarchy ---------------------------------------------------------------------------------------------------------------


def test_results_lie_in_one_folder_beside_the_reference(scene, case):
    hierarchy = subjectHierarchy(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Doe")
    study = hierarchy.CreateStudyItem(patient, "MR 1")
    flair = hierarchy.GetItemByDataNode(case.second)
    hierarchy.SetItemParent(flair, study)
    nodes = mrml.storeFusion(scene, case.fusion, case.first, case.second, settings={})
    exact = mrml.storeExact(scene, decomposed(case), nodes.fused)
    estimate = mrml.storeEstimate(scene, estimated(case), nodes.fused, settings={})
    everything = [nodes.fused, nodes.latent, *exact, *vars(estimate).values(), mrml.storeDifference(scene, exact[1], case.second)]
    parents = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in everything}
    assert len(parents) == 1 and hierarchy.GetItemParent(parents.pop()) == study
    assert {inFolder(node) for node in everything} == {"FusionINN - ADC + FLAIR"}
    # The first run's folder was beside FLAIR where it lay then, and stays.
    assert inFolder(case.nodes.fused) == "FusionINN - ADC + FLAIR" and hierarchy.GetItemParent(hierarchy.GetItemParent(
        hierarchy.GetItemByDataNode(case.nodes.fused))) == hierarchy.GetSceneItemID()


def test_a_result_that_the_user_moved_stays_there(scene, case):
    hierarchy = subjectHierarchy(scene)
    own = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "for the conference")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(case.nodes.fused), own)
    mrml.storeFusion(scene, case.fusion, case.first, case.second, settings={}, fusedNode=case.nodes.fused, latentNode=case.nodes.latent)
    assert inFolder(case.nodes.fused) == "for the conference" and inFolder(case.nodes.latent) == "FusionINN - ADC + FLAIR"


def test_the_typed_face_of_an_estimate_agrees_with_the_table():
    assert tuple(field.name for field in fields(mrml.EstimateNodes)) == tuple(image.node_field for image in ESTIMATE_IMAGES)


def test_every_reason_has_words_and_none_is_taken_for_another():
    sentences = {Obstacle(reason, "It").sentence for reason in Reason}
    assert len(sentences) == len(Reason) and all(len(sentence) > 1 for sentence in sentences)
