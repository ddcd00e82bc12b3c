"""The suggested outline as a DICOM Segmentation, where the volume on whose grid it lies came as a DICOM series."""
import asyncio
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from cases import run
from dicom_making import GRID, save, slices
from making import head

from FusionINNLib.errors import InputError
from FusionINNLib.jobs import tasks as job_tasks
from FusionINNLib.outlining.records import Origin, SuggestedOutline
from FusionINNLib.results.segments import Segment, Segments
from FusionINNLib.viewer import computations, messages
from FusionINNLib.viewer.inputs import read_input
from FusionINNLib.viewer.run import Run
from FusionINNLib.viewer.state import Facts, reasons
from FusionINNLib.volumes.io import read_segmentation, read_volume
from FusionINNLib.volumes.suggested import COLOR, NAME

SHAPE = (7, 40, 48)


@pytest.fixture
def series(tmp_path):
    """T1 and FLAIR of one patient, on different grids."""
    return {"first": save(slices(head(shape=SHAPE), GRID @ np.diag([1, 1, 0.8, 1]), "T1 contrast"), tmp_path / "t1ce"),
            "second": save(slices(head(shape=SHAPE, seed=2), series="FLAIR")[::-1], tmp_path / "flair")}


@pytest.fixture
def suggest(case, monkeypatch):
    """Has an outline suggested in a moment, on the grid of a role; gives its voxels."""
    def do(role: str) -> np.ndarray:
        grid = case.inputs[role].volume
        marks = np.zeros(grid.shape, np.uint8)
        marks[1, 3:9, 5:30], marks[-2, -1, -1] = 1, 1
        segments = Segments(replace(grid, array=marks, name="suggested"), (Segment("suggested_lesion", NAME, COLOR, 1),))
        monkeypatch.setattr(job_tasks, "suggest", lambda progress, **_: SuggestedOutline(segments, 1.0, None, (), Origin("mine", "a" * 64)))
        run(computations.suggest(case, alignment="auto", reference=role, device="cpu"))
        return marks

    return do


async def elsewhere(task):
    """In a process of its own, as the page does it: headers have to get there."""
    return await Run(task, lambda event: None).result()


def why_not(case) -> str:
    facts = Facts(no_outline=messages.no_dicom_outline(case.outline, case.outline_headers))
    return reasons(facts, "exact", "inputs")["outline"]


@pytest.mark.parametrize("is_drawn", [True, False])
def test_it_is_written_for_the_series_of_either_volume(case, series, suggest, tmp_path, is_drawn):
    if not is_drawn:
        case.remove_segmentation()
    for role, path in series.items():
        case.set_input(role, read_input(role, path))
    for role in series:
        marks = suggest(role)
        assert why_not(case) == ""
        computation = computations.export_outline(case, tmp_path / role)
        assert "names the patient" in computation.keep(asyncio.run(elsewhere(computation.task)))
        back = read_segmentation(tmp_path / role / "suggested.dcm")
        assert back.same_grid(read_volume(series[role]), 1e-4) and back.segments[1].name == NAME
        np.testing.assert_array_equal(back.array, marks)
        made = pydicom.dcmread(tmp_path / role / "suggested.dcm")
        assert made.PatientName == "Made^Up" and made.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"


def test_why_not_is_said(case, series, suggest, files, tmp_path):
    assert why_not(case) == "Have an outline suggested first."
    suggest("second")
    assert "did not come as a DICOM series" in why_not(case)
    with pytest.raises(InputError, match="did not come as a DICOM series"):
        computations.export_outline(case, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for role, path in series.items():
        case.set_input(role, read_input(role, path))
    assert why_not(case) == "Have an outline suggested first.", "it went with the volume"
    suggest("second")
    assert why_not(case) == ""
    case.remove_suggestion()
    assert why_not(case) == "Have an outline suggested first."
    case.remove_segmentation()
    suggest("first")
    assert case.suggestion is None and why_not(case) == "", "it is the segmentation"
    case.set_input("segmentation", read_input("segmentation", files["segmentation"]))
    assert why_not(case) == "Have an outline suggested first.", "somebody's drawing took its place"


def test_what_names_a_patient_is_read_of_series_alone(case, series, files):
    assert read_input("second", files["second"]).headers == ()
    read = read_input("second", series["second"])
    assert len(read.headers) == SHAPE[0] and "Made" not in repr(read), "no log shows them"
