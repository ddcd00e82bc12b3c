"""A suggested outline from the panel: beside the drawn one, called what it is, and never in its place."""
import types

import numpy as np


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


def test_it_is_saved_as_a_dicom_segmentation_where_slicer_knows_its_series(case, monkeypatch, tmp_path):
    """Refused in the tool tip otherwise. The file of each instance is what Slicer's DICOM database says."""
    import pydicom
    import qt
    import slicer
    from dicom_making import LPS, save, slices

    from FusionINNLib import mrml
    from FusionINNLib.volumes.io import read_segmentation

    button = case.ui.suggestDicomButton
    assert not button.enabled and button.toolTip == "Have an outline suggested first."
    case.compute("suggestButton")
    flair = case.parameters.secondVolume
    assert not button.enabled and "flair was not loaded from DICOM" in button.toolTip
    volume = mrml.volumeFromNode(flair)
    folder = save(slices(volume.array, LPS @ volume.affine, "FLAIR"), tmp_path / "flair")
    files = {str(pydicom.dcmread(file).SOPInstanceUID): str(file) for file in folder.iterdir()}
    flair.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    case.panel.refresh()
    assert not button.enabled and "no files of flair any more" in button.toolTip
    monkeypatch.setattr(slicer, "dicomDatabase", types.SimpleNamespace(fileForInstance=lambda uid: files.get(uid, "")), raising=False)
    case.panel.refresh()
    monkeypatch.setattr(qt.QFileDialog._qt_class, "getSaveFileName", staticmethod(lambda *arguments: str(tmp_path / "one")))
    said = case.compute("suggestDicomButton")
    assert said == "Saved: one.dcm. It names the patient and the study of its series, as every DICOM object does."
    back = read_segmentation(tmp_path / "one.dcm")
    assert back.same_grid(volume, 1e-3)
    np.testing.assert_array_equal(back.array, mrml.suggestedOutline(case.parameters.suggestion)[0].array)
    case.parameters.suggestion.GetSegmentation().GetNthSegment(0).SetName("by Dr. A")
    case.panel.refresh()
    assert not button.enabled and "his own" in button.toolTip


def test_cancel_leaves_nothing(case):
    case.click("suggestButton")
    case.click("cancelButton")
    case.wait_until_idle()
    assert case.parameters.suggestion is None and "nothing in the scene was changed" in case.status
