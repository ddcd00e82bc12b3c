"""What a case holds and what its inputs end or move along: volumes, a fusion, outlines drawn and suggested."""
from dataclasses import replace

import numpy as np
import pytest
from cases import run

from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.jobs import tasks as job_tasks
from FusionINNLib.outlining.agreement import Agreement
from FusionINNLib.outlining.records import Origin, SuggestedOutline
from FusionINNLib.phantom.case import small_case
from FusionINNLib.results.segments import Drawn, Segment, Segments, on_grid
from FusionINNLib.steps import finish
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.case import Case
from FusionINNLib.viewer.inputs import Input, read_input
from FusionINNLib.volumes.suggested import COLOR, NAME


def test_another_input_ends_the_fusion(fused, files, apart):
    run(computations.decompose(fused, **apart))
    fused.set_input("first", read_input("first", files["first"]))
    assert fused.fusion is not None and fused.exact is not None  # the very file that was fused
    run(computations.decompose(fused, **apart | {"difference_of": "first"}))
    assert fused.shown("exact", "first")["difference"] is not None
    nodes = fused.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    fused.set_input("first", read_input("first", files["second"]))
    assert fused.fusion is None and fused.exact is None and fused.alignment == {}
    assert fused.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") < nodes


def test_fused_again(fused, apart, tiny_model):
    run(computations.decompose(fused, **apart))
    run(computations.fuse(fused, alignment="auto", reference="first", method="fusioninn", model=tiny_model, device="cpu"))
    assert fused.exact is None and len(fused.said) == 0
    run(computations.decompose(fused, **apart | {"difference_of": "first"}))
    assert fused.shown("exact", "first")["difference"] is not None and fused.is_identical("exact", "first")


def test_nothing_is_left_when_cleared(views, files):
    def count() -> int:
        return views.scene.GetNumberOfNodesByClass("vtkMRMLDisplayableNode")

    before, made = count(), Case(views.scene)
    for slot, path in files.items():
        made.set_input(slot, read_input(slot, path))
    assert count() == before + 3
    made.clear()
    assert count() == before


def test_what_is_missing_is_said(views, back, apart):
    empty = Case(views.scene)
    for make in (lambda: computations.fuse(empty, alignment="auto", reference="second", method="fusioninn", **back),
                 lambda: computations.decompose(empty, **apart), lambda: computations.numbers(empty, **back)):
        with pytest.raises(InputError):
            make()


def test_an_oblique_segmentation_on_the_moved_volume_moves_along(views, tiny_model):
    """What was drawn on the volume that is registered lies where that volume lies afterwards."""
    sample = small_case()
    shift = np.eye(4)
    shift[:3, 3] = 6.0, -4.0, 3.0
    moved = [type(volume)(volume.array, shift @ volume.affine, volume.name) for volume in (sample.first, sample.segmentation)]
    case = Case(views.scene)
    case.set_input("first", Input(moved[0], "adc", "1"))
    case.set_input("second", Input(sample.second, "flair", "2"))
    case.set_input("segmentation", Input(moved[1], "tumour", "3", {label: (str(label), (1.0, 0.0, 0.0)) for label in (1, 2, 4)}))
    run(computations.fuse(case, alignment="rigid", reference="second", method="fusioninn", model=tiny_model, device="cpu"))
    given = finish(computations.numbers(case, model=tiny_model, device="cpu").task.read())
    assert isinstance(given["labels"], Drawn), "brought onto the grid by the worker, not in the event loop"
    labels = on_grid(given["labels"], given["fused"]).labels
    same = (labels.array != 0) & (sample.segmentation.array != 0)
    assert 2 * same.sum() > 0.8 * ((labels.array != 0).sum() + (sample.segmentation.array != 0).sum())
    case.clear()


def test_a_suggestion_stands_beside_a_drawn_outline_and_alone_where_there_is_none(case, monkeypatch):
    """What the network says is told in the tests of its own; here what becomes of it."""
    grid = case.inputs["second"].volume
    marks = replace(grid, array=(grid.array > np.percentile(grid.array, 99)).astype(np.uint8), name="suggested")
    segments = Segments(marks, (Segment("suggested_lesion", NAME, COLOR, 1),))
    monkeypatch.setattr(job_tasks, "suggest", lambda progress, drawn, **_: SuggestedOutline(
        segments, 41.25, None if drawn is None else Agreement(0.5, 3.0, 0.5, 0.5), ("A doubt.",), Origin("mine", "a" * 64)))
    drawn = case.nodes["segmentation"]
    said = run(computations.suggest(case, alignment="auto", reference="second", device="cpu"))
    assert said.startswith("SUGGESTED by a network, drawn by nobody: 41.2 mL.")
    assert "Dice with the drawn outline: 0.50." in said and said.endswith("A doubt.")
    assert case.nodes["segmentation"] is drawn and mrml.isSuggestion(case.suggestion)
    case.remove_segmentation()
    earlier = case.suggestion
    said = run(computations.suggest(case, alignment="auto", reference="second", device="cpu"))
    assert "Dice" not in said and case.suggestion is None and not case.scene.IsNodePresent(earlier)
    assert mrml.isSuggestion(case.nodes["segmentation"]) and case.inputs["segmentation"].labels[1][0] == NAME
    np.testing.assert_array_equal(case.inputs["segmentation"].volume.array, marks.array)
    case.set_input("first", replace(case.inputs["first"], sha256="another"))
    assert "segmentation" not in case.nodes, "it was of a volume that is gone"
