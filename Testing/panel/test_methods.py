"""Fusion methods in the panel: offered as the registry has them, and nothing offered that a method cannot do."""
import re
from dataclasses import replace

import numpy as np
import pytest

from FusionINNLib.methods import registry
from FusionINNLib.methods.base import Capabilities, MethodInfo


@pytest.fixture
def plugin():
    """A method that somebody else's package adds, whose own package is missing."""
    row = MethodInfo("mine", "My method", "Fuses as I like it.", "Me 2026: My method", "10.1/mine", "nobody.has:This",
                     Capabilities(dims=3), requires=("nobody_has_this",))
    registry.register(row)
    yield row
    registry.unregister("mine")


def items(box) -> dict:
    """Values and texts of a list."""
    return {box.itemData(n): box.itemText(n) for n in range(box.count)}


def choose(user, method: str) -> None:
    """As with the mouse."""
    box = user.ui.fusionMethodComboBox
    index = list(items(box)).index(method)
    box.currentIndex = index
    box.activated.emit(index)


def test_the_methods_of_the_registry_are_offered_with_citation_and_what_they_can_do(panel, plugin):
    import qt

    panel.panel.refresh()
    box = panel.ui.fusionMethodComboBox
    assert items(box) == {name: registry.info(name).title for name in registry.names()} and items(box)["mine"] == "My method"
    tips = {box.itemData(n): box.itemData(n, qt.Qt.ToolTipRole) for n in range(box.count)}
    assert "Kumar et al. 2024" in tips["fusioninn"] and "exactly and as an estimate" in tips["fusioninn"]
    assert "only fuses" in tips["average"] and "doi:" in tips["average"]
    assert "all three axes" in tips["mine"] and "nobody_has_this" in tips["mine"]


def test_a_method_that_lacks_something_cannot_be_used_and_says_why(case, plugin):
    case.panel.refresh()
    choose(case, "mine")
    assert case.parameters.fusionMethod == "mine" and not case.ui.fuseButton.enabled
    assert "nobody_has_this is not installed" in case.ui.fuseButton.toolTip
    choose(case, "average")
    assert case.ui.fuseButton.enabled and not case.ui.modelComboBox.enabled


def test_weights_that_are_not_here_are_named_with_the_command_that_makes_them(case, monkeypatch):
    from FusionINNLib.methods import model_card

    monkeypatch.setattr(model_card, "available", lambda: [])
    case.panel.refresh()
    assert case.ui.fuseButton.enabled, "the chosen folder holds a model of this method"
    case.parameters.model = "default"
    assert not case.ui.fuseButton.enabled
    for said in (case.ui.fuseButton.toolTip, case.ui.modelLabel.text, case.ui.fusionMethodComboBox.toolTip):
        assert "python -m training fit --prepared" in said
    case.choose_model()
    assert case.compute("fuseButton").startswith("Fused: ")


def test_a_method_that_only_fuses(case, tmp_path, monkeypatch):
    import slicer
    from driver import answer_folder_dialog

    from FusionINNLib import mrml
    from FusionINNPanel import terms

    monkeypatch.setattr(terms, "ask", lambda: pytest.fail("there is no model whose terms would have to be agreed to"))
    choose(case, "average")
    assert case.compute("fuseButton").startswith("Fused: ")
    parameters = case.parameters
    assert parameters.latentVolume is None and mrml.methodOf(parameters.fusedVolume).name == "average"
    assert slicer.util.arrayFromVolume(parameters.fusedVolume).std() > 0.01
    assert not case.ui.decomposeButton.enabled and "only fuses" in case.ui.decomposeButton.toolTip
    assert "only fuses" in case.ui.waysLabel.text and not case.ui.methodComboBox.enabled
    assert slicer.app.layoutManager().layout == mrml.SOURCES_LAYOUT_ID and case.panel.comparison.isShown
    case.compute("numbersButton")
    assert parameters.numbers.GetNumberOfRows() > 10
    answer_folder_dialog(monkeypatch, tmp_path)
    assert case.compute("exportButton").startswith("Exported to ")
    assert not list(tmp_path.rglob("latent*")) and list(tmp_path.rglob("report.png"))
    source = parameters.firstVolume
    slicer.mrmlScene.RemoveNode(source)
    case.panel.refresh()
    for button in ("numbersButton", "exportButton"):
        assert not getattr(case.ui, button).enabled and "not in the scene" in getattr(case.ui, button).toolTip


def test_back_to_the_network_everything_is_offered_again(case):
    import slicer

    from FusionINNLib import mrml

    choose(case, "maximum")
    case.compute("fuseButton")
    choose(case, "fusioninn")
    case.choose_model()
    assert case.compute("fuseButton").startswith("Fused: ")
    assert slicer.app.layoutManager().layout == mrml.LAYOUT_ID
    assert case.ui.methodComboBox.enabled
    assert case.compute("decomposeButton").startswith("Decomposed exactly")
    there, here = (slicer.util.arrayFromVolume(node) for node in (case.parameters.secondVolume, case.parameters.secondExact))
    assert np.array_equal(there, here)


def test_without_pytorch_the_methods_that_need_none_work(case, monkeypatch):
    from FusionINNPanel import requirements

    whole = requirements._versionOf
    monkeypatch.setattr(requirements, "_versionOf", lambda package: None if package == "torch" else whole(package))
    case.panel.lookForRequirements()
    case.panel.refresh()
    assert "PyTorch is missing" in case.ui.fuseButton.toolTip and not case.ui.fuseButton.enabled
    choose(case, "average")
    assert case.compute("fuseButton").startswith("Fused: ")
    assert case.ui.numbersButton.enabled and not case.ui.decomposeButton.enabled


def test_a_method_that_draws_random_numbers_takes_the_seed_and_records_it(case):
    import slicer

    from FusionINNLib import mrml

    chosen, found = case.parameters, []
    for seed in (5, 5, 6):
        choose(case, "ddfm")
        case.ui.methodSettingsLineEdit.text, case.ui.seedSpinBox.value = "steps=2", seed
        assert chosen.seed == seed and case.compute("fuseButton").startswith("Fused: ")
        assert mrml.settingsOf(chosen.fusedVolume)["seed"] == seed
        assert mrml.fusionFromNodes(chosen.fusedVolume).recipe.record["seed"] == seed
        found.append(slicer.util.arrayFromVolume(chosen.fusedVolume).copy())
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[1], found[2])
    choose(case, "average")
    case.compute("fuseButton")
    assert "seed" not in mrml.settingsOf(chosen.fusedVolume), "it draws nothing"


def test_what_fusing_takes_is_said_before_the_click(case):
    """For the grid of the results, by the chosen method with its settings; nothing where nobody has measured it."""
    label = case.ui.costLabel
    choose(case, "ddfm")
    node = case.parameters.secondVolume
    size = " x ".join(str(count) for count in node.GetImageData().GetDimensions())
    assert label.visible and label.text.startswith(f"Fusing {size} voxels takes")
    case.parameters.secondVolume = None
    assert "240 x 240 x 155 voxels takes about 89 s on one core" in label.text, "of a head, while no volume is chosen"
    case.ui.methodSettingsLineEdit.text = "steps=1000"
    assert "takes about 15 min on one core" in label.text
    row = replace(registry.info("average"), name="unmeasured", cost=None)
    registry.register(row)
    try:
        case.parameters.fusionMethod = "unmeasured"
        assert not label.visible
    finally:
        case.parameters.fusionMethod = "average"
        registry.unregister("unmeasured")


def test_while_it_fuses_the_line_says_how_long_it_will_go_on(case, monkeypatch):
    from FusionINNLib.progress import TimeLeft

    monkeypatch.setattr(TimeLeft, "words", lambda self, task, done, total: "2 min" if done < total else "")
    case.statuses.clear()
    case.compute("fuseButton")
    assert any(re.fullmatch(r"Fusing: slice \d+ of \d+, about 2 min left", said) for said in case.statuses), case.statuses


def test_settings_of_a_method_are_offered_checked_and_recorded(case):
    from FusionINNLib.methods.settings import Setting

    settings = Setting("steps", 100, "of 1000", least=2), Setting("fast", True, "or not")
    row = replace(registry.info("average"), name="steps", title="In steps", settings=settings)
    registry.register(row)
    try:
        choose(case, "average")
        box = case.ui.methodSettingsLineEdit
        assert not box.enabled and "no settings" in box.toolTip
        choose(case, "steps")
        assert box.enabled and box.placeholderText == "steps=100 fast=true" and "of 1000" in box.toolTip
        box.text = "steps=1"
        assert "steps takes a whole number from 2" in case.compute("fuseButton") and case.parameters.fusedVolume is None
        box.text = "pace=1"
        assert "has no setting 'pace'" in case.compute("fuseButton")
        choose(case, "average")
        assert box.text == "" and case.parameters.methodSettings == ""
    finally:
        registry.unregister("steps")
