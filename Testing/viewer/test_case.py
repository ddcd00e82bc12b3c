"""One case in the scene and how it is looked at, on trame-slicer's own views, without a browser."""
import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from trame.app import get_server

from FusionINNLib import mrml
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.jobs import tasks as job_tasks
from FusionINNLib.mrml.nodes import voxelsOfNode
from FusionINNLib.outlining.agreement import Agreement
from FusionINNLib.outlining.records import SuggestedOutline
from FusionINNLib.phantom.case import small_case
from FusionINNLib.results.scene_folder import read
from FusionINNLib.results.segments import Drawn, Segment, Segments, on_grid
from FusionINNLib.results.trust import Trust
from FusionINNLib.steps import finish
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.case import Case
from FusionINNLib.viewer.display import Look
from FusionINNLib.viewer.inputs import Input, read_input
from FusionINNLib.viewer.state import INITIAL
from FusionINNLib.viewer.trame_views import SliceViews
from FusionINNLib.viewer.view_events import ViewEvents
from FusionINNLib.volumes.suggested import COLOR, NAME


def run(computation: computations.Computation) -> str:
    """Do it here and now."""
    return computation.keep(computation.task.run())


class Recorder:
    """Who listens to the views: what the pointer did over them."""

    def __init__(self):
        self.drawn: list[tuple[str, float, float]] = []

    def fit_soon(self) -> None:
        pass

    def draw_window(self, *drawn) -> None:
        self.drawn.append(drawn)


EVENTS = ViewEvents()


@pytest.fixture(scope="module")
def views():
    """The six views; made in an event loop, as trame wants it."""
    async def make():
        return SliceViews(get_server("test_case"), lambda view: None, EVENTS)

    return asyncio.run(make())


@pytest.fixture
def case(views, files):
    """Two volumes and a segmentation, not fused."""
    made = Case(views.scene)
    for slot, path in files.items():
        made.setInput(slot, read_input(slot, path))
    yield made
    made.clear()
    made.removeSegmentation()


@pytest.fixture
def fused(case, tiny_model):
    """The same, fused."""
    run(computations.fuse(case, alignment="auto", reference="second", method="fusioninn", model=tiny_model, device="cpu"))
    return case


@pytest.fixture
def back(tiny_model):
    """Choices for the numbers and for export."""
    return {"model": tiny_model, "device": "cpu"}


@pytest.fixture
def apart(back):
    """Choices for the ways back."""
    return back | {"difference_of": "second"}


def test_exact_is_identical(fused, apart):
    run(computations.decompose(fused, **apart))
    assert not fused.lacksDifference("exact", "second") and fused.lacksDifference("exact", "first")
    run(computations.difference(fused, "exact", "first"))
    for difference_of in ("first", "second"):
        assert fused.shown("exact", difference_of)["difference"] is not None and fused.isIdentical("exact", difference_of)
    assert fused.shown("estimated", "second")["difference"] is None


def test_estimates_are_marked(fused, look, apart):
    run(computations.decompose(fused, **apart))
    look.update()
    assert not any(look.estimated.values())
    run(computations.estimate(fused, samples=2, seed=0, **apart))
    look.method = "estimated"
    look.update()
    assert {view for view, estimated in look.estimated.items() if estimated} == {"decomposedFirst", "decomposedSecond", "difference"}


def test_what_an_estimate_warns_of_is_told(fused, apart, monkeypatch):
    whole = job_tasks.estimate
    monkeypatch.setattr(job_tasks, "estimate", lambda *place, **given: replace(whole(*place, **given), warnings=("It was changed.",),
                                                                                         trust=Trust.DAMAGED))
    assert run(computations.estimate(fused, samples=1, seed=0, **apart)).endswith(
        "not a scan. State of the fused image: damaged. It was changed.")


def test_an_estimate_of_a_changed_fused_volume_keeps_saying_so(fused, apart):
    voxelsOfNode(fused.fusion.fused)[2, 20, 20] += 0.5
    assert "was changed since it was fused" in run(computations.estimate(fused, samples=1, seed=0, **apart))
    assert any("was changed since it was fused" in sentence for sentence in mrml.warningsOf(fused.estimate.first))


def test_a_new_estimate_has_a_new_difference(fused, apart):
    run(computations.estimate(fused, samples=1, seed=0, **apart))
    one = np.array(voxelsOfNode(fused.shown("estimated", "second")["difference"]))
    run(computations.estimate(fused, samples=1, seed=1, **apart))
    assert (one != voxelsOfNode(fused.shown("estimated", "second")["difference"])).any()


@pytest.fixture
def look(views, case):
    """The case on screen."""
    shown = Look(views, case)
    shown.update()
    yield shown
    shown.close()


def test_another_input_ends_the_fusion(fused, files, apart):
    run(computations.decompose(fused, **apart))
    fused.setInput("first", read_input("first", files["first"]))
    assert fused.fusion is not None and fused.exact is not None  # the very file that was fused
    run(computations.decompose(fused, **apart | {"difference_of": "first"}))
    assert fused.shown("exact", "first")["difference"] is not None
    nodes = fused.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    fused.setInput("first", read_input("first", files["second"]))
    assert fused.fusion is None and fused.exact is None and fused.alignment == {}
    assert fused.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") < nodes


def test_fused_again(fused, apart, tiny_model):
    run(computations.decompose(fused, **apart))
    run(computations.fuse(fused, alignment="auto", reference="first", method="fusioninn", model=tiny_model, device="cpu"))
    assert fused.exact is None and len(fused.said) == 0
    run(computations.decompose(fused, **apart | {"difference_of": "first"}))
    assert fused.shown("exact", "first")["difference"] is not None and fused.isIdentical("exact", "first")


def test_nothing_is_left_when_cleared(views, files):
    def count() -> int:
        return views.scene.GetNumberOfNodesByClass("vtkMRMLDisplayableNode")

    before, made = count(), Case(views.scene)
    for slot, path in files.items():
        made.setInput(slot, read_input(slot, path))
    assert count() == before + 3
    made.clear()
    assert count() == before


def test_numbers_of_regions_and_estimate(fused, back, apart):
    run(computations.numbers(fused, **back))
    assert {row.region for row in fused.rows} == {"whole volume", "segmentation", "10 mm margin"} and fused.estimateRows == ()
    run(computations.estimate(fused, samples=2, seed=0, **apart))
    run(computations.numbers(fused, **back))
    assert {row.measure.split()[0] for row in fused.estimateRows} == {"spread", "cycle"}
    fused.removeSegmentation()
    assert fused.rows == ()


def test_a_result_folder_and_back(fused, back, apart, tmp_path, views, files):
    run(computations.decompose(fused, **apart))
    run(computations.export(fused, tmp_path / "result", **back))
    record = json.loads((tmp_path / "result/fusion.json").read_text())
    assert [record["inputs"][role]["file"] for role in ("first", "second")] == ["adc.nii.gz", "flair.nii.gz"]
    assert read(tmp_path / "result").segments is not None

    alone = Case(views.scene)
    run(computations.load(alone, tmp_path / "result"))
    assert alone.exact is not None and alone.shown("exact", "second")["difference"] is None and "segmentation" in alone.nodes
    alone.setInput("second", read_input("second", files["second"]))
    run(computations.difference(alone, "exact", "second"))
    assert alone.shown("exact", "second")["difference"] is not None and alone.isIdentical("exact", "second")
    alone.clear()

    swapped = Case(views.scene)
    swapped.setInput("first", read_input("first", files["second"]))
    with pytest.raises(ResultError, match="is not the file that this result was fused from"):
        run(computations.load(swapped, tmp_path / "result"))
    assert swapped.fusion is None and "first" in swapped.nodes
    swapped.clear()


def test_what_is_missing_is_said(views, back, apart):
    empty = Case(views.scene)
    for make in (lambda: computations.fuse(empty, alignment="auto", reference="second", method="fusioninn", **back),
                 lambda: computations.decompose(empty, **apart), lambda: computations.numbers(empty, **back)):
        with pytest.raises(InputError):
            make()


# ---- looking ---------------------------------------------------------------------------------------------------------------------------


def test_the_slice_stays_when_the_plane_changes(look):
    assert look.plane == "Axial" and look.where()["words"].endswith("mm")
    look.step(3)
    here = look.where()["words"]
    look.setPlane("Coronal")
    assert look.where()["edges"] == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
    look.step(-2)
    look.setPlane("Axial")
    assert look.where()["words"] == here
    look.fit()
    assert look.where()["words"] == here


def test_steps_end_where_the_volume_does(look):
    look.step(1000)
    assert look.where()["words"].startswith("slice 24 of 24")
    look.step(-1000)
    assert look.where()["words"].startswith("slice 1 of 24")


def test_a_source_and_its_decomposition_share_a_window(fused, look, apart):
    run(computations.decompose(fused, **apart))
    look.update()
    first = look.window("first")
    look.setWindow("first", 10.0, 500.0)
    assert all((look.window(view)["low"], look.window(view)["high"]) == (10.0, 500.0) for view in ("first", "decomposedFirst"))
    look.resetWindow("first")
    assert look.window("first") == first == look.window("decomposedFirst") | {key: first[key] for key in ("least", "most")}


def test_the_pointer_is_followed_while_the_left_button_is_held(views):
    recorder = Recorder()
    EVENTS.tell(recorder)
    pointer = views.renderer("second").GetRenderWindow().GetInteractor()
    side = min(pointer.GetSize())
    for event, x, y in (("MouseMoveEvent", 5, 5), ("LeftButtonPressEvent", 10, 10), ("MouseMoveEvent", 20, 5), ("MouseMoveEvent", 20, 5),
                        ("MouseMoveEvent", 22, 9), ("LeftButtonReleaseEvent", 22, 9), ("MouseMoveEvent", 90, 90),
                        ("RightButtonPressEvent", 90, 90), ("MouseMoveEvent", 95, 90), ("RightButtonReleaseEvent", 95, 90)):
        pointer.SetEventPosition(x, y)
        pointer.InvokeEvent(event)
    assert recorder.drawn == [("second", 10 / side, -5 / side), ("second", 2 / side, 4 / side)]


def test_the_window_is_drawn_as_in_slicer(fused, look, apart):
    """To the right wider, upwards higher; a decomposition by its source; never inside out, never away from the values."""
    run(computations.decompose(fused, **apart))
    look.update()
    first, second = look.window("first"), look.window("second")
    span = first["most"] - first["least"]
    assert look.drawWindow("decomposedFirst", 0.1, 0.05) == "first"
    drawn = look.window("first")
    assert drawn["high"] - drawn["low"] == pytest.approx(first["high"] - first["low"] + 0.1 * span)
    assert drawn["high"] + drawn["low"] == pytest.approx(first["high"] + first["low"] + 0.1 * span)
    assert look.window("decomposedFirst")["high"] == drawn["high"] and look.window("second") == second
    look.drawWindow("first", 5.0, 0.0)
    for _ in range(3):
        look.drawWindow("first", 0.0, 0.9)
    assert sum(look.window("first")[end] for end in ("low", "high")) / 2 == pytest.approx(first["most"])
    look.drawWindow("first", -50.0, 50.0)
    least = look.window("first")
    assert 0 < least["high"] - least["low"] <= 0.0011 * span and least["low"] <= first["most"] <= least["high"]
    assert look.drawWindow("fused", 0.1, 0.0) == "fused" and look.window("first") == least
    look.resetWindow("first")
    assert look.window("first") == first


def test_an_empty_view_has_no_window_to_draw(case, look):
    assert look.drawWindow("fused", 0.1, 0.1) == "fused" and look.drawWindow("decomposedFirst", 0.1, 0.1) == "first"
    assert look.window("fused") is None


def test_blinking_comes_back(fused, look, views):
    look.update()
    assert not look.startBlinking("firstDecomposed")
    assert look.startBlinking("inputs")
    assert [look.toggle() for _ in range(3)] == ["first", "second", "first"]
    look.stopBlinking()
    assert views.scene.GetSingletonNode("FusionINNFused", "vtkMRMLSliceCompositeNode").GetForegroundVolumeID() == fused.fusion.fused.GetID()


def test_an_oblique_segmentation_on_the_moved_volume_moves_along(views, tiny_model):
    """What was drawn on the volume that is registered lies where that volume lies afterwards."""
    sample = small_case()
    shift = np.eye(4)
    shift[:3, 3] = 6.0, -4.0, 3.0
    moved = [type(volume)(volume.array, shift @ volume.affine, volume.name) for volume in (sample.first, sample.segmentation)]
    case = Case(views.scene)
    case.setInput("first", Input(moved[0], "adc", "1"))
    case.setInput("second", Input(sample.second, "flair", "2"))
    case.setInput("segmentation", Input(moved[1], "tumour", "3", {label: (str(label), (1.0, 0.0, 0.0)) for label in (1, 2, 4)}))
    run(computations.fuse(case, alignment="rigid", reference="second", method="fusioninn", model=tiny_model, device="cpu"))
    given = finish(computations.numbers(case, model=tiny_model, device="cpu").task.read())
    assert isinstance(given["labels"], Drawn), "brought onto the grid by the worker, not in the event loop"
    labels = on_grid(given["labels"], given["fused"]).labels
    same = (labels.array != 0) & (sample.segmentation.array != 0)
    assert 2 * same.sum() > 0.8 * ((labels.array != 0).sum() + (sample.segmentation.array != 0).sum())
    case.clear()


@pytest.mark.parametrize(("samples", "seed"), [(0, 0), ("", 0), (65, 0), (8, -1), (8, None), (2.5, 0)])
def test_nonsense_for_an_estimate_is_refused(views, samples, seed):
    state = get_server("nonsense").state
    state.update(INITIAL | {"method": "estimated", "samples": samples, "seed": seed})
    viewer = Viewer(state, views, "default", "cpu")
    asyncio.run(viewer.decompose())
    assert "whole number" in state.problem and not viewer.is_busy
    viewer.close()


def test_the_page_has_the_difference_computed_that_is_to_be_shown(views, files, tiny_model):
    """By a worker: with the decomposition, and when the other source or the other way back is looked at."""
    async def use() -> list:
        state = get_server("differences").state
        state.update(INITIAL | {"samples": 1})
        viewer = Viewer(state, views, tiny_model, "cpu")
        for slot in ("first", "second"):
            await viewer.load(slot, files[slot])
        await viewer.fuse()
        await viewer.decompose()
        said = [state.said, "difference" if viewer.look.volumes["difference"] is not None else state.problem]
        state.difference_of = "first"
        viewer.show()
        assert state.views["difference"]["empty"] == "Not compared yet"
        await viewer._comparing
        assert viewer.look.volumes["difference"] is viewer.case.differences["exact", "first"] and state.said == said[0]
        viewer.case.clear()
        viewer.close()
        return said

    assert asyncio.run(use()) == ["Decomposed exactly, with the saved latent image.", "difference"]


def test_a_method_that_only_fuses(case, tmp_path):
    """Numbers and a result folder without a latent; no way back is offered."""
    none = {"model": None, "device": "cpu"}
    run(computations.fuse(case, alignment="auto", reference="second", method="average", **none))
    assert case.fusion.latent is None and case.method.name == "average" and case.sources is not None
    with pytest.raises(ResultError, match="only fuses"):
        run(computations.decompose(case, difference_of="second", **none))
    run(computations.numbers(case, **none))
    assert case.rows and not case.estimateRows
    run(computations.export(case, tmp_path / "result", **none))
    assert not (tmp_path / "result/latent.nii.gz").exists() and (tmp_path / "result/report.png").is_file()
    case.forgetFusion()
    run(computations.load(case, tmp_path / "result"))
    assert case.fusion.latent is None and case.method.name == "average"
    run(computations.numbers(case, **none))


def test_the_page_offers_what_the_method_can_do(views, files, tiny_model):
    """A model that the page was started with is for its own method alone."""
    async def use() -> None:
        state = get_server("methods").state
        state.update(INITIAL | {"fusion_method": "average"})
        viewer = Viewer(state, views, tiny_model, "cpu")
        for slot in ("first", "second"):
            await viewer.load(slot, files[slot])
        assert "only fuses" in state.about_method and state.only_fuses == ""
        await viewer.fuse()
        assert "only fuses" in state.only_fuses and state.why["decompose"] == state.only_fuses, state.problem
        assert state.why["download"] == state.why["numbers"] == ""
        await viewer.numbers()
        assert state.numbers and not state.problem
        state.fusion_method = "fusioninn"
        await viewer.fuse()
        assert state.only_fuses == "" == state.why["decompose"] and not state.problem
        viewer.case.clear()
        viewer.close()

    asyncio.run(use())


def test_a_method_that_is_registered_is_offered(views):
    from FusionINNLib.methods import registry
    from FusionINNLib.methods.base import MethodInfo
    from FusionINNLib.viewer import messages
    from FusionINNLib.viewer.sidebar import methods_offered

    row = MethodInfo("mine", "My method", "Fuses as I like it.", "Me 2026: My method", "10.1/mine", "nobody.has:This",
                     requires=("nobody_has_this",))
    registry.register(row)
    try:
        assert ("mine", "My method") in methods_offered() and [name for name, _ in methods_offered()] == registry.names()
        assert "cannot be used here: the package nobody_has_this" in messages.method(row, registry.state("mine"))
    finally:
        registry.unregister("mine")


def test_a_suggestion_stands_beside_a_drawn_outline_and_alone_where_there_is_none(case, monkeypatch):
    """What the network says is told in the tests of its own; here what becomes of it."""
    grid = case.inputs["second"].volume
    marks = replace(grid, array=(grid.array > np.percentile(grid.array, 99)).astype(np.uint8), name="suggested")
    segments = Segments(marks, (Segment("suggested_lesion", NAME, COLOR, 1),))
    monkeypatch.setattr(job_tasks, "suggest", lambda progress, drawn, **_: SuggestedOutline(
        segments, 41.25, None if drawn is None else Agreement(0.5, 3.0, 0.5, 0.5), ("A doubt.",)))
    drawn = case.nodes["segmentation"]
    said = run(computations.suggest(case, alignment="auto", reference="second", device="cpu"))
    assert said.startswith("SUGGESTED by a network, drawn by nobody: 41.2 mL.")
    assert "Dice with the drawn outline: 0.50." in said and said.endswith("A doubt.")
    assert case.nodes["segmentation"] is drawn and mrml.isSuggestion(case.suggestion)
    case.removeSegmentation()
    earlier = case.suggestion
    said = run(computations.suggest(case, alignment="auto", reference="second", device="cpu"))
    assert "Dice" not in said and case.suggestion is None and not case.scene.IsNodePresent(earlier)
    assert mrml.isSuggestion(case.nodes["segmentation"]) and case.inputs["segmentation"].labels[1][0] == NAME
    np.testing.assert_array_equal(case.inputs["segmentation"].volume.array, marks.array)
    case.setInput("first", replace(case.inputs["first"], sha256="another"))
    assert "segmentation" not in case.nodes, "it was of a volume that is gone"
