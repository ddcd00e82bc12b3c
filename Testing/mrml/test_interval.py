"""The interval of an estimate as a node: what it holds, that it follows its estimate, how it looks over it, its legend."""
from dataclasses import replace

import numpy as np
import pytest
import slicer
import slicer.util
import views
from scenes import estimated, inFolder

from FusionINNLib import mrml

UNSURE = np.s_[2:4, 22:30, 18:28]


def guessed(case, unsure: float):
    """An estimate whose first source is unsure by so many standard deviations in one place and nearly sure elsewhere."""
    guess = estimated(case)
    spread = np.full(guess.first_spread.shape, 1e-3, np.float32)
    spread[UNSURE] = unsure
    return replace(guess, first_spread=replace(guess.first_spread, array=spread))


def test_it_is_half_the_width_of_the_interval_and_is_called_estimated(scene, case):
    nodes = mrml.storeEstimate(scene, estimated(case), case.nodes.fused, settings={}, notes=["It was changed."])
    interval = mrml.intervalOf(scene, nodes.first, nodes.firstSpread)
    np.testing.assert_allclose(slicer.util.arrayFromVolume(interval), 1.645 * slicer.util.arrayFromVolume(nodes.firstSpread), rtol=1e-6)
    assert interval.GetName() == "ADC (FusionINN ESTIMATED) 90 % interval" and mrml.kindOfNode(interval) == "interval"
    assert mrml.isEstimate(interval) and mrml.trustOf(interval) == mrml.trustOf(nodes.first) and "ESTIMATED" in interval.GetDescription()
    assert mrml.warningsOf(interval) == mrml.warningsOf(nodes.first) and "It was changed." in mrml.warningsOf(interval)
    assert mrml.unitOfNode(interval) == "um2/s" and inFolder(interval) == inFolder(nodes.first)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(interval)
    assert legend.GetTitleText() == "90 % interval, +/- [um2/s]" and legend.GetVisibility()
    assert "interval" not in str(mrml.decompositionsOf(scene, case.nodes.fused)), "it is made of the spread whenever it is wanted"
    assert interval not in mrml.guessInputs(scene)


def test_it_is_made_once_and_again_with_another_estimate(scene, case, reopened):
    nodes = mrml.storeEstimate(scene, guessed(case, 100.0), case.nodes.fused, settings={})
    interval = mrml.intervalOf(scene, nodes.first, nodes.firstSpread)
    mrml.setWindow(interval, 0, 7)
    assert mrml.intervalOf(scene, nodes.first, nodes.firstSpread) is interval and interval.GetDisplayNode().GetWindowLevelMax() == 7
    assert mrml.intervalOf(scene, nodes.second, nodes.secondSpread) is not interval
    mrml.storeEstimate(scene, guessed(case, 1000.0), case.nodes.fused, settings={}, outputs=nodes)
    assert mrml.intervalOf(scene, nodes.first, nodes.firstSpread) is interval
    assert slicer.util.arrayFromVolume(interval)[UNSURE] == pytest.approx(1645, rel=1e-4)
    assert interval.GetDisplayNode().GetWindowLevelMax() > 1000, "its colours are for other numbers now"
    name, spread, count = interval.GetName(), nodes.firstSpread.GetName(), scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    reopened()
    found = mrml.intervalOf(scene, scene.GetFirstNodeByName("ADC (FusionINN ESTIMATED)"), scene.GetFirstNodeByName(spread))
    assert found is scene.GetFirstNodeByName(name) and scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == count


def test_what_is_nearly_exact_is_not_painted_like_what_is_unsure(scene, case):
    low, high = 0, 1000
    for unsure, top in ((0.5, 0.1 * (high - low)), (400.0, 1.645 * 400)):
        guess = guessed(case, unsure)
        nodes = mrml.storeEstimate(scene, guess, case.nodes.fused, settings={})
        mrml.setWindow(nodes.first, low, high)
        display = mrml.intervalOf(scene, nodes.first, nodes.firstSpread).GetDisplayNode()
        assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, pytest.approx(top, rel=1e-4))


def test_the_overlay_is_clear_where_the_estimate_is_sure_and_has_a_legend(core, scene, case):
    if not views.can_render():
        pytest.skip("VTK cannot draw offscreen here: install libx11-6 libegl1 libgl1-mesa-dri")
    layout = views.OffscreenLayout(core, (300, 260), legends=True)
    nodes = mrml.storeEstimate(scene, guessed(case, 400.0), case.nodes.fused, settings={})
    volumes = {"first": case.first, "second": case.second, "fused": case.nodes.fused, "decomposedFirst": nodes.first,
               "decomposedSecond": nodes.second}
    mrml.showCase(scene, volumes)
    view = layout.views["decomposedFirst"]
    plain = view.picture().astype(int)
    interval = mrml.intervalOf(scene, nodes.first, nodes.firstSpread)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(interval)
    legend.SetVisibility(False)
    mrml.showCase(scene, volumes | {"overFirst": interval}, orient=False)
    shown = view.picture().astype(int)
    colored = np.ptp(shown, axis=2) > 15
    assert 0.005 < colored.mean() < 0.2, "the unsure place alone has a colour"
    assert np.array_equal(shown[~colored], plain[~colored])
    assert (shown[colored][:, 0] > shown[colored][:, 2]).mean() > 0.5 and np.corrcoef(
        shown[colored][:, 1], plain[colored][:, 1])[0, 1] > 0.4, "yellow at its top, and the image is seen below it"
    mrml.setWindow(interval, 0, 100)
    assert (np.ptp(view.picture().astype(int), axis=2) > 15)[colored].mean() > 0.9, "what is above the window is no less unsure"
    mrml.setWindow(interval, 0, 1.645 * 400)
    assert mrml.estimatedViews(scene)["decomposedFirst"]
    legend.SetVisibility(True)
    mrml.showCase(scene, volumes, orient=False)
    mrml.showCase(scene, volumes | {"overFirst": interval}, orient=False)
    assert (np.abs(view.picture().astype(int) - shown).max(axis=2) > 40)[:, 200:].mean() > 0.01, "the legend, on the right"
    saved = mrml.pictureOfView(scene, core.application, "decomposedFirst", factor=1)[40:].astype(int)  # below the word ESTIMATED
    assert (np.abs(saved - shown[40:]).max(axis=2) > 40)[:, 200:].mean() > 0.01, "also in what is saved"
    assert np.ptp(layout.views["decomposedSecond"].picture().astype(int), axis=2).max() < 40, "it is where its interval is"
    assert all(mrml.compositeNodeOf(scene, name).GetHotLinkedControl() for name in mrml.VIEWS)
    mrml.showCase(scene, volumes, orient=False)
    assert np.array_equal(view.picture(), plain), "neither overlay nor legend stays"
