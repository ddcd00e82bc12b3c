"""Sources in colour in a case: read, fused, shown, taken apart and written in colour, or refused in one sentence."""
import asyncio

import nibabel as nib
import numpy as np
import pytest
from cases import colored_files, heat, pictures, run
from trame.app import get_server
from vtkmodules.util.numpy_support import vtk_to_numpy

from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.phantom.case import small_case
from FusionINNLib.reports import report
from FusionINNLib.viewer import computations, messages
from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.case import Case
from FusionINNLib.viewer.display import Look
from FusionINNLib.viewer.inputs import Input, read_input
from FusionINNLib.viewer.state import INITIAL
from FusionINNLib.volumes.volume import Volume


def colors(node) -> np.ndarray:
    """(k, j, i, 3) as a view shows them."""
    assert node.IsA("vtkMRMLVectorVolumeNode"), node.GetName()
    assert (node.GetDisplayNode().GetWindowLevelMin(), node.GetDisplayNode().GetWindowLevelMax()) == (0, 255)
    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(*image.GetDimensions()[::-1], 3)


def loaded(views, paths) -> Case:
    made = Case(views.scene)
    for slot, path in paths.items():
        made.set_input(slot, read_input(slot, path))
    return made


def fuse(case: Case, model: str, **choices) -> str:
    return run(computations.fuse(case, **{"alignment": "auto", "reference": "second", "method": "fusioninn", "model": model,
                                          "device": "cpu"} | choices))


@pytest.fixture
def colored(views, tmp_path):
    """The small case with its second volume in colour, not fused."""
    made = loaded(views, colored_files(tmp_path))
    yield made
    made.clear()


@pytest.fixture
def seen(views, colored):
    """The same on screen."""
    shown = Look(views, colored)
    yield shown
    shown.close()


def test_a_file_in_colour_is_read_as_what_is_fused_and_its_chroma(colored):
    second = colored.inputs["second"]
    np.testing.assert_array_equal(second.scan.rgb, heat(small_case().second.array))
    assert second.volume is second.scan.luminance and messages.described(second)["grid"].endswith(" mm, in colour")
    assert colored.inputs["first"].scan is colored.inputs["first"].volume
    assert "colour" not in messages.described(colored.inputs["first"])["grid"] and colored.colored == {"second"}


def test_all_views_of_a_source_in_colour_and_of_the_fused_image_are_in_colour(colored, seen, tiny_model, apart):
    rgb = heat(small_case().second.array)
    seen.update()
    np.testing.assert_array_equal(colors(seen.volumes["second"]), rgb)
    assert fuse(colored, tiny_model) == "Fused adc and pet, in the colours of pet."
    assert any("not activity" in note for note in colored.said)
    assert run(computations.decompose(colored, **apart)).endswith("pet is in its own colours again.")
    seen.update()
    np.testing.assert_array_equal(colors(seen.volumes["decomposedSecond"]), rgb)
    shown = colors(seen.volumes["fused"]).astype(int)
    whole = (shown > 0).all(-1) & (shown < 255).all(-1)
    hue = [one - one.min(-1, keepdims=True) for one in (shown, rgb.astype(int))]
    assert whole.sum() > 100 and np.abs(hue[0] - hue[1])[whole].max() <= 1 and np.ptp(shown, axis=-1).max() > 50
    assert not any(seen.volumes[view].IsA("vtkMRMLVectorVolumeNode") for view in ("first", "decomposedFirst", "difference"))
    assert colored.is_identical("exact", "second") and not any(seen.estimated.values())


def test_an_estimate_in_colour_is_called_one(colored, seen, tiny_model, apart):
    fuse(colored, tiny_model)
    said = run(computations.estimate(colored, samples=2, seed=0, **apart))
    assert said.startswith("ESTIMATED") and said.endswith("The colours of pet are its own; only its luminance is estimated.")
    seen.method = "estimated"
    seen.update()
    assert np.ptp(colors(seen.volumes["decomposedSecond"]).astype(int), axis=-1).max() > 50
    assert {view for view, estimated in seen.estimated.items() if estimated} == {"decomposedFirst", "decomposedSecond", "difference"}
    names = {"first": "adc", "second": "pet"}
    about = [messages.view("difference", names, True, True, "estimated", one, True, False, colored.colored) for one in names]
    assert [one["measure"] for one in about] == ["", "luminance"]


def test_colours_of_the_reference_stay_where_the_other_source_is_resampled(views, tiny_model, apart, tmp_path):
    sample = small_case()
    coarse = Volume(np.ascontiguousarray(sample.first.array[:, ::2, ::2]), sample.first.affine @ np.diag([2.0, 2.0, 1.0, 1.0]), "adc")
    case = loaded(views, {"second": colored_files(tmp_path)["second"]})
    case.set_input("first", Input(coarse, "adc.nii.gz", "1"))
    fuse(case, tiny_model, alignment="header")
    assert case.alignment["resampled"]
    run(computations.decompose(case, **apart))
    np.testing.assert_array_equal(colors(mrml.inColor(case.exact[1])), heat(sample.second.array))
    case.clear()


def test_a_result_in_colour_is_written_and_read_again(colored, views, seen, tiny_model, back, apart, tmp_path, monkeypatch):
    drawn, whole = [], report.fusion_report
    monkeypatch.setattr(report, "fusion_report", lambda *given: drawn.append(given) or whole(*given))
    fuse(colored, tiny_model)
    run(computations.decompose(colored, **apart))
    run(computations.estimate(colored, samples=1, seed=0, **apart))
    run(computations.export(colored, tmp_path / "result", **back))
    assert drawn[0][3].role == "second", "the report page is in colour too"
    seen.update()
    for name, node in (("fused_color", seen.volumes["fused"]), ("second_exact_color", seen.volumes["decomposedSecond"])):
        stored = np.asarray(nib.load(tmp_path / f"result/{name}.nii.gz").dataobj)
        np.testing.assert_array_equal(np.stack([stored[channel] for channel in "RGB"], -1).transpose(2, 1, 0, 3), colors(node))
    assert {"chroma.nii.gz", "second_estimated_color.nii.gz"} <= {path.name for path in (tmp_path / "result").iterdir()}
    assert run(computations.export_dicom(colored, tmp_path / "dicom", **back)).endswith("They are in grey: the colours are in Download.")
    alone = Case(views.scene)
    run(computations.load(alone, tmp_path / "result"))
    for one, other in ((alone.fusion.fused, colored.fusion.fused), (alone.exact[1], colored.exact[1]),
                       (alone.estimate.second, colored.estimate.second)):
        np.testing.assert_array_equal(colors(mrml.inColor(one)), colors(mrml.inColor(other)))
    assert alone.colored == {"second"}
    alone.clear()


def test_nothing_of_the_colours_is_left_when_cleared(views, tmp_path, tiny_model, apart):
    def count() -> int:
        return sum(views.scene.GetNumberOfNodesByClass(kind) for kind in ("vtkMRMLDisplayableNode", "vtkMRMLVolumeDisplayNode"))

    before, case = count(), loaded(views, colored_files(tmp_path))
    volumes = count()
    fuse(case, tiny_model)
    run(computations.decompose(case, **apart))
    case.forget_fusion()
    assert count() == volumes
    case.clear()
    assert count() == before


def test_the_window_of_an_image_in_colour_is_that_of_its_channels(colored, seen):
    seen.update()
    whole = {"low": 0.0, "high": 255.0, "least": 0.0, "most": 255.0}
    assert seen.window("second") == whole
    seen.draw_window("second", 0.1, 0.0)
    assert seen.window("second")["high"] > 255.0
    seen.reset_window("second")
    assert seen.window("second") == whole


def test_a_pair_of_pictures_is_one_slice(views, tmp_path, tiny_model, apart):
    paths = pictures(tmp_path)
    case = loaded(views, paths)
    look = Look(views, case)
    fuse(case, tiny_model)
    run(computations.decompose(case, **apart))
    look.update()
    assert any("a picture has no place in the patient" in note for note in case.said)
    np.testing.assert_array_equal(colors(look.volumes["decomposedSecond"])[0], case.inputs["second"].scan.rgb[0])
    assert look.where()["words"].startswith("slice 1 of 1") and look.where()["count"] == 1
    look.set_plane("Coronal")
    look.step(1)
    assert look.plane == "Axial" and look.where()["words"].startswith("slice 1 of 1")
    look.close()
    case.clear()


def test_what_cannot_be_had_in_colour_is_said(views, tmp_path, tiny_model):
    """Two sources in colour, and an outline of one in colour."""
    paths = colored_files(tmp_path)

    async def use() -> None:
        state = get_server("colors").state
        state.update(INITIAL)
        viewer = Viewer(state, views, tiny_model, "cpu")
        for slot in ("first", "second"):
            await viewer.load(slot, paths[slot])
        assert state.why["suggest"] == messages.GREY_FOR_OUTLINES and state.inputs["second"]["grid"].endswith("in colour")
        with pytest.raises(InputError, match="not in colour"):
            computations.suggest(viewer.case, alignment="auto", reference="second", device="cpu")
        await viewer.load("first", paths["second"])
        await viewer.fuse()
        assert "are both in colour" in state.problem and viewer.case.fusion is None
        viewer.case.clear()
        viewer.close()

    asyncio.run(use())
