"""The patient's name in DICOM series of the page: only where a source came as DICOM and somebody asked for it, and never another one's."""
import numpy as np
import pydicom
import pytest
from cases import run
from dicom_making import GRID, save, slices
from making import head

from FusionINNLib.errors import InputError
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.inputs import read_input
from FusionINNLib.viewer.messages import NOBODY
from FusionINNLib.viewer.patient import whose, why_nobody
from FusionINNLib.viewer.state import INITIAL, Facts, reasons

SHAPE = (7, 40, 48)


@pytest.fixture
def series(tmp_path):
    """T1 and FLAIR of one patient, on different grids."""
    return {"first": save(slices(head(shape=SHAPE), GRID, "T1 contrast"), tmp_path / "t1ce"),
            "second": save(slices(head(shape=SHAPE, seed=2), series="FLAIR"), tmp_path / "flair")}


def fused(case, paths, **choices):
    for role, path in paths.items():
        case.set_input(role, read_input(role, path))
    run(computations.fuse(case, alignment="none", reference="second", method="average", model=None, device="cpu", **choices))
    return case


def names_in(folder) -> set:
    """Patient, study and space of all files."""
    read = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    return {(str(one.PatientName), str(one.PatientID), str(one.StudyInstanceUID), str(one.FrameOfReferenceUID)) for one in read}


def test_the_patient_is_named_where_that_is_wanted_alone(case, series, tmp_path):
    fused(case, series)
    back = {"model": None, "device": "cpu"}
    assert INITIAL["named"] is False and why_nobody(case) == ""
    said = run(computations.export_dicom(case, tmp_path / "anonymous", **back))
    (name, number, study, space), = names_in(tmp_path / "anonymous")
    assert "no patient's data is in them" in said and name == "Anonymous" and "1.2.3" != study and space != "1.2.4"
    said = run(computations.export_dicom(case, tmp_path / "named", **back, named=True))
    assert "name the patient and the study" in said
    assert names_in(tmp_path / "named") == {("Made^Up", "P1", "1.2.3", "1.2.4")}


def test_the_space_is_that_of_the_series_on_the_grid(case, series, files, tmp_path):
    """Of the other source the patient is known, and not the space."""
    fused(case, series)
    assert whose(case).same_space
    elsewhere = save(slices(head(shape=SHAPE), GRID @ np.diag([1, 1, 0.8, 1]), "T1 contrast"), tmp_path / "elsewhere")
    case.inputs["first"] = read_input("first", elsewhere)
    found = whose(case)
    assert found.headers == case.inputs["second"].headers and found.same_space and "Made" not in repr(found), "no log shows it"
    case.inputs.update(first=read_input("first", series["first"]), second=read_input("second", elsewhere))
    found = whose(case)
    assert found.headers == case.inputs["first"].headers and found.same_space, "whichever of them lies there"
    case.inputs["first"] = read_input("first", elsewhere)
    case.inputs["second"] = read_input("second", files["second"])
    found = whose(case)
    assert found.headers == case.inputs["first"].headers and not found.same_space


def test_nobody_is_named_of_files_without_a_patient_nor_of_two_patients(case, files, series, tmp_path):
    assert why_nobody(case) == NOBODY
    with pytest.raises(InputError, match="Neither volume"):
        whose(case)
    other = save(slices(head(shape=SHAPE, seed=2), series="FLAIR", PatientID="P2"), tmp_path / "other")
    for role, path in {"first": series["first"], "second": other}.items():
        case.set_input(role, read_input(role, path))
    assert "different patients" in why_nobody(case)
    assert reasons(Facts(fused=True, nobody=why_nobody(case)), "exact", "inputs")["named"] == why_nobody(case)
    assert reasons(Facts(fused=True, nobody=""), "exact", "inputs")["named"] == ""
