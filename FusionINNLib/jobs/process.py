"""The process behind a `Job`: started by file name with the folder of the exchange, never imported by the application."""
import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path

LEAST_PAUSE_S = 0.03  # between two lines about one task
STOPPED = 130


class Events:
    """The file of lines that the application polls."""

    def __init__(self, path: Path):
        self._file, self._last, self._task = open(path, "ab", buffering=0), 0.0, None
        self._is_full = False

    def step(self, task: str, done: int, total: int) -> None:
        """Write a step, unless the last one is too fresh for anybody to have seen it."""
        now = time.monotonic()
        if task != self._task or done == total or now - self._last > LEAST_PAUSE_S:
            self._last, self._task = now, task
            self._write({"step": [task, done, total]})

    def say(self, sentence: str) -> None:
        """Write a sentence."""
        self._write({"said": sentence})

    def _write(self, line: dict) -> None:
        if self._is_full:
            return
        content = json.dumps(line).encode() + b"\n"
        try:
            self._is_full = self._file.write(content) != len(content)
        except OSError:
            self._is_full = True  # the work goes on unseen, and nothing is put behind half a line


def leave_when_told(folder: Path, stop: str) -> None:
    """End this process when the application asks for it, or is gone itself; the volumes in the folder go too."""
    def leave() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(STOPPED)

    def look() -> None:
        while folder.is_dir() and not (folder / stop).exists():
            time.sleep(0.1)
        leave()

    def listen() -> None:
        sys.stdin.buffer.read()  # returns when the other end is closed, be it by a crash
        leave()

    for watch in (look, listen):
        threading.Thread(target=watch, daemon=True).start()


def main(folder: Path) -> None:
    """Do what the request says and leave the answer."""
    # This file's own folder is where Python looks for modules first; the library is to be found as a package instead.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from FusionINNLib.errors import FusionINNError
    from FusionINNLib.jobs import files as job_files
    from FusionINNLib.jobs import job
    from FusionINNLib.jobs import tasks as job_tasks
    from FusionINNLib.progress import Progress
    from FusionINNLib.steps import finish

    leave_when_told(folder, job.STOP)
    while not (folder / job.REQUEST).exists():  # the application reads its scene
        time.sleep(0.01)
    task, arguments = finish(job_files.reading(folder / job.REQUEST))
    events = Events(folder / job.EVENTS)
    try:
        answer = ("result", getattr(job_tasks, task)(**arguments, progress=Progress(events.step, events.say)))
    except FusionINNError as problem:
        answer = ("refused", (type(problem).__name__, str(problem)))
    except MemoryError:
        answer = ("refused", ("DeviceMemoryError", job.ENDED))
    except Exception:
        answer = ("defect", traceback.format_exc())
    finish(job_files.writing(folder / job.ANSWER, answer))
    os._exit(0)  # the answer is complete: tidying up after torch takes seconds that the user would wait


if __name__ == "__main__":
    main(Path(sys.argv[1]))
