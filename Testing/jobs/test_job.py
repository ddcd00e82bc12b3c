"""Work in a process of its own: results, progress, refusals, cancel, and nothing left behind."""
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from FusionINNLib.errors import Cancelled, InputError
from FusionINNLib.jobs.job import Job, JobError, Step
from FusionINNLib.methods.fusioninn.record import record_of
from FusionINNLib.phantom.case import small_case

ROOT = Path(__file__).resolve().parents[2]
ORPHAN = """
import sys, time
from FusionINNLib.jobs.job import Job
from FusionINNLib.phantom.case import sample_case
if __name__ == "__main__":
    case = sample_case()
    job = Job("fuse", {"first": case.first, "second": case.second, "model": sys.argv[1], "device": "cpu"})
    while not job.poll():
        time.sleep(0.02)
    print(job._process.pid, job._folder, flush=True)
    import os
    os._exit(1)
"""


def request(tiny_model: str, **more) -> dict:
    case = small_case()
    return {"first": case.first, "second": case.second, "model": tiny_model, "device": "cpu"} | more


def wait(job: Job) -> list:
    """Everything that was said until the end."""
    events, started = [], time.monotonic()
    while job.is_running():
        events += job.poll()
        assert time.monotonic() - started < 120
        time.sleep(0.02)
    return events + job.poll()


def test_a_job_gives_what_the_pipeline_gives(tiny_model):
    from FusionINNLib import pipeline

    arguments = request(tiny_model)
    job = Job("fuse", arguments)
    events = wait(job)
    here, there = pipeline.fuse(**arguments), job.result()
    assert np.allclose(here.fused.array, there.fused.array, atol=1e-6)
    assert there.recipe.model == here.recipe.model and there.alignment.mode == "none"
    assert events[-1] == Step("fusing slices", len(record_of(here.recipe).boxes), len(record_of(here.recipe).boxes))
    assert not job._folder.exists()


def test_refusals_come_back_as_the_same_error(tiny_model):
    job = Job("fuse", request(tiny_model, reference="third"))
    with pytest.raises(InputError, match="cannot be 'third'"):
        job.result()
    assert not job._folder.exists()


def test_a_defect_is_told_apart_and_has_its_details(tiny_model):
    job = Job("fuse", request(tiny_model, no_such_argument=1))
    with pytest.raises(JobError, match="defect") as caught:
        job.result()
    assert "no_such_argument" in caught.value.details


def test_a_killed_process_is_told(tiny_model):
    job = Job("fuse", request(tiny_model))
    job._process.kill()
    with pytest.raises(JobError, match="ended without a result"):
        job.result()


def test_cancel_ends_the_process_soon_and_leaves_nothing(tiny_model):
    job = Job("fuse", request(tiny_model))
    job.cancel()
    started = time.monotonic()
    wait(job)
    assert time.monotonic() - started < 5
    with pytest.raises(Cancelled):
        job.result()
    assert not job._folder.exists()


def test_the_stop_file_alone_ends_the_process(tiny_model):
    """In Slicer a signal may reach the launcher alone."""
    from FusionINNLib.jobs.job import STOP

    job = Job("fuse", request(tiny_model))
    (job._folder / STOP).touch()
    wait(job)
    with pytest.raises(JobError):
        job.result()


def test_an_orphan_ends_itself_and_removes_the_volumes(tiny_model):
    """The application crashes while something is computed."""
    done = subprocess.run([sys.executable, "-c", ORPHAN, tiny_model], cwd=ROOT, capture_output=True, text=True)
    folder = Path(done.stdout.split()[1])
    for _ in range(200):
        if not folder.exists():
            break
        time.sleep(0.05)
    assert not folder.exists()


def test_a_full_disk_ends_the_lines_and_not_the_work(tmp_path):
    """Half a line is followed by nothing, even when there is space again."""
    code = """
import resource, sys
from FusionINNLib.jobs.process import Events
events = Events(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (40, resource.RLIM_INFINITY))
events.step("fusing", 0, 3)
events.step("fusing more slices", 1, 3)
events.say("a sentence")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
events.say("another one")
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "events"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "events").read_bytes().split(b"\n")
    assert first == b'{"step": ["fusing", 0, 3]}' and len(first) + 1 + len(second) == 40


def test_without_space_or_python_nothing_starts(monkeypatch):
    from FusionINNLib.jobs import job

    monkeypatch.setattr(job, "python_executable", lambda: "/no/such/python")
    with pytest.raises(JobError, match="cannot be started"):
        Job("sample", {})


@pytest.mark.parametrize("executable", ["/opt/Slicer/bin/SlicerApp-real", "", None])
def test_another_python_is_no_stand_in_for_slicers(monkeypatch, executable):
    from FusionINNLib.jobs import job

    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/python3" if name == "python3" else None)
    monkeypatch.setattr("sys.executable", executable)
    with pytest.raises(JobError, match="PythonSlicer"):
        Job("sample", {})
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/Slicer/bin/{name}")
    assert job.python_executable() == "/opt/Slicer/bin/PythonSlicer"


def test_the_answer_brings_no_torch_into_the_application(tiny_model):
    code = ("import sys\nfrom FusionINNLib.jobs.job import Job\nfrom FusionINNLib.phantom.case import small_case\ncase = small_case()\n"
            f"job = Job('fuse', dict(first=case.first, second=case.second, model={tiny_model!r}, device='cpu'))\njob.result()\n"
            "print([name for name in ('torch', 'SimpleITK', 'nibabel') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_sample_case_and_the_devices_can_be_asked_for():
    first, second, segmentation, labels = Job("sample", {}).result()
    assert first.unit == "1e-6 mm2/s" and segmentation.same_grid(second) and labels[1]
    assert Job("devices", {}).result()[-1] == ("cpu", "CPU")
