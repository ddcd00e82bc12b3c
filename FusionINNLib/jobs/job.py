"""Long work in a process of its own, for a program whose window must not freeze: started, polled from a timer, cancelled at any time.

    job = Job("fuse", {"first": adc, "second": flair})
    while job.is_running():
        for event in job.poll(): ...          # Step("fusing slices", 3, 46) or Said("Memory was short: ...")
    fusion = job.result()

Why a process and no thread or timer: the rigid registration is one call of many seconds that a timer cannot cut up; and while Slicer's
main thread waits in Qt it keeps Python's lock, so that threads stand still. A process ends when it is told to, gives back all of its
memory, that on the GPU too, and does not take the application with it when memory runs out. What it does is in `jobs/tasks.py`.

Arguments and results are pickles in a temporary folder that only this user can open; both ends are this program, as with `multiprocessing`.
They may be large: each `is_running` and `poll` hands over a part of the arguments, each `fetch` brings a part of the answer. A `Job`
without arguments starts at once and is `give`n them later, so that the process gets ready while a scene is read.
"""
import json
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from FusionINNLib import errors
from FusionINNLib.jobs import files as job_files
from FusionINNLib.steps import Stepper, Steps

REQUEST, ANSWER, EVENTS, LOG, STOP = "request.pickle", "answer.pickle", "events.jsonl", "log.txt", "stop"
SLICE_S = 0.02  # how long one call may hand over or fetch
PATIENCE_S = 3.0  # how long a cancelled process may take to leave before it is killed
ENDED = ("The computation ended without a result, possibly because memory was short: close other programs, choose the device cpu, or "
         "resample the volumes to fewer voxels.")


@dataclass(frozen=True)
class Step:
    """`done` of `total` steps of a task are over."""

    task: str
    done: int
    total: int


@dataclass(frozen=True)
class Said:
    """A sentence for the user."""

    sentence: str


class JobError(errors.FusionINNError):
    """The process ended by a defect of the program or from outside. `details` is for the log."""

    def __init__(self, sentence: str, details: str = ""):
        super().__init__(sentence)
        self.details = details


class Job:
    """One task under way.

    Args:
        task: name of a function in `jobs/tasks.py`.
        arguments: its keyword arguments; volumes, words and numbers. None: they follow by `give`.

    Raises JobError where no process can be started.
    """

    def __init__(self, task: str, arguments: dict[str, Any] | None = None):
        self.task, self._read = task, 0
        self._cancelled_at: float | None = None
        self._handing: Stepper[None] | None = None
        self._fetching: Stepper[tuple[str, Any]] | None = None
        python = python_executable()
        self._folder = Path(tempfile.mkdtemp(prefix="FusionINN-"))
        try:
            self._process = self._start(python)
        except OSError as problem:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise _cannot_start(problem) from problem
        if arguments is not None:
            self.give(arguments)

    def give(self, arguments: dict[str, Any]) -> None:
        """Hand over the arguments, from now on a part at each `is_running` or `poll`. They must not be changed meanwhile."""
        self._handing = Stepper(job_files.writing(self._folder / REQUEST, (self.task, arguments)))

    def is_running(self) -> bool:
        """Whether the process is alive. A cancelled one that does not leave by itself is killed here. Raises JobError where there is no
        space for the arguments."""
        running = self._process.poll() is None
        if running and self._cancelled_at is not None and time.monotonic() - self._cancelled_at > PATIENCE_S:
            self._process.kill()
        self._hand_over(SLICE_S)
        return running

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked for the end."""
        return self._cancelled_at is not None

    def poll(self) -> list[Step | Said]:
        """What happened since the last call. Returns at once. Raises as `is_running`."""
        self._hand_over(SLICE_S)
        try:
            with open(self._folder / EVENTS, "rb") as file:
                file.seek(self._read)
                whole, _, _ = file.read().rpartition(b"\n")  # what follows the last line break is still being written
        except OSError:
            return []
        if not whole:
            return []
        self._read += len(whole) + 1
        lines = [json.loads(line) for line in whole.split(b"\n")]
        return [Step(*line["step"]) if "step" in line else Said(line["said"]) for line in lines]

    def cancel(self) -> None:
        """Ask the process to end. Returns at once; it is gone when `is_running` says so."""
        if self._cancelled_at is not None:
            return
        self._cancelled_at = time.monotonic()
        # In Slicer, Python starts through a launcher that a signal may end alone: so the process looks for this file and at its input too.
        if self._process.poll() is None:
            (self._folder / STOP).touch()
            self._input.close()
            self._process.terminate()

    def fetch(self) -> bool:
        """Bring a part of the answer; True when `result` will give it at once. To be asked when `is_running` is over."""
        if self.is_cancelled:
            return True
        if self._fetching is None:
            self._fetching = Stepper(self._answer(self._process.wait()))
        return self._fetching.advance(SLICE_S)

    def result(self) -> Any:
        """What the task returned, after it ended; the temporary folder is removed. Raises what the task raised, Cancelled, or JobError."""
        try:
            self._hand_over(float("inf"))
            self._process.wait()
            while not self.fetch():
                pass
            if self.is_cancelled:
                raise errors.Cancelled("Stopped: nothing was changed.")
            assert self._fetching is not None and self._fetching.result is not None  # `fetch` says so where nobody cancelled
            return _content(*self._fetching.result)
        finally:
            self.close()

    def close(self) -> None:
        """End the process, whatever it does, and remove the temporary folder."""
        self._handing = self._fetching = None  # which close their files
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if not self._input.closed:
            self._input.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _input(self) -> IO[bytes]:
        """What the process reads from."""
        assert self._process.stdin is not None  # `_start` asked for a pipe
        return self._process.stdin

    def _start(self, python: str) -> subprocess.Popen[bytes]:
        command = [python, str(Path(__file__).with_name("process.py")), str(self._folder)]
        hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows alone: no console window
        with open(self._folder / LOG, "wb") as log:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, creationflags=hidden)

    def _hand_over(self, seconds: float) -> None:
        """Write for so long at what was `give`n, if there is still something to write and somebody to read it."""
        if self._handing is None or self.is_cancelled or self._process.poll() is not None:
            return
        try:
            if self._handing.advance(seconds):
                self._handing = None
        except OSError as problem:
            self.close()
            raise _cannot_start(problem) from problem

    def _answer(self, code: int) -> Steps[tuple[str, Any]]:
        """(kind, content), in steps."""
        try:
            return (yield from job_files.reading(self._folder / ANSWER))
        except (OSError, EOFError, pickle.UnpicklingError) as problem:
            raise JobError(ENDED, f"exit code {code}\n{self._log()}") from problem

    def _log(self) -> str:
        log = self._folder / LOG
        return log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""


def _content(kind: str, content: Any) -> Any:
    """An answer as the caller gets it. Raises what the task raised."""
    if kind == "result":
        return content
    if kind == "refused":
        name, sentence = content
        raise getattr(errors, name, errors.FusionINNError)(sentence)
    raise JobError("The computation failed by a defect of FusionINN: the details are in the log; please report them.", content)


def _cannot_start(problem: OSError) -> JobError:
    return JobError(f"The computation cannot be started ({problem.strerror or problem}): check that there is space for temporary files, "
                    "then restart the application.")


def python_executable() -> str:
    """The Python that runs jobs. Slicer's `sys.executable` is Slicer itself; its Python is called PythonSlicer and is on the path.

    Raises JobError where there is none: any other Python would lack what the job needs, and another Slicer would open a window.
    """
    found = shutil.which("PythonSlicer") or (sys.executable if "python" in Path(sys.executable or "").name.lower() else None)
    if found is None:
        raise JobError("The Python that comes with Slicer (PythonSlicer) was not found, so that nothing can be computed: install Slicer "
                       "again, and start it by its own launcher.")
    return found
