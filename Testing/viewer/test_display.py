"""How a case is looked at, on trame-slicer's own views: slices, planes, windows, blinking."""
import pytest
from cases import run

from FusionINNLib.viewer import computations


class Recorder:
    """Who listens to the views: what the pointer did over them."""

    def __init__(self):
        self.drawn: list[tuple[str, float, float]] = []

    def fit_soon(self) -> None:
        pass

    def draw_window(self, *drawn) -> None:
        self.drawn.append(drawn)


def test_the_slice_stays_when_the_plane_changes(look):
    assert look.plane == "Axial" and look.where()["words"].endswith("mm")
    look.step(3)
    here = look.where()["words"]
    look.set_plane("Coronal")
    assert look.where()["edges"] == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
    look.step(-2)
    look.set_plane("Axial")
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
    look.set_window("first", 10.0, 500.0)
    assert all((look.window(view)["low"], look.window(view)["high"]) == (10.0, 500.0) for view in ("first", "decomposedFirst"))
    look.reset_window("first")
    assert look.window("first") == first == look.window("decomposedFirst") | {key: first[key] for key in ("least", "most")}


def test_the_pointer_is_followed_while_the_left_button_is_held(views, events):
    recorder = Recorder()
    events.tell(recorder)
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
    assert look.draw_window("decomposedFirst", 0.1, 0.05) == "first"
    drawn = look.window("first")
    assert drawn["high"] - drawn["low"] == pytest.approx(first["high"] - first["low"] + 0.1 * span)
    assert drawn["high"] + drawn["low"] == pytest.approx(first["high"] + first["low"] + 0.1 * span)
    assert look.window("decomposedFirst")["high"] == drawn["high"] and look.window("second") == second
    look.draw_window("first", 5.0, 0.0)
    for _ in range(3):
        look.draw_window("first", 0.0, 0.9)
    assert sum(look.window("first")[end] for end in ("low", "high")) / 2 == pytest.approx(first["most"])
    look.draw_window("first", -50.0, 50.0)
    least = look.window("first")
    assert 0 < least["high"] - least["low"] <= 0.0011 * span and least["low"] <= first["most"] <= least["high"]
    assert look.draw_window("fused", 0.1, 0.0) == "fused" and look.window("first") == least
    look.reset_window("first")
    assert look.window("first") == first


def test_an_empty_view_has_no_window_to_draw(case, look):
    assert look.draw_window("fused", 0.1, 0.1) == "fused" and look.draw_window("decomposedFirst", 0.1, 0.1) == "first"
    assert look.window("fused") is None


def test_blinking_comes_back(fused, look, views):
    look.update()
    assert not look.start_blinking("firstDecomposed")
    assert look.start_blinking("inputs")
    assert [look.toggle() for _ in range(3)] == ["first", "second", "first"]
    look.stop_blinking()
    assert views.scene.GetSingletonNode("FusionINNFused", "vtkMRMLSliceCompositeNode").GetForegroundVolumeID() == fused.fusion.fused.GetID()
