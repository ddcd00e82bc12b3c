"""A suggested outline from the panel: beside the drawn one, called what it is, and never in its place."""


def test_a_suggestion_lies_beside_the_drawn_outline(case):
    from FusionINNLib import mrml

    drawn = case.parameters.segmentation
    case.click("layoutButton")
    said = case.compute("suggestButton")
    assert said.startswith("SUGGESTED by a network, drawn by nobody:") and "mL" in said and "Research use only" in said
    assert "Dice with the drawn outline" in said and "diffusion map" in said, "and its doubts: the case has an ADC in place of T1"
    chosen = case.parameters
    assert chosen.segmentation is drawn and mrml.isSuggestion(chosen.suggestion) and chosen.suggestion.GetName() == "SUGGESTED outline"
    assert chosen.suggestion.GetDisplayNode().GetVisibility2DFill() and not drawn.GetDisplayNode().GetVisibility2DFill()


def test_a_second_suggestion_leaves_the_first_one_to_its_editor(case):
    from FusionINNLib import mrml

    case.parameters.segmentation = None
    case.compute("suggestButton")
    first = case.parameters.suggestion
    assert case.parameters.segmentation is first, "nothing was drawn: it is what can be measured and jumped to"
    case.compute("suggestButton")
    second = case.parameters.suggestion
    assert second is not first and case.parameters.segmentation is second and mrml.isSuggestion(first)
    assert not first.GetDisplayNode().GetVisibility() and second.GetDisplayNode().GetVisibility()


def test_without_two_volumes_or_a_package_the_button_says_why(case, monkeypatch):
    case.parameters.firstVolume = None
    case.panel.refresh()
    assert not case.ui.suggestButton.enabled and "T1 with contrast" in case.ui.suggestButton.toolTip
    from FusionINNLib.outlining import records

    monkeypatch.setattr(records, "PACKAGES", ("torch", "no_such_package"))
    case.panel.refresh()
    assert "no_such_package is not installed" in case.ui.suggestButton.toolTip


def test_cancel_leaves_nothing(case):
    case.click("suggestButton")
    case.click("cancelButton")
    case.wait_until_idle()
    assert case.parameters.suggestion is None and "nothing in the scene was changed" in case.status
