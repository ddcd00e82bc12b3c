"""The patient's name in DICOM series of the panel: where Slicer's DICOM database knows the files of a source, once, and only if ticked."""
import types

import pytest


@pytest.fixture
def fused(case):
    assert case.compute("fuseButton").startswith("Fused: ")
    return case


def _of_dicom(node, folder, **elements) -> dict[str, str]:
    """Have a volume node say that it was loaded from DICOM; the files by instance."""
    import pydicom
    from dicom_making import LPS, save, slices

    from FusionINNLib import mrml

    volume = mrml.volumeFromNode(node)
    save(slices(volume.array, LPS @ volume.affine, node.GetName(), **elements), folder)
    files = {str(pydicom.dcmread(file).SOPInstanceUID): str(file) for file in folder.iterdir()}
    node.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    return files


def _named_in(folder) -> set:
    import pydicom

    read = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    return {(str(one.PatientName), str(one.StudyInstanceUID), str(one.FrameOfReferenceUID) == "1.2.4") for one in read}


def test_the_patient_is_named_once_and_where_that_is_ticked(fused, monkeypatch, tmp_path):
    import slicer
    from driver import answer_folder_dialog

    box = fused.ui.patientCheckBox
    assert not box.enabled and not box.checked and "Neither volume that was fused was loaded from DICOM" in box.toolTip
    files = _of_dicom(fused.parameters.secondVolume, tmp_path / "flair")
    fused.panel.refresh()
    assert not box.enabled and "no files of flair any more" in box.toolTip
    monkeypatch.setattr(slicer, "dicomDatabase", types.SimpleNamespace(fileForInstance=lambda uid: files.get(uid, "")), raising=False)
    fused.panel.refresh()
    assert box.enabled
    for name, ticked in (("first", True), ("again", False)):
        (tmp_path / name).mkdir()
        answer_folder_dialog(monkeypatch, tmp_path / name)
        if ticked:
            box.checked = True
        said = fused.compute("exportDicomButton")
        assert ("name the patient and the study" in said) == ticked and not box.checked
        found = _named_in(tmp_path / name)
        assert found == {("Made^Up", "1.2.3", True)} if ticked else ("Anonymous" in str(found) and "1.2.3" not in str(found).split("'"))
    fused.parameters.secondVolume.SetName("sub-02_flair")
    fused.parameters.firstVolume.SetName("sub-01_adc")
    fused.panel.refresh()
    assert not box.enabled and "different patients" in box.toolTip


def test_files_that_are_gone_are_told_and_nothing_is_written(fused, monkeypatch, tmp_path):
    import slicer
    from driver import answer_folder_dialog

    files = _of_dicom(fused.parameters.secondVolume, tmp_path / "flair")
    monkeypatch.setattr(slicer, "dicomDatabase", types.SimpleNamespace(fileForInstance=lambda uid: files.get(uid, "")), raising=False)
    fused.panel.refresh()
    sorted((tmp_path / "flair").iterdir())[-1].unlink()
    (tmp_path / "out").mkdir()
    answer_folder_dialog(monkeypatch, tmp_path / "out")
    fused.ui.patientCheckBox.checked = True
    fused.click("exportDicomButton")
    assert "are not where Slicer's DICOM database has them" in fused.status and not list((tmp_path / "out").iterdir())
