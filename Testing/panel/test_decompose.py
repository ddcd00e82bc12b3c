"""Both ways back, the comparison, numbers, export and loading again."""
from dataclasses import replace

import numpy as np
import pytest


@pytest.fixture
def fused(case):
    assert case.compute("fuseButton").startswith("Fused: ")
    return case


def test_exact_gives_back_every_voxel(fused):
    import slicer

    parameters = fused.parameters
    assert "Exact: " in fused.ui.waysLabel.text and "\u2713" in fused.ui.waysLabel.text
    status = fused.compute("decomposeButton")
    assert status.startswith("Decomposed exactly: ")
    for back, source in ((parameters.firstExact, parameters.firstVolume), (parameters.secondExact, parameters.secondVolume)):
        there, here = slicer.util.arrayFromVolume(source), slicer.util.arrayFromVolume(back)
        assert here.dtype == there.dtype and np.array_equal(here, there)


def test_an_estimate_says_everywhere_that_it_is_one(fused):
    from FusionINNPanel.parameters import Method

    fused.parameters.method, fused.parameters.samples = Method.ESTIMATED, 2
    status = fused.compute("decomposeButton")
    parameters = fused.parameters
    assert "ESTIMATED" in status and "not a scan" in status
    for node in (parameters.firstEstimated, parameters.secondEstimated, parameters.firstSpread, parameters.secondSpread):
        assert "ESTIMATED" in node.GetName().upper()
    assert any(text.startswith("Estimating: slice ") for text in fused.statuses)


def test_what_an_estimate_warns_of_is_told(fused, monkeypatch):
    from FusionINNLib.jobs import tasks as job_tasks
    from FusionINNPanel.parameters import Method

    fused.parameters.method, fused.parameters.samples = Method.ESTIMATED, 2
    whole = job_tasks.estimate
    monkeypatch.setattr(job_tasks, "estimate", lambda *place, **given: replace(whole(*place, **given), warnings=("It was changed.",)))
    actions = fused.panel.actions
    actions._onEstimated(actions._decomposition(fused.parameters).run())
    assert "not a scan" in fused.status and fused.status.endswith("State of the fused image: unknown. It was changed.")


def test_an_estimate_of_a_changed_fused_volume_keeps_saying_so(fused):
    """Also when the change is undone later, and the volumes are exported beside the fused image as it was."""
    import slicer

    from FusionINNLib import mrml
    from FusionINNPanel.parameters import Method

    fused.parameters.method, fused.parameters.samples = Method.ESTIMATED, 2
    slicer.util.arrayFromVolume(fused.parameters.decomposedVolume)[2, 20, 20] += 0.5
    actions = fused.panel.actions
    actions._onEstimated(actions._decomposition(fused.parameters).run())
    assert "was changed since it was fused" in fused.status
    assert any("was changed since it was fused" in sentence for sentence in mrml.warningsOf(fused.parameters.firstEstimated))


def test_without_the_latent_image_only_an_estimate_is_possible_and_the_panel_says_why(fused):
    import slicer

    from FusionINNPanel.parameters import Method

    slicer.mrmlScene.RemoveNode(fused.parameters.latentVolume)
    fused.panel.refresh()
    assert not fused.ui.decomposeButton.enabled
    assert "latent" in fused.ui.decomposeButton.toolTip
    fused.parameters.method = Method.ESTIMATED
    assert fused.ui.decomposeButton.enabled


def test_decomposing_another_fused_image_leaves_the_first_results_alone(fused):
    import slicer

    fused.compute("decomposeButton")
    kept = fused.parameters.firstExact
    fused.ui.fusedVolumeSelector.setCurrentNode(None)
    fused.ui.latentVolumeSelector.setCurrentNode(None)
    fused.compute("fuseButton")
    fused.compute("decomposeButton")
    assert fused.parameters.firstExact is not kept
    assert slicer.mrmlScene.IsNodePresent(kept)


def test_the_comparison_shows_everything_and_goes_back_with_one_click(fused):
    import slicer

    from FusionINNLib import mrml

    layouts = slicer.app.layoutManager()
    assert layouts.layout == mrml.LAYOUT_ID
    fused.compute("decomposeButton")
    parameters, shown = fused.parameters, {}
    for view in mrml.VIEWS:
        composite = layouts.sliceWidget(mrml.viewName(view)).sliceLogic().GetSliceCompositeNode()
        shown[view] = {composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()}
    assert parameters.firstVolume.GetID() in shown["first"]
    assert parameters.fusedVolume.GetID() in shown["fused"]
    assert parameters.firstExact.GetID() in shown["decomposedFirst"]
    assert parameters.difference.GetID() in shown["difference"]
    assert fused.ui.layoutButton.text == "Back to the previous layout"
    fused.click("layoutButton")
    assert layouts.layout != mrml.LAYOUT_ID
    assert fused.ui.layoutButton.text == "Show the comparison"


def test_opacity_blink_and_jump(fused):
    import slicer

    from FusionINNLib import mrml

    fused.ui.opacitySlider.value = 0.25
    assert mrml.fusedOpacity(slicer.mrmlScene) == pytest.approx(0.25)
    view = slicer.app.layoutManager().sliceWidget(mrml.viewName("fused")).sliceLogic()
    before = view.GetSliceCompositeNode().GetBackgroundVolumeID(), view.GetSliceCompositeNode().GetForegroundVolumeID()
    fused.click("blinkButton")
    seen = set()

    def both_seen() -> bool:
        seen.add((view.GetSliceCompositeNode().GetBackgroundVolumeID(), view.GetSliceCompositeNode().GetForegroundVolumeID()))
        return len(seen) >= 2

    fused.wait(both_seen, "the view has shown two volumes")
    fused.click("blinkButton")
    assert (view.GetSliceCompositeNode().GetBackgroundVolumeID(), view.GetSliceCompositeNode().GetForegroundVolumeID()) == before
    fused.click("jumpButton")
    center = mrml.tumourCentroidRAS(fused.parameters.segmentation)
    offset = view.GetSliceNode().GetSliceToRAS().GetElement(2, 3)
    assert abs(offset - center[2]) < 7


def test_numbers_as_a_table(fused):
    status = fused.compute("numbersButton")
    table = fused.parameters.numbers
    assert table.GetName() in status
    assert table.GetNumberOfRows() > 10


def test_numbers_of_an_estimate_and_export_of_everything(fused, tmp_path, monkeypatch):
    import slicer
    from driver import answer_folder_dialog

    from FusionINNPanel.parameters import Method

    fused.parameters.method, fused.parameters.samples = Method.ESTIMATED, 2
    fused.compute("decomposeButton")
    fused.compute("numbersButton")
    table = fused.parameters.numbers
    measures = {table.GetCellText(row, 0).lower() for row in range(table.GetNumberOfRows())}
    assert any("spread" in name for name in measures) and any("cycle" in name for name in measures)
    answer_folder_dialog(monkeypatch, tmp_path)
    assert fused.compute("exportButton").startswith("Exported to ")
    folder, = (path for path in tmp_path.iterdir() if path.is_dir())
    slicer.mrmlScene.Clear(0)
    fused.choose_model()
    answer_folder_dialog(monkeypatch, folder)
    assert fused.compute("loadResultButton").startswith("Loaded: ")
    assert "ESTIMATED" in fused.parameters.firstEstimated.GetName().upper()
    assert fused.parameters.segmentation.GetSegmentation().GetNumberOfSegments() == 3
    assert fused.compute("exportButton").startswith("Exported to "), "a second export takes a folder of its own"


def test_export_and_load_again(fused, tmp_path, monkeypatch):
    import slicer
    from driver import answer_folder_dialog

    fused.compute("decomposeButton")
    answer_folder_dialog(monkeypatch, tmp_path)
    status = fused.compute("exportButton")
    folder, = (path for path in tmp_path.iterdir() if path.is_dir())
    assert str(folder) in status
    assert {"fused.nii.gz", "latent.nii.gz", "fusion.json"} <= {path.name for path in folder.rglob("*")}
    before = slicer.util.arrayFromVolume(fused.parameters.fusedVolume).copy()
    slicer.mrmlScene.Clear(0)
    fused.choose_model()
    answer_folder_dialog(monkeypatch, folder)
    assert fused.compute("loadResultButton").startswith("Loaded: ")
    assert np.array_equal(slicer.util.arrayFromVolume(fused.parameters.decomposedVolume), before)
    assert fused.ui.decomposeButton.enabled, fused.ui.decomposeButton.toolTip
    assert fused.compute("decomposeButton").startswith("Decomposed exactly")


def test_dicom_series_of_all_images_without_the_patient(fused, tmp_path, monkeypatch):
    from driver import answer_folder_dialog
    from pydicom import dcmread

    fused.compute("decomposeButton")
    answer_folder_dialog(monkeypatch, tmp_path)
    assert fused.compute("exportDicomButton").startswith("Exported to ")
    folder, = (path for path in tmp_path.iterdir() if path.is_dir())
    assert folder.name.endswith("_DICOM") and {path.name for path in folder.iterdir()} == {"fused", "first_exact", "second_exact"}
    assert dcmread(next((folder / "fused").iterdir()), stop_before_pixels=True).PatientName == "Anonymous"


def test_what_is_left_out_of_a_damaged_folder_is_said(fused, tmp_path, monkeypatch):
    from driver import answer_folder_dialog

    fused.compute("decomposeButton")
    answer_folder_dialog(monkeypatch, tmp_path)
    fused.compute("exportButton")
    folder, = (path for path in tmp_path.iterdir() if path.is_dir())
    spoiled = next(folder.rglob("first_exact.nii.gz"))
    spoiled.unlink()
    answer_folder_dialog(monkeypatch, folder)
    status = fused.compute("loadResultButton")
    assert "first_exact.nii.gz is missing or was changed" in status and status.startswith("Loaded: ")
    assert fused.ui.statusLabel.text == status, "it stays on the panel"


def test_the_comparison_is_fitted_again_when_its_views_have_their_size(fused, monkeypatch):
    from FusionINNLib import mrml

    orient, turned = mrml.orientViews, []
    monkeypatch.setattr(mrml, "orientViews", lambda scene, node: turned.append(node) or orient(scene, node))
    fused.panel.comparison.hide()
    fused.panel.comparison.show(fused.parameters)
    fused.wait(lambda: turned, "the views are fitted once more")
    assert turned[-1] is fused.parameters.fusedVolume


def test_a_decomposition_leaves_the_views_where_the_user_put_them(fused):
    import slicer

    from FusionINNLib import mrml

    def place() -> list:
        node = mrml.sliceNodeOf(slicer.mrmlScene, "second")
        return [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)] + list(node.GetFieldOfView())

    fused.wait(lambda: True, "the views have their size")
    before = place()
    fused.click("jumpButton")
    mrml.sliceNodeOf(slicer.mrmlScene, "second").SetFieldOfView(50, 50, 1)
    put = place()
    assert put != before
    fused.compute("decomposeButton")
    assert place() == put


def test_a_jump_without_the_comparison_shows_it(fused):
    import slicer

    from FusionINNLib import mrml

    def point() -> list:
        return [mrml.sliceNodeOf(slicer.mrmlScene, "second").GetSliceToRAS().GetElement(row, 3) for row in range(3)]

    fused.click("jumpButton")
    aim = point()
    fused.click("layoutButton")
    assert not fused.panel.comparison.isShown
    fused.click("jumpButton")
    assert fused.panel.comparison.isShown and fused.ui.layoutButton.text.startswith("Back")
    for _ in range(3):
        fused.wait(lambda: True, "what waits for the views is done")
    assert point() == aim


def test_the_difference_is_that_of_the_chosen_source(fused):
    import slicer

    from FusionINNPanel.parameters import Method, Reference

    fused.parameters.method, fused.parameters.samples = Method.ESTIMATED, 2
    fused.compute("decomposeButton")
    parameters = fused.parameters
    for reference, estimated, source in ((Reference.SECOND, parameters.secondEstimated, parameters.secondVolume),
                                         (Reference.FIRST, parameters.firstEstimated, parameters.firstVolume)):
        parameters.differenceOf = reference
        fused.ui.differenceOfComboBox.activated.emit(0)
        fused.wait_until_idle()
        expected = slicer.util.arrayFromVolume(estimated).astype(np.float64) - slicer.util.arrayFromVolume(source)
        assert np.allclose(slicer.util.arrayFromVolume(parameters.difference), expected, atol=1e-2)


def test_decompositions_from_before_the_last_fusion_are_not_exported(fused, tmp_path, monkeypatch):
    from driver import answer_folder_dialog

    fused.compute("decomposeButton")
    parameters = fused.parameters
    parameters.firstVolume, parameters.secondVolume = parameters.secondVolume, parameters.firstVolume
    assert fused.compute("fuseButton").startswith("Fused: ")
    answer_folder_dialog(monkeypatch, tmp_path)
    assert fused.compute("exportButton").startswith("Exported to ")
    assert not [path.name for path in tmp_path.rglob("*exact*")]
