"""The change between two time points as a node: what it holds, how it looks over the later volume, its legend."""
import numpy as np
import pytest
import slicer
import slicer.util
import views
from making import AFFINES, head
from scenes import add_volume, inFolder

from FusionINNLib import mrml
from FusionINNLib.errors import InputError

LESION = np.s_[2:4, 22:30, 18:28]


def later() -> np.ndarray:
    array = head().astype(np.int16)
    array[LESION] = 2 * head().max()
    return array


@pytest.fixture
def followUp(scene, tiny_model):
    """FLAIR before and after, fused: (earlier, later, fused node)."""
    nodes = [add_volume(scene, name, array, AFFINES["oblique"]) for name, array in (("FLAIR pre-op", head()), ("FLAIR post-op", later()))]
    fused = mrml.fuseTask(scene, *nodes, alignment="none", model=tiny_model, device="cpu").run().nodes.fused
    return *nodes, fused, tiny_model


def test_the_change_is_that_of_the_exact_sources(scene, followUp):
    before, after, fused, model = followUp
    changed = mrml.changeTask(scene, fused, model=model, device="cpu").run()
    assert changed.followUp == mrml.FollowUp("FLAIR", before, after) and changed.node.GetName() == "FLAIR post-op - FLAIR pre-op (change)"
    values = slicer.util.arrayFromVolume(changed.node)
    assert np.abs(values[LESION] - (later() - head())[LESION]).max() < 0.05 * values.max() and values[LESION].min() > 0
    rest = values.copy()
    rest[LESION] = 0
    assert np.abs(rest).max() < 0.05 * values.max()
    assert mrml.kindOfNode(changed.node) == "change" and inFolder(changed.node) == inFolder(fused)
    assert mrml.decompositionsOf(scene, fused) == {"change": changed.node}
    display = changed.node.GetDisplayNode()
    assert display.GetWindowLevelMin() == -display.GetWindowLevelMax() < 0, "the same colours to both sides"
    again = mrml.changeTask(scene, fused, model=model, device="cpu", changeVolume=changed.node).run()
    assert again.node is changed.node


def test_a_method_that_only_fuses_has_a_change_too(scene, followUp):
    before, after, _, _ = followUp
    fused = mrml.fuseTask(scene, after, before, alignment="none", method="average").run().nodes.fused
    changed = mrml.changeTask(scene, fused).run()
    assert changed.followUp.earlier is before and slicer.util.arrayFromVolume(changed.node)[LESION].min() > 0, "later minus earlier"


def test_what_is_no_follow_up_is_refused(scene, case):
    with pytest.raises(InputError, match="two time points of one contrast"):
        mrml.changeTask(scene, case.nodes.fused)
    with pytest.raises(InputError, match="two time points of one contrast"):
        mrml.changeTask(scene, None)


def test_the_overlay_is_clear_where_nothing_changed_and_has_a_legend(core, scene, followUp):
    if not views.can_render():
        pytest.skip("VTK cannot draw offscreen here: install libx11-6 libegl1 libgl1-mesa-dri")
    layout = views.OffscreenLayout(core, (300, 260), legends=True)
    before, after, fused, model = followUp
    mrml.showCase(scene, {"first": before, "second": after, "fused": fused})
    mrml.setFusedOpacity(scene, 0.0)
    plain = layout.views["fused"].picture()
    changed = mrml.changeTask(scene, fused, model=model, device="cpu").run()
    mrml.showCase(scene, {"first": before, "second": after, "fused": changed.node, "behind": after}, orient=False)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(changed.node)
    assert legend.GetTitleText() == "FLAIR, later - earlier" and legend.GetVisibility()
    legend.SetVisibility(False)
    shown = layout.views["fused"].picture().astype(int)
    colored = np.ptp(shown, axis=2) > 40
    assert 0.005 < colored.mean() < 0.2, "the lesion alone has a colour"
    assert np.abs(shown - plain)[~colored].max() < 40
    assert (shown[colored][:, 0] > shown[colored][:, 2]).mean() > 0.95, "orange: brighter now"
    legend.SetVisibility(True)
    mrml.showCase(scene, {"first": before, "second": after, "fused": fused})
    mrml.showCase(scene, {"first": before, "second": after, "fused": changed.node, "behind": after}, orient=False)
    with_legend = layout.views["fused"].picture().astype(int)
    assert (np.abs(with_legend - shown).max(axis=2) > 40)[:, 200:].mean() > 0.01, "on the right"
    for view in ("first", "second"):
        assert np.ptp(layout.views[view].picture().astype(int), axis=2).max() < 40, "the legend is where the change is"
