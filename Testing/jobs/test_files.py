"""Large arguments and answers in parts, and work in steps."""
import pickle
import time

import numpy as np
import pytest

from FusionINNLib.errors import Cancelled
from FusionINNLib.jobs import files as job_files
from FusionINNLib.jobs.job import Job
from FusionINNLib.phantom.case import small_case
from FusionINNLib.steps import Stepper, finish
from FusionINNLib.volumes.volume import Volume


def content() -> dict:
    """Arrays as they come: in order, turned over, strided, empty."""
    array = np.random.default_rng(0).normal(size=(30, 200, 300))
    return {"volume": Volume(array, np.diag([1.0, 2.0, 3.0, 1.0]), "name", "mm"), "turned": array.T, "strided": array[::2, ::3],
            "empty": np.zeros((0, 3)), "words": ("one", None)}


def test_what_is_written_is_read(tmp_path):
    path, before = tmp_path / "file", content()
    finish(job_files.writing(path, before))
    after = finish(job_files.reading(path))
    assert np.array_equal(after["volume"].array, before["volume"].array) and after["volume"].unit == "mm"
    for name in ("turned", "strided", "empty"):
        assert np.array_equal(after[name], before[name]) and after[name].dtype == before[name].dtype
    assert after["words"] == ("one", None)
    after["volume"].array[0] = 0  # the receiver may write into it


def test_a_large_array_takes_several_steps_and_is_there_only_when_it_is_whole(tmp_path):
    path = tmp_path / "file"
    writing = job_files.writing(path, np.zeros(40 * 2 ** 20, np.uint8))
    count = 0
    for _ in writing:
        count += 1
        assert not path.exists()
    assert count >= 5 and path.exists() and [other.name for other in tmp_path.iterdir()] == ["file"]
    assert len(list(job_files.reading(path))) >= 5


@pytest.mark.parametrize("keep", [0, 5, 60, 4000, -1])
def test_a_file_that_ends_early_is_told(tmp_path, keep):
    path = tmp_path / "file"
    finish(job_files.writing(path, np.arange(5000)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        finish(job_files.reading(path))


def test_a_stepper_does_one_step_at_least_and_remembers_its_result():
    done = []

    def work():
        for number in range(3):
            done.append(number)
            yield
        return "result"

    stepper = Stepper(work())
    assert not stepper.advance(0) and done == [0]
    assert not stepper.advance(0) and done == [0, 1]
    assert stepper.advance(10) and stepper.result == "result"
    assert stepper.advance(10) and stepper.result == "result", "asking again changes nothing"


def test_arguments_may_follow_later(tiny_model):
    case, job = small_case(), Job("fuse")
    assert job.is_running()
    job.give({"first": case.first, "second": case.second, "model": tiny_model, "device": "cpu"})
    while job.is_running():
        time.sleep(0.02)
    while not job.fetch():
        pass
    assert job.result().fused.shape == case.second.shape


def test_a_job_that_never_gets_its_arguments_can_be_cancelled():
    job = Job("fuse")
    job.cancel()
    while job.is_running():
        time.sleep(0.02)
    with pytest.raises(Cancelled):
        job.result()
    assert not job._folder.exists()


def test_cancelling_what_is_over_is_harmless():
    job = Job("devices", {})
    while job.is_running():
        time.sleep(0.02)
    job.close()
    job.cancel()
    assert job.is_cancelled
