"""Numbers as a table, and result folders: written from the scene, read by the command line, and loaded into the scene again."""
import json
from dataclasses import replace

import numpy as np
import pytest
import slicer.util
from making import AFFINES, head
from scenes import decomposed, estimated, inFolder, volumes
from scenes import fused_case as fuse_in

from FusionINNLib import mrml, pipeline
from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.evaluation import case_metrics
from FusionINNLib.jobs import tasks
from FusionINNLib.metrics import WHOLE_KEYS, evaluate_volume
from FusionINNLib.mrml.nodes import affineOfNode, readNode
from FusionINNLib.progress import Progress
from FusionINNLib.results import scene_folder
from FusionINNLib.results.folder import read_fusion
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.io import read_segmentation, read_volume, sha256, write_nifti
from FusionINNLib.volumes.suggested import is_suggested
from FusionINNLib.volumes.volume import Volume

voxels = slicer.util.arrayFromVolume


def labels() -> np.ndarray:
    drawn = np.zeros(head().shape, np.uint8)
    drawn[2:4, 12:28, 14:30] = 2
    drawn[2:4, 16:22, 18:24] = 4
    return drawn


def tumour(scene, grid: str):
    identities = (Segment("core", "tumour core", (0.9, 0.1, 0.2), 4), Segment("oedema", "oedema", (0.0, 1.0, 0.0), 2))
    return mrml.segmentationFromLabels(scene, Segments(Volume(labels(), AFFINES[grid], "x"), identities), "tumour")


def write(export, folder, *, model: str, device: str, overwrite: bool = False) -> None:
    tasks.export(Progress(), export=export, folder=folder, overwrite=overwrite, model=model, device=device)


def everything(scene, case, grid: str = "oblique") -> dict:
    """What `exportFromNodes` takes, all of it."""
    return {"segmentationNode": tumour(scene, grid), "exactNodes": mrml.storeExact(scene, decomposed(case), case.nodes.fused),
            "estimateNodes": mrml.storeEstimate(scene, estimated(case), case.nodes.fused, settings={"samples": 3})}


# ---- result folders --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", ["oblique", "left-handed"])
def test_a_scene_goes_to_a_folder_and_back(scene, tiny_model, tmp_path, grid):
    case = fuse_in(scene, tiny_model, grid)
    chosen = everything(scene, case, grid)
    write(mrml.exportFromNodes(case.nodes.fused, **chosen), tmp_path / "out", device="cpu", model=tiny_model)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {name for name in scene_folder._own_names() if "color" not in name} - {"chroma.nii.gz"}
    record = json.loads((tmp_path / "out/estimate.json").read_text())
    assert record["fused"] == {"file": "fused.nii.gz", "sha256": sha256(tmp_path / "out/fused.nii.gz")}
    before = {node.GetName(): voxels(node).copy() for node in volumes(scene)}
    count = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    nodes, others = mrml.storeExport(scene, scene_folder.read(tmp_path / "out"))
    for name, array in before.items():
        np.testing.assert_array_equal(voxels(scene.GetFirstNodeByName(name)), array)  # what was there is as it was
    pairs = [(nodes.fused, case.nodes.fused), (nodes.latent, case.nodes.latent)]
    pairs += [(others["firstExact"], chosen["exactNodes"][0]), (others["secondExact"], chosen["exactNodes"][1])]
    pairs += [(others[name], node) for name, node in vars(chosen["estimateNodes"]).items()]
    for loaded, saved in pairs:
        assert loaded is not saved and mrml.kindOfNode(loaded) == mrml.kindOfNode(saved) and voxels(loaded).dtype == voxels(saved).dtype
        np.testing.assert_array_equal(voxels(loaded), voxels(saved))
        np.testing.assert_allclose(affineOfNode(loaded), affineOfNode(saved), atol=1e-5)
        assert mrml.unitOfNode(loaded) == mrml.unitOfNode(saved) and inFolder(loaded).startswith("FusionINN - ")
    assert mrml.settingsOf(others["first"]) == {"samples": 3} and mrml.settingsOf(others["firstExact"]) == mrml.settingsOf(nodes.fused)
    assert mrml.waysBack(nodes.fused, model=tiny_model).exact and scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == count + 1
    segments = mrml.segmentsFromNode(others["segmentation"], readNode(nodes.fused))
    np.testing.assert_array_equal(segments.labels.array, labels())
    assert [(one.name, one.label) for one in segments.segments] == [("tumour core", 4), ("oedema", 2)]
    np.testing.assert_allclose([one.color for one in segments.segments], [(0.9, 0.1, 0.2), (0, 1, 0)], atol=1e-6)


@pytest.mark.parametrize("grid", ["oblique", "left-handed"])
def test_the_command_line_reads_what_the_scene_wrote(scene, tiny_model, tmp_path, reopened, grid):
    case = fuse_in(scene, tiny_model, grid)
    sources = [mrml.volumeFromNode(node) for node in (case.first, case.second)]
    tumour(scene, grid)
    reopened()
    fused, segmentation = scene.GetFirstNodeByName("ADC + FLAIR (FusionINN fused)"), scene.GetFirstNodeByName("tumour")
    write(mrml.exportFromNodes(fused, segmentationNode=segmentation), tmp_path / "out", device="cpu", model=tiny_model)
    assert main(["decompose", str(tmp_path / "out"), "--out", str(tmp_path / "back"), "--model", tiny_model, "--device", "cpu"]) == 0
    for name, source in zip(("first", "second"), sources):
        back = read_volume(tmp_path / f"back/{name}_exact.nii.gz")
        np.testing.assert_array_equal(back.array, source.array)
        np.testing.assert_allclose(back.affine, source.affine, atol=1e-4)
    np.testing.assert_array_equal(read_segmentation(tmp_path / "out/segmentation.nii.gz").array, labels())
    stored = read_fusion(tmp_path / "out")
    assert stored.provenance["settings"] == {"model": "tiny"} and stored.provenance["inputs"]["first"]["unit"] == "um2/s"
    assert stored.provenance["inputs"]["first"]["grid"]["shape_kji"] == list(head().shape)


def test_a_suggestion_stays_one_in_the_file(scene, addVolume, tmp_path, tiny_model):
    case = fuse_in(scene, tiny_model, "lps")
    suggested = tumour(scene, "lps")
    for n in range(suggested.GetSegmentation().GetNumberOfSegments()):
        suggested.GetSegmentation().GetNthSegment(n).SetName(f"SUGGESTED lesion {n}")
    write(mrml.exportFromNodes(case.nodes.fused, segmentationNode=suggested), tmp_path / "out", device="cpu", model=tiny_model)
    assert is_suggested(read_segmentation(tmp_path / "out/segmentation.nii.gz"))
    drawn = tumour(scene, "lps")
    write(mrml.exportFromNodes(case.nodes.fused, segmentationNode=drawn), tmp_path / "drawn", device="cpu", model=tiny_model)
    assert not is_suggested(read_segmentation(tmp_path / "drawn/segmentation.nii.gz"))


def test_volumes_that_slicer_turned_over_are_written_on_one_grid(scene, tiny_model, tmp_path, reopened):
    case = fuse_in(scene, tiny_model, "left-handed")
    source = mrml.volumeFromNode(case.first)
    reopened()
    fused = scene.GetFirstNodeByName("ADC + FLAIR (FusionINN fused)")
    exact = mrml.storeExact(scene, decomposed(case, fused), fused)
    write(mrml.exportFromNodes(fused, exactNodes=exact), tmp_path / "out", device="cpu", model=tiny_model)
    back = read_volume(tmp_path / "out/first_exact.nii.gz")
    np.testing.assert_array_equal(back.array, source.array)
    np.testing.assert_allclose(back.affine, read_volume(tmp_path / "out/fused.nii.gz").affine, atol=1e-5)


def test_a_folder_of_the_command_line_loads(scene, fused_case, tiny_model):
    export = scene_folder.read(fused_case / "fused")
    nodes, others = mrml.storeExport(scene, export)
    assert others == {} and nodes.fused.GetName() == "first + second (FusionINN fused)" and mrml.inputsOf(nodes.fused) == (None, None)
    stored = mrml.fusionFromNodes(nodes.fused, model=tiny_model)
    exact = mrml.storeExact(scene, pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=tiny_model, device="cpu"),
                            nodes.fused)
    np.testing.assert_allclose(voxels(exact[0]), read_volume(fused_case / "first.nii.gz").values, atol=1e-9)  # slope 0.5, intercept -3
    assert exact[0].GetName() == "first (FusionINN exact)"


def test_sources_with_scale_factors_are_written_as_they_were_stored(scene, fused_case, tiny_model, tmp_path):
    nodes, _ = mrml.storeExport(scene, scene_folder.read(fused_case / "fused"))
    stored = mrml.fusionFromNodes(nodes.fused)
    exact = mrml.storeExact(scene, pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=tiny_model, device="cpu"),
                            nodes.fused)
    write(mrml.exportFromNodes(nodes.fused, exactNodes=exact), tmp_path / "out", device="cpu", model=tiny_model)
    ours, source = read_volume(tmp_path / "out/first_exact.nii.gz"), read_volume(fused_case / "first.nii.gz")
    assert (ours.slope, ours.intercept, ours.array.dtype) == (source.slope, source.intercept, source.array.dtype)
    np.testing.assert_array_equal(ours.array, source.array)


def test_nothing_personal_is_written(scene, addVolume, tiny_model, tmp_path):
    secret = tmp_path / "Doe_John_19700101"
    secret.mkdir()
    case = fuse_in(scene, tiny_model, "lps")
    for node in (case.first, case.second):
        node.AddDefaultStorageNode()
        path = secret / f"{node.GetName()}.nrrd"
        node.GetStorageNode().SetFileName(str(path))
        assert node.GetStorageNode().WriteData(node)
    nodes = mrml.storeFusion(scene, case.fusion, case.first, case.second, settings={})
    write(mrml.exportFromNodes(nodes.fused, segmentationNode=tumour(scene, "lps")), tmp_path / "out", device="cpu",
                       model=tiny_model)
    provenance = json.loads((tmp_path / "out/fusion.json").read_text())
    assert provenance["inputs"]["first"]["file"] == "ADC.nrrd" and len(provenance["inputs"]["first"]["sha256"]) == 64
    assert provenance["inputs"]["first"]["sha256"] == sha256(secret / "ADC.nrrd")
    for name in ("fusion.json", "scene.json"):
        assert "Doe" not in (tmp_path / "out" / name).read_text() and str(tmp_path) not in (tmp_path / "out" / name).read_text()


def test_what_does_not_belong_together_is_not_exported(scene, case, tmp_path):
    chosen = everything(scene, case)
    swapped = pipeline.fuse(mrml.volumeFromNode(case.second), mrml.volumeFromNode(case.first), model=case.model, device="cpu")
    other = mrml.storeFusion(scene, swapped, case.second, case.first, settings={})
    with pytest.raises(ResultError, match="not the latent of this fusion"):
        mrml.exportFromNodes(case.nodes.fused, other.latent)
    with pytest.raises(ResultError, match="from another fusion"):
        mrml.exportFromNodes(other.fused, exactNodes=chosen["exactNodes"])
    with pytest.raises(InputError, match="no exact decomposition"):
        mrml.exportFromNodes(case.nodes.fused, exactNodes=(chosen["estimateNodes"].first, chosen["exactNodes"][1]))
    voxels(chosen["exactNodes"][0])[2, 20, 20] += 1
    with pytest.raises(ResultError, match="changed since it was decomposed"):
        mrml.exportFromNodes(case.nodes.fused, exactNodes=chosen["exactNodes"])


def test_a_changed_file_beside_the_fusion_is_left_out(scene, case, tmp_path):
    write(mrml.exportFromNodes(case.nodes.fused, **everything(scene, case)), tmp_path / "out", device="cpu", model=case.model)
    write_nifti(read_volume(tmp_path / "out/second_exact.nii.gz"), tmp_path / "out/first_exact.nii.gz")
    (tmp_path / "out/segmentation.nii.gz").unlink()
    export = scene_folder.read(tmp_path / "out")
    assert export.exact is None and export.segments is None and export.estimate is not None
    assert len(export.notes) == 2 and "first_exact.nii.gz" in export.notes[0]
    (tmp_path / "out/scene.json").write_text("{")
    assert "damaged" in scene_folder.read(tmp_path / "out").notes[0]
    (tmp_path / "out/latent.nii.gz").unlink()
    with pytest.raises(ResultError, match="latent.nii.gz is missing"):
        scene_folder.read(tmp_path / "out")


def test_what_an_estimate_warns_of_goes_with_it(scene, case, tmp_path):
    warned = replace(estimated(case), warnings=("2 of 6 slices were changed.",), trust=Trust.DAMAGED)
    nodes = mrml.storeEstimate(scene, warned, case.nodes.fused, settings={"samples": 3})
    assert mrml.warningsOf(nodes.first) == mrml.warningsOf(nodes.cycleError) == warned.warnings
    assert nodes.first.GetDescription().endswith("2 of 6 slices were changed.") and "ESTIMATED" in nodes.first.GetDescription()
    again = mrml.storeEstimate(scene, estimated(case), case.nodes.fused, settings={"samples": 3}, outputs=nodes)
    assert again.first is nodes.first and mrml.warningsOf(again.first) == () and "changed" not in again.first.GetDescription()
    nodes = mrml.storeEstimate(scene, warned, case.nodes.fused, settings={"samples": 3}, outputs=nodes)
    write(mrml.exportFromNodes(case.nodes.fused, estimateNodes=nodes), tmp_path / "out", device="cpu", model=case.model)
    record = json.loads((tmp_path / "out/estimate.json").read_text())
    assert record["warnings"] == list(warned.warnings) and record["settings"] == {"samples": 3} and record["state"] == "damaged"
    export = scene_folder.read(tmp_path / "out")
    assert export.notes == warned.warnings  # said to who loads the folder
    _, others = mrml.storeExport(scene, export)
    assert mrml.warningsOf(others["second"]) == warned.warnings and mrml.trustOf(others["second"]) is Trust.DAMAGED


def test_a_record_of_an_estimate_that_is_none_is_done_without(scene, case, tmp_path):
    write(mrml.exportFromNodes(case.nodes.fused, **everything(scene, case)), tmp_path / "out", device="cpu", model=case.model)
    listing = json.loads((tmp_path / "out/scene.json").read_text())
    for text in ("[]", "{", '{"settings": 3, "warnings": []}'):
        (tmp_path / "out/estimate.json").write_text(text)
        listing["files"]["estimate.json"] = sha256(tmp_path / "out/estimate.json")
        (tmp_path / "out/scene.json").write_text(json.dumps(listing))
        export = scene_folder.read(tmp_path / "out")
        assert export.estimate is not None and export.estimate_trust is Trust.UNKNOWN
        assert (export.estimate_settings, export.estimate_warnings) == ({}, ())


def test_a_folder_with_something_else_in_it_is_left_alone(scene, case, tmp_path):
    export = mrml.exportFromNodes(case.nodes.fused)
    (tmp_path / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ResultError):
            write(export, tmp_path, overwrite=overwrite, device="cpu", model=case.model)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    write(export, tmp_path / "out", device="cpu", model=case.model)
    write(export, tmp_path / "out", overwrite=True, device="cpu", model=case.model)


# ---- numbers ---------------------------------------------------------------------------------------------------------------------


def test_the_numbers_of_a_fusion_are_the_published_ones(scene, case):
    stored = mrml.fusionFromNodes(case.nodes.fused)
    sources = decomposed(case)
    segments = mrml.segmentsForFusion(tumour(scene, "oblique"), case.nodes.fused, stored.fused)
    rows = case_metrics.fusion_rows(sources, stored.fused, stored.recipe, segments.labels)
    maps = [record.normalization(0) for record in stored.recipe.sources]
    images = [np.clip(image, -0.5, 1.5) for image in (*(m.apply(s.array) for m, s in zip(maps, sources)), stored.fused.array)]
    expected = evaluate_volume(*images, labels() != 0).volume
    found = {(row.measure, row.region): row.value for row in rows}
    for key in WHOLE_KEYS:
        np.testing.assert_equal(found[key, "whole volume"], expected[key])
    assert found["q_ssim", "segmentation"] == expected["q_ssim_masked"]
    assert np.isfinite(found["q_p", "10 mm margin"]) and found["q_p", "10 mm margin"] != found["q_p", "segmentation"]


def test_labels_are_turned_to_the_volumes_that_are_measured(scene, case):
    guess, drawn = estimated(case), Volume(labels(), AFFINES["oblique"], "x")
    affine = drawn.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (len(drawn.array) - 1)
    affine[:3, 2] *= -1
    assert case_metrics.estimate_rows(guess, Volume(drawn.array[::-1], affine, "x")) == case_metrics.estimate_rows(guess, drawn)
    with pytest.raises(InputError, match="another grid"):
        case_metrics.estimate_rows(guess, Volume(labels(), AFFINES["plain"], "x"))


def test_the_margin_is_as_wide_as_it_says():
    drawn = np.zeros((9, 30, 31), np.uint8)
    drawn[4, 15, 15] = 1
    volume = Volume(drawn, np.diag([1.0, 2.0, 4.0, 1.0]), "x")
    (_, inside), (name, margin) = case_metrics.regions(volume, 6.0)
    k, j, i = (np.arange(size) - centre for size, centre in zip(drawn.shape, (4, 15, 15)))
    distance = np.sqrt((4 * k[:, None, None]) ** 2 + (2 * j[:, None]) ** 2 + i ** 2)
    np.testing.assert_array_equal(margin, (distance <= 6) & (drawn == 0))
    assert name == "6 mm margin" and inside.sum() == 1 and case_metrics.regions(None) == [] == case_metrics.regions(Volume(drawn * 0,
                                                                                                                           np.eye(4), "x"))


def test_numbers_become_a_table_that_is_updated(scene, case, reopened):
    guess = estimated(case)
    rows = case_metrics.estimate_rows(guess, Volume(labels(), AFFINES["oblique"], "x"))
    assert [row.region for row in rows][::6] == ["whole volume", "segmentation", "10 mm margin"]
    inside = np.abs(guess.first_spread.array[labels() != 0])
    assert rows[6].measure == "spread of first, mean" and rows[6].unit == "um2/s" and rows[6].value == pytest.approx(inside.mean())
    node = mrml.storeNumbers(scene, rows, case.nodes.fused)
    assert inFolder(node) == inFolder(case.nodes.fused) and mrml.kindOfNode(node) == "numbers"
    assert mrml.storeNumbers(scene, rows[:3], case.nodes.fused, tableNode=node) is node and node.GetNumberOfRows() == 3
    foreign = scene.AddNewNodeByClass("vtkMRMLTableNode", "mine")
    foreign.AddColumn()
    with pytest.raises(InputError, match="did not make"):
        mrml.storeNumbers(scene, rows, case.nodes.fused, tableNode=foreign)
    node.SetName("numbers")
    reopened()
    node = scene.GetFirstNodeByName("numbers")
    assert [node.GetCellText(0, column) for column in range(4)][:2] == ["spread of first, mean", "whole volume"]
    assert float(node.GetTable().GetValue(0, 2).ToDouble()) == pytest.approx(rows[0].value, rel=1e-5)  # Slicer's own digits
