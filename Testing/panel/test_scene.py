"""The scene: saved and opened again, closed while something is computed, its parameters."""
import numpy as np


def test_saving_and_opening_brings_back_everything_including_the_exact_way(case, tmp_path):
    import slicer

    from FusionINNPanel.parameters import Alignment, Method

    case.compute("fuseButton")
    case.parameters.alignment, case.parameters.method, case.parameters.opacity = Alignment.HEADER, Method.EXACT, 0.5
    source = slicer.util.arrayFromVolume(case.parameters.secondVolume).copy()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    assert case.parameters.firstVolume is None
    slicer.util.loadScene(path)
    case.widget.enter()
    parameters = case.parameters
    assert (parameters.alignment, parameters.method, parameters.opacity) == (Alignment.HEADER, Method.EXACT, 0.5)
    assert case.ui.opacitySlider.value == 0.5
    assert parameters.firstVolume.GetName() == "adc" and parameters.fusedVolume is parameters.decomposedVolume
    assert case.compute("decomposeButton").startswith("Decomposed exactly"), case.status
    assert np.array_equal(slicer.util.arrayFromVolume(parameters.secondExact), source)


def test_closing_the_scene_stops_the_computation(case):
    import slicer

    case.click("fuseButton")
    case.wait(lambda: case.status.startswith(("Fusing", "Starting")), "it is under way")
    process = case.panel.state._run._job._process
    slicer.mrmlScene.Clear(0)
    assert not case.panel.state.isRunning
    assert process.poll() is not None
    assert case.status == "The scene was closed: the computation was stopped."
    case.wait(lambda: True, "nothing is stored afterwards")
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    case.load_small_case()
    case.choose_model()
    assert case.compute("fuseButton").startswith("Fused: ")


def test_leaving_the_module_lets_the_computation_go_on(case):
    case.click("fuseButton")
    case.widget.exit()
    case.wait_until_idle()
    assert case.parameters.fusedVolume is not None
    case.widget.enter()
    assert case.ui.decomposedVolumeSelector.currentNode() is case.parameters.fusedVolume
    assert case.ui.decomposeButton.enabled


def test_reloading_the_module_ends_the_computation_and_leaves_no_folder(case):
    case.click("fuseButton")
    job = case.panel.state._run._job
    case.widget.cleanup()
    assert job._process.poll() is not None
    assert not job._folder.exists()


def test_a_volume_removed_from_the_scene_during_the_computation_stores_nothing(case):
    import slicer
    from driver import volume_names

    case.click("fuseButton")
    slicer.mrmlScene.RemoveNode(case.parameters.firstVolume)
    case.wait_until_idle()
    assert "removed from the scene" in case.status
    assert volume_names() == ["flair"]


def test_parent_transforms_are_honored_and_carried_over(case):
    import slicer

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = np.eye(4)
    matrix[:3, 3] = 12.0, -7.0, 3.0
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    for node in (case.parameters.firstVolume, case.parameters.secondVolume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert "nothing was moved" in case.compute("fuseButton")
    assert case.parameters.fusedVolume.GetParentTransformNode() is transform


def test_a_chosen_model_folder_is_not_written_into_the_scene_and_is_found_again(case, tiny_model, tmp_path, monkeypatch):
    import shutil
    import zipfile

    import slicer
    from driver import answer_folder_dialog

    from FusionINNPanel.parameters import Method

    folder = tmp_path / "Doe_John" / "own"
    shutil.copytree(tiny_model, folder)
    answer_folder_dialog(monkeypatch, folder)
    case.parameters.model = "default"
    choose_another_folder(case)
    assert case.ui.modelComboBox.currentText.startswith("tiny (")
    assert case.compute("fuseButton").startswith("Fused: ")
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    with zipfile.ZipFile(path) as archive:
        scenes = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".mrml")]
    assert scenes and not any("Doe_John" in scene for scene in scenes)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(path))
    case.parameters.method = Method.EXACT
    assert case.compute("decomposeButton").startswith("Decomposed exactly"), case.status
    shutil.rmtree(folder)
    case.panel.refresh()
    for text in (case.ui.modelLabel.text, case.ui.decomposeButton.toolTip, case.compute("fuseButton")):
        assert "The model tiny (weights " in text and "is not on this computer" in text and "choose its folder" in text


def test_a_folder_without_a_model_is_refused_and_the_choice_stays(case, tmp_path, monkeypatch):
    from driver import answer_folder_dialog

    before = case.parameters.model
    answer_folder_dialog(monkeypatch, tmp_path)
    choose_another_folder(case)
    assert case.parameters.model == before
    assert "There is no model" in case.status


def choose_another_folder(user) -> None:
    """Advanced > Model > Another folder ..."""
    box = user.ui.modelComboBox
    box.activated.emit([box.itemData(index) for index in range(box.count)].index("<folder>"))


def test_parameters_and_outputs_are_those_of_the_table_of_images(case):
    """Names of parameters are in scenes: what the table says is what the parameter node has, each of its own."""
    from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES
    from FusionINNPanel.parameters import OUTPUTS_OF_DECOMPOSITION

    assert OUTPUTS_OF_DECOMPOSITION == ("firstExact", "secondExact", "firstEstimated", "secondEstimated", "firstSpread", "secondSpread",
                                        "cycleError", "difference", "change", "numbers", "segmentNumbers")
    case.compute("fuseButton")
    for image in EXACT_IMAGES + ESTIMATE_IMAGES:
        assert getattr(case.parameters, image.parameter) is None
    case.compute("decomposeButton")
    assert all(getattr(case.parameters, image.parameter).GetAttribute("FusionINN.Kind") == image.kind.name for image in EXACT_IMAGES)
