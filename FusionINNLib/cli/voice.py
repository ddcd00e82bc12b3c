"""How loud a run is, and its log: --quiet, --verbose, --log FILE. One for the whole run, as signals and streams are."""
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from FusionINNLib.errors import ResultError

_BEGINS = b'{"time": "'
_PROGRESS_S = 1.0  # between two lines of the log about one task


@dataclass
class Voice:
    """quiet: only what ends the run is said. verbose: each step with its time. log: where everything goes, as JSON, a line each."""

    quiet: bool = False
    verbose: bool = False
    log: TextIO | None = None
    began: float = field(default_factory=time.monotonic)
    next_progress: float = 0.0

    def record(self, level: str, **facts) -> None:
        """A line of the log: when (UTC), seconds since the run began, level, and what happened."""
        if self.log is None:
            return
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            self.log.write(json.dumps({"time": when, "seconds": round(time.monotonic() - self.began, 3), "level": level, **facts}) + "\n")
            self.log.flush()
        except OSError:  # a full disk must not decide how the run ends
            self.log = None

    def record_progress(self, task: str, done: int, total: int) -> None:
        """Seldom enough to be read."""
        now = time.monotonic()
        if self.log is not None and (done == total or now >= self.next_progress):
            self.next_progress = now + _PROGRESS_S
            self.record("progress", task=task, done=done, total=total)


_VOICES = [Voice()]


def voice() -> Voice:
    """That of this run."""
    return _VOICES[-1]


@contextmanager
def raised(quiet: bool, verbose: bool, log: Path | None, results_on_stdout: bool) -> Iterator[Voice]:
    """A voice for the time of a run. Raises ResultError where the log cannot be written.

    results_on_stdout: standard output is what the command is for, and stays when it is quiet.
    """
    file = _opened(log) if log is not None else None
    _VOICES.append(Voice(quiet, verbose, file))
    try:
        with redirect_stdout(io.StringIO() if quiet and not results_on_stdout else sys.stdout):
            yield voice()
    finally:
        _VOICES.pop()
        if file is not None:
            with suppress(OSError):  # what could not be written before cannot be now
                file.close()


def _opened(log: Path) -> TextIO:
    """A log to add lines to. Raises ResultError where that cannot be, and for a file that is no log: a slip of the hand would damage it."""
    try:
        if log.is_file():
            with open(log, "rb") as file:
                start = file.read(len(_BEGINS))
            if start and start != _BEGINS:
                raise ResultError(f"{log} is there already and is no log: choose another file for --log.")
        file = open(log, "a", encoding="utf-8", opener=_without_waiting)
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(file.fileno(), True)
    except OSError as problem:
        raise ResultError(f"The log {log} cannot be written ({problem.strerror or problem}): choose another file.") from problem
    return file


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody reads is refused by the system, and not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
