"""The interval of an estimate over it: off until somebody wants it, never over exact sources, and that of the estimate that is shown."""
import pytest


@pytest.fixture
def estimated(case):
    """The small case, fused and estimated, with the comparison on screen."""
    from FusionINNPanel.parameters import Method

    case.compute("fuseButton")
    case.parameters.method, case.parameters.samples = Method.ESTIMATED, 2
    case.compute("decomposeButton")
    return case


def over(view: str):
    """What lies over the image of a view, None for nothing."""
    import slicer

    from FusionINNLib import mrml

    identifier = mrml.compositeNodeOf(slicer.mrmlScene, view).GetForegroundVolumeID()
    return slicer.mrmlScene.GetNodeByID(identifier) if identifier else None


def test_it_is_off_until_it_is_wanted_and_lies_over_both_estimates(estimated):
    from driver import volume_names

    box, before = estimated.ui.intervalCheckBox, volume_names()
    assert box.enabled and not box.checked and over("decomposedFirst") is None
    assert not any("interval" in name for name in before)
    estimated.click("intervalCheckBox")
    first, second = over("decomposedFirst"), over("decomposedSecond")
    assert first.GetName() == "adc (FusionINN ESTIMATED) 90 % interval" and second.GetName() == "flair (FusionINN ESTIMATED) 90 % interval"
    assert box.checked and "90 % interval" in estimated.status
    estimated.click("intervalCheckBox")
    assert over("decomposedFirst") is None and over("decomposedSecond") is None and not box.checked
    estimated.click("intervalCheckBox")
    assert over("decomposedFirst") is first, "the same node again"


def test_exact_sources_have_none_and_the_tool_tip_says_why(estimated):
    from FusionINNPanel.parameters import Method

    box = estimated.ui.intervalCheckBox
    estimated.click("intervalCheckBox")
    estimated.parameters.method = Method.EXACT
    estimated.compute("decomposeButton")
    assert over("decomposedFirst") is None and not box.enabled and not box.checked
    assert box.toolTip.startswith("Exact sources have no interval")
    estimated.parameters.method = Method.ESTIMATED
    estimated.compute("decomposeButton")
    assert box.checked and over("decomposedFirst") is not None, "it was wanted for estimates"


def test_another_estimate_has_its_own_interval(estimated):
    import numpy as np
    import slicer

    estimated.click("intervalCheckBox")
    before = slicer.util.arrayFromVolume(over("decomposedFirst")).copy()
    estimated.parameters.seed = 7
    estimated.compute("decomposeButton")
    after, spread = (slicer.util.arrayFromVolume(node) for node in (over("decomposedFirst"), estimated.parameters.firstSpread))
    assert not np.array_equal(after, before) and np.allclose(after, 1.645 * spread, rtol=1e-5)


def test_without_an_estimate_or_its_spread_the_tool_tip_says_what_to_do(case):
    import slicer

    from FusionINNPanel.parameters import Method

    assert not case.ui.intervalCheckBox.enabled and "by an estimate first" in case.ui.intervalCheckBox.toolTip
    case.compute("fuseButton")
    case.parameters.method, case.parameters.samples = Method.ESTIMATED, 2
    case.compute("decomposeButton")
    case.click("intervalCheckBox")
    slicer.mrmlScene.RemoveNode(case.parameters.firstSpread)
    case.panel.refresh()
    assert not case.ui.intervalCheckBox.enabled and "estimate again" in case.ui.intervalCheckBox.toolTip
    case.panel.comparison.update(case.parameters)
    assert over("decomposedFirst") is None


def test_a_scene_that_was_saved_with_it_shows_it_again(estimated, tmp_path):
    import slicer

    estimated.click("intervalCheckBox")
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(path))
    assert over("decomposedFirst").GetName() == "adc (FusionINN ESTIMATED) 90 % interval" and estimated.ui.intervalCheckBox.checked
