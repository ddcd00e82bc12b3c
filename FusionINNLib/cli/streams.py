"""Standard output and error that never decide how a run ends: closed, broken, full, or in an encoding that lacks letters."""
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Steady:
    """A text stream to which everything can be written. From the first failure on, what is written goes nowhere."""

    def __init__(self, stream: TextIO | None):
        self._stream, self.problem = stream, None if stream is not None else OSError("it is closed")
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Whether somebody may be looking."""
        return self.problem is None and self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Of the stream behind it."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        """Of the stream behind it."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def silence(self) -> None:
        """Let the interpreter's last flush, of what could not be written, end well."""
        if self.problem is None or self._stream is None:
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass

    def _try(self, act) -> None:
        if self.problem is not None:
            return
        try:
            act(self._stream)
        except (OSError, ValueError) as problem:  # ValueError: it was closed
            self.problem = problem


@contextmanager
def steady_streams() -> Iterator[None]:
    """Steady streams in place of `sys.stdout` and `sys.stderr`."""
    _open_what_is_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = steady = Steady(before[0]), Steady(before[1])
    try:
        yield
    finally:
        for stream in steady:
            stream.flush()
            stream.silence()
        sys.stdout, sys.stderr = before


def _open_what_is_closed() -> None:
    """Else the next file that is opened would be 0, 1 or 2, and receive what a library writes to standard error."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
