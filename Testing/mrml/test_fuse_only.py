"""A fusion by a method without a way back in the scene: stored, shown, measured, exported, loaded again."""
import json

import numpy as np
import pytest
import scenes
from making import AFFINES, head

from FusionINNLib import mrml
from FusionINNLib.errors import CapabilityError, FusionINNError, ResultError
from FusionINNLib.steps import finish


@pytest.fixture
def inputs(scene):
    """Two volumes on unlike grids, so that one has to be moved."""
    beside = AFFINES["oblique"].copy()
    beside[:3, 3] += 2.5
    return (scenes.add_volume(scene, "ADC", head(), beside, "um2/s"),
            scenes.add_volume(scene, "FLAIR", head(np.uint16, seed=1), AFFINES["oblique"]))


@pytest.fixture
def fused(scene, inputs):
    """What the average of both gave."""
    return mrml.fuseTask(scene, *inputs, method="average", alignment="header").run()


def test_there_is_a_fused_image_and_no_latent(scene, fused):
    assert fused.nodes.latent is None and "Average" in fused.nodes.fused.GetName()
    assert mrml.methodOf(fused.nodes.fused).name == "average"
    assert json.loads(fused.nodes.fused.GetAttribute("FusionINN.Recipe"))["method"] == "average"
    assert len(scenes.volumes(scene)) == 3
    assert scenes.inFolder(fused.nodes.fused) == "FusionINN - ADC + FLAIR"


def test_it_says_that_it_only_fuses_and_refuses_both_ways_back(scene, fused):
    ways = mrml.waysBack(fused.nodes.fused)
    assert ways.onlyFuses and not ways.exact and not ways.estimate and "only fuses" in ways.exactReason
    with pytest.raises(ResultError, match="only fuses"):
        mrml.decomposeTask(scene, fused.nodes.fused).run()
    with pytest.raises(CapabilityError, match="only fuses"):
        mrml.estimateTask(scene, fused.nodes.fused).run()
    assert len(scenes.volumes(scene)) == 3


def test_numbers_come_from_the_inputs_as_they_were_moved(scene, inputs, fused):
    rows = mrml.numbersTask(fused.nodes.fused).run()
    found = {row.key: row.value for row in rows}
    assert 0 < found["q_ssim"] <= 2
    scene.RemoveNode(inputs[0])
    with pytest.raises(ResultError, match="load the two volumes"):
        finish(mrml.numbersTask(fused.nodes.fused).read())


def test_a_result_folder_and_back(scene, fused, tmp_path):
    folder = mrml.exportTask(tmp_path / "result", fused.nodes.fused).run()
    assert {path.name for path in folder.iterdir()} == {"fused.nii.gz", "fusion.json", "report.png", "scene.json"}
    assert json.loads((folder / "fusion.json").read_text())["settings"]["method"] == "average"
    scene.Clear(1)
    loaded = mrml.loadTask(scene, folder).run()
    assert loaded.nodes.latent is None and mrml.waysBack(loaded.nodes.fused).onlyFuses
    with pytest.raises(FusionINNError):
        mrml.exportTask(tmp_path / "again", loaded.nodes.fused).run()
    assert not (tmp_path / "again").exists()


def test_fusing_into_a_volume_of_the_network_takes_its_way_back_away(scene, inputs, tiny_model):
    first = mrml.fuseTask(scene, *inputs, model=tiny_model, device="cpu", alignment="header").run().nodes
    assert mrml.waysBack(first.fused, None, tiny_model).exact
    second = mrml.fuseTask(scene, *inputs, method="maximum", alignment="header", fusedVolume=first.fused,
                           latentVolume=first.latent).run().nodes
    assert second.fused is first.fused and second.latent is None and mrml.latentOf(second.fused) is None
    assert mrml.waysBack(second.fused).onlyFuses


def test_a_saved_scene_keeps_the_method(scene, fused, reopened):
    name = fused.nodes.fused.GetName()
    reopened()
    node = scene.GetFirstNodeByName(name)
    assert mrml.methodOf(node).name == "average" and mrml.waysBack(node).onlyFuses


def test_the_layout_of_a_fuse_only_result_has_three_views():
    assert mrml.layoutXML(mrml.SOURCES_LAYOUT_ID).count("<view ") == 3 and mrml.layoutXML().count("<view ") == 6


def test_settings_of_a_method_reach_it_and_are_recorded_with_those_that_were_not_named(scene, inputs):
    from dataclasses import replace

    from FusionINNLib.methods import registry
    from FusionINNLib.methods.settings import Setting

    row = replace(registry.info("average"), name="steps", settings=(Setting("steps", 100, "of 1000", least=2), Setting("fast", True, "")))
    registry.register(row)
    try:
        task = mrml.fuseTask(scene, *inputs, method="steps", alignment="header", settings={"steps": "7"})
        assert finish(task.read())["settings"] == {"steps": "7"}
        fused = task.run()
        assert mrml.settingsOf(fused.nodes.fused)["method_settings"] == {"steps": 7, "fast": True}
    finally:
        registry.unregister("steps")
