"""docs/tutorial.md, carried out: every step by clicks on the sample case, and what each is said to give is looked at in the voxels."""
import re
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
LOWER = ("decomposedFirst", "decomposedSecond", "difference")


def voxels(node) -> np.ndarray:
    import slicer

    return slicer.util.arrayFromVolume(node).copy()


def voxelsAsWritten(node, grid) -> np.ndarray:
    """Slicer's readers turn left-handed grids over: the voxels in the order that they had before."""
    from FusionINNLib.mrml.nodes import readNode
    from FusionINNLib.registration.resampling import reordered

    return reordered(readNode(node), grid).array


def shown(view: str) -> list[str]:
    """Names of the volumes that a view of the comparison shows."""
    import slicer

    from FusionINNLib import mrml

    composite = mrml.compositeNodeOf(slicer.mrmlScene, view)
    identifiers = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
    return [slicer.mrmlScene.GetNodeByID(identifier).GetName() for identifier in identifiers if identifier]


def marked(user) -> set[str]:
    """Views with ESTIMATED in their corner."""
    return {view for view, mark in user.panel.comparison._marks.items() if mark.isShown}


def colors(segmentation) -> dict:
    segments = segmentation.GetSegmentation()
    every = [segments.GetNthSegment(n) for n in range(segments.GetNumberOfSegments())]
    return {segment.GetName(): tuple(round(part, 3) for part in segment.GetColor()) for segment in every}


def rows(table) -> dict:
    return {(table.GetCellText(n, 0), table.GetCellText(n, 1)): float(table.GetCellText(n, 2)) for n in range(table.GetNumberOfRows())}


def test_the_tutorial_from_the_first_click_to_the_scene_opened_again(panel, tmp_path, monkeypatch):
    """One long way, as a user goes it: what an early step leaves is what a later one starts from."""
    user = panel
    source = load_and_fuse(user)
    decompose_exactly(user, source)
    guess = estimate(user)
    compute_numbers(user, guess)
    folder = export(user, tmp_path, monkeypatch)
    load_into_a_new_scene(user, folder, source, monkeypatch)
    save_and_open(user, tmp_path / "scene.mrb", source)


def load_and_fuse(user) -> dict:
    """Steps 1 and 2; gives what the later steps must give back."""
    import slicer

    from FusionINNLib.mrml import nodes
    from FusionINNLib.registration.resampling import resample

    assert "Click Fuse" in user.compute("sampleButton")
    chosen = user.parameters
    first, second, segmentation = chosen.firstVolume, chosen.secondVolume, chosen.segmentation
    assert [node.GetName() for node in (first, second, segmentation)] == ["ADC (sample)", "FLAIR (sample)", "Tumor (sample)"]
    before = voxels(first), voxels(second)
    assert before[0].shape != before[1].shape, "the sample case lies on unlike grids"
    status = user.compute("fuseButton")
    assert re.search(r"The first volume was registered and resampled: moved by \d+\.\d mm on average and \d+\.\d degrees", status), status
    assert np.array_equal(voxels(first), before[0]) and np.array_equal(voxels(second), before[1]), "inputs are untouched"
    assert chosen.fusedVolume is not None and chosen.latentVolume is not None
    fused = voxels(chosen.fusedVolume)
    assert fused.shape == before[1].shape and fused.dtype == np.float32
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(chosen.fusedVolume))
    assert hierarchy.GetItemName(parent) == "FusionINN - ADC (sample) + FLAIR (sample)"
    alignment = nodes.recordOf(chosen.fusedVolume, "Alignment")
    moved = resample(nodes.readNode(first), nodes.readNode(second), np.array(alignment["reference_to_moving_ras_mm"]))
    return {"moved": moved.values, "second": before[1], "fused": fused, "colors": colors(segmentation), "grid": nodes.readNode(second)}


def decompose_exactly(user, source: dict) -> None:
    """Step 3, Exact, and what the comparison shows of it."""
    from FusionINNPanel.parameters import Method

    chosen = user.parameters
    assert chosen.method is Method.EXACT and "\u2713 Exact" in user.ui.waysLabel.text and "\u2713 Estimated" in user.ui.waysLabel.text
    assert user.compute("decomposeButton").startswith("Decomposed exactly: ")
    back = voxels(chosen.secondExact)
    assert back.dtype == source["second"].dtype and np.array_equal(back, source["second"])
    assert np.allclose(voxels(chosen.firstExact), source["moved"], atol=1e-3 * np.ptp(source["moved"])), "as it was resampled"
    assert user.panel.comparison.isShown, "the comparison comes up by itself"
    assert [shown(view) for view in ("first", "second")] == [["ADC (sample)"], ["FLAIR (sample)"]]
    assert chosen.fusedVolume.GetName() in shown("fused")
    assert [shown(view) for view in LOWER] == [[node.GetName()] for node in (chosen.firstExact, chosen.secondExact, chosen.difference)]
    assert not voxels(chosen.difference).any(), "the difference is zero"
    assert marked(user) == set()
    display = chosen.segmentation.GetDisplayNode()
    assert display.GetVisibility() and display.GetVisibility2DOutline() and not display.GetVisibility2DFill()
    assert colors(chosen.segmentation) == source["colors"] and len(set(source["colors"].values())) == 3, "segments keep their colours"


def estimate(user) -> dict:
    """Step 3, Estimated, and step 4."""
    import slicer

    from FusionINNLib import mrml
    from FusionINNPanel.parameters import Method, Reference

    chosen, scan = user.parameters, voxels(user.parameters.secondVolume).astype(np.float32)
    exact = chosen.secondExact
    chosen.method, chosen.samples = Method.ESTIMATED, 2
    status = user.compute("decomposeButton")
    assert status.startswith("ESTIMATED from the fused image alone") and "since it was written" not in status
    made = (chosen.firstEstimated, chosen.secondEstimated, chosen.firstSpread, chosen.secondSpread, chosen.cycleError)
    assert all("ESTIMATED" in node.GetName() for node in made)
    assert marked(user) == set(LOWER), "ESTIMATED in the corner of every view that shows one, and of no other"
    assert [shown(view) for view in LOWER] == [[node.GetName()] for node in (chosen.firstEstimated, chosen.secondEstimated,
                                                                             chosen.difference)]
    believed = voxels(chosen.secondEstimated)
    assert np.array_equal(voxels(exact), scan), "the exact volumes stay what they were"
    assert not np.array_equal(believed, scan)
    assert np.allclose(voxels(chosen.difference), believed - scan, atol=1e-3 * np.ptp(scan))
    chosen.differenceOf = Reference.FIRST
    user.ui.differenceOfComboBox.activated.emit(0)
    user.wait_until_idle()
    assert np.allclose(voxels(chosen.difference), voxels(chosen.firstEstimated) - voxels(chosen.firstExact).astype(np.float32),
                       atol=2e-3 * np.ptp(voxels(chosen.firstExact)))
    assert marked(user) == set(LOWER)
    user.click("jumpButton")
    middle = mrml.tumourCentroidRAS(chosen.segmentation)
    heights = [mrml.sliceNodeOf(slicer.mrmlScene, view).GetSliceToRAS().GetElement(2, 3) for view in mrml.VIEWS]
    assert np.ptp(heights) < 1e-6, "all six views move together"
    assert abs(heights[0] - middle[2]) < 10
    return {"cycle": voxels(chosen.cycleError), "spread": voxels(chosen.secondSpread)}


def compute_numbers(user, guess: dict) -> None:
    """Step 5."""
    from FusionINNLib import mrml

    status = user.compute("numbersButton")
    table = user.parameters.numbers
    assert table.GetName() in status
    assert any(text.startswith("Measuring: ") for text in user.statuses), "with progress"
    found = rows(table)
    assert {region for _, region in found} == {"whole volume", "segmentation", "10 mm margin"}
    assert all(0 < found["q_ssim", region] <= 2 for region in ("whole volume", "segmentation", "10 mm margin"))
    assert found["cycle error, largest", "whole volume"] == pytest.approx(np.abs(guess["cycle"]).max(), rel=1e-4)
    labels = mrml.segmentsForFusion(user.parameters.segmentation, user.parameters.fusedVolume).labels.array
    assert found["spread of second, mean", "segmentation"] == pytest.approx(guess["spread"][labels != 0].mean(), rel=1e-4)


def export(user, tmp_path, monkeypatch) -> Path:
    """Step 6."""
    import nibabel
    from driver import answer_folder_dialog

    chosen = user.parameters
    answer_folder_dialog(monkeypatch, tmp_path)
    status = user.compute("exportButton")
    folder, = (path for path in tmp_path.iterdir() if path.is_dir())
    assert status == f"Exported to {folder}."
    assert {path.name for path in folder.iterdir()} == {
        "fused.nii.gz", "latent.nii.gz", "fusion.json", "report.png", "scene.json", "segmentation.nii.gz", "first_exact.nii.gz",
        "second_exact.nii.gz", "first_estimated.nii.gz", "second_estimated.nii.gz", "first_spread.nii.gz", "second_spread.nii.gz",
        "cycle_error.nii.gz", "estimate.json"}
    written = np.asanyarray(nibabel.load(folder / "second_exact.nii.gz").dataobj).T
    assert np.array_equal(written, voxels(chosen.secondExact)) and written.dtype == voxels(chosen.secondExact).dtype
    assert not any(str(tmp_path) in path.read_text() for path in folder.glob("*.json"))
    return folder


def load_into_a_new_scene(user, folder: Path, source: dict, monkeypatch) -> None:
    """Load results ..., in a scene that has nothing else; exact decomposition from there."""
    import slicer
    from driver import answer_folder_dialog

    from FusionINNPanel.parameters import Method

    slicer.mrmlScene.Clear(0)
    user.choose_model()
    chosen = user.parameters
    assert chosen.fusedVolume is None and not user.ui.decomposeButton.enabled
    answer_folder_dialog(monkeypatch, folder)
    status = user.compute("loadResultButton")
    assert status == f"Loaded: {chosen.fusedVolume.GetName()}.", "nothing was left out"
    assert np.array_equal(voxels(chosen.fusedVolume), source["fused"]) and chosen.decomposedVolume is chosen.fusedVolume
    assert np.array_equal(voxels(chosen.secondExact), source["second"])
    assert "ESTIMATED" in chosen.firstEstimated.GetName()
    assert colors(chosen.segmentation) == source["colors"]
    chosen.firstExact = chosen.secondExact = None
    chosen.method = Method.EXACT
    assert user.compute("decomposeButton").startswith("Decomposed exactly: ")
    assert np.array_equal(voxels(chosen.secondExact), source["second"]) and voxels(chosen.secondExact).dtype == source["second"].dtype


def save_and_open(user, path: Path, source: dict) -> None:
    """Saving the scene (*.mrb) keeps everything too, including the exact way back."""
    import slicer

    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(path))
    chosen = user.parameters
    assert np.array_equal(voxelsAsWritten(chosen.fusedVolume, source["grid"]), source["fused"])
    assert colors(chosen.segmentation) == source["colors"]
    assert user.compute("decomposeButton").startswith("Decomposed exactly: "), user.status
    assert np.array_equal(voxelsAsWritten(chosen.secondExact, source["grid"]), source["second"])


def test_an_estimate_in_a_saved_scene_still_says_which_views_show_an_estimate(case, tmp_path):
    import slicer

    from FusionINNPanel.parameters import Method

    case.compute("fuseButton")
    case.parameters.method, case.parameters.samples = Method.ESTIMATED, 2
    case.compute("decomposeButton")
    assert marked(case) == set(LOWER)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    assert marked(case) == set()
    slicer.util.loadScene(path)
    assert case.parameters.shown == "estimated" and case.panel.comparison.isShown
    assert marked(case) == set(LOWER)


def test_the_python_of_the_tutorial_runs_as_it_stands(panel, tmp_path, monkeypatch):
    """The real network; the case is a smaller one, for time."""
    from FusionINNLib.jobs import tasks as job_tasks
    from FusionINNLib.phantom.case import LABELS, small_case

    case = small_case()
    monkeypatch.setattr(job_tasks, "sample", lambda progress: (case.first, case.second, case.segmentation, LABELS))
    code, = re.findall(r"```python\n(.*?)```", TUTORIAL, re.S)
    assert '"/folder/of/results/case1"' in code
    names: dict = {}
    exec(code.replace("/folder/of/results/case1", str(tmp_path / "case1")), names)
    assert np.array_equal(voxels(names["second"]), case.second.array)
    assert "ESTIMATED" in names["guess"].first.GetName() and voxels(names["guess"].firstSpread).max() > 0
    assert (tmp_path / "case1" / "segmentation.nii.gz").is_file()


def test_every_button_that_the_tutorial_names_is_in_the_panel(panel):
    interface = xml.etree.ElementTree.parse(ROOT / "FusionINN" / "Resources" / "UI" / "FusionINN.ui")
    texts = {(node.text or "").replace("&&", "&").strip().rstrip(":") for node in interface.iter("string")}
    said = " ".join(TUTORIAL.replace("\n>", "\n").split())
    for label in ("Load the sample case", "Install what is missing ...", "Fuse", "Cancel", "Decompose", "First volume", "Second volume",
                  "Segmentation", "Grid of results", "Method", "Difference of", "Blink", "Fused opacity", "Jump to the segmentation",
                  "Compute numbers", "Export ...", "Load results ...", "Show the comparison when a computation is done", "Set-up",
                  "Outputs", "Advanced", "Alignment", "Device", "Terms of the model", "Show model files"):
        assert label in said, f"the tutorial does not say {label}"
        assert any(text.startswith(label) for text in texts), f"the panel has no {label}"
    assert "Back to the previous layout" in said and "New volume" in said
