"""What a command says while it works, on standard error: sentences, and how far it is. Standard output is for results."""
import errno
import re
import sys
import time

from FusionINNLib.cli.voice import voice
from FusionINNLib.progress import Progress, TimeLeft, duration

_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_FIRST_LINE_S, _LINES_S = 10.0, 60.0
"""In a log: when work has taken so long it is said how far it is, and then about so often."""


def say(sentence: str) -> None:
    """One line on standard error."""
    _say("info", sentence, sentence)


def warn(sentence: str) -> None:
    """One line on standard error that begins with "Warning: "."""
    _say("warning", sentence, f"Warning: {sentence}")


def on_one_line(text: str) -> str:
    """A sentence in which names of files may hold line ends and orders to terminals: those as escapes."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _say(level: str, sentence: str, line: str) -> None:
    voice().record(level, message=sentence)
    if not voice().quiet:
        print(on_one_line(line), file=sys.stderr)


def put(text: str) -> None:
    """A result on standard output. Raises OSError where it cannot be written; a reader who has seen enough is no failure."""
    sys.stdout.write(text)
    sys.stdout.flush()
    problem = getattr(sys.stdout, "problem", None)
    if problem is not None and getattr(problem, "errno", None) != errno.EPIPE:
        raise OSError(f"standard output: {problem}")


def progress() -> Progress:
    """A line that counts on a terminal; elsewhere lines with the time, when work takes long; with --verbose a line a task."""
    shown = _nothing if voice().quiet else Count() if sys.stderr.isatty() else Log(0.0 if voice().verbose else _FIRST_LINE_S)

    def report(task: str, done: int, total: int) -> None:
        voice().record_progress(task, done, total)
        shown(task, done, total)

    return Progress(report, warn)


def _nothing(task: str, done: int, total: int) -> None:
    pass


class Count:
    """One line of a terminal that is written again at each step: how far work is, and about how long it will go on."""

    def __init__(self) -> None:
        self._left, self._length = TimeLeft(), 0

    def __call__(self, task: str, done: int, total: int) -> None:
        left = self._left.words(task, done, total)
        line = f"{task}: {done} of {total}" + (f", about {left} left" if left else "")
        print(f"\r{line.ljust(self._length)} ", end="\n" if done == total else "", file=sys.stderr, flush=True)
        self._length = 0 if done == total else len(line)  # what was longer before is written over


class Log:
    """Says how far work is in lines with the time of day, seldom.

    Args:
        first: seconds of work until the first line; 0 has each task's end said too.
    """

    def __init__(self, first: float = _FIRST_LINE_S):
        self._first, self._task = first, ""
        self._began = self._last = time.monotonic()
        self._next = self._began + first

    def __call__(self, task: str, done: int, total: int) -> None:
        now = time.monotonic()
        if task != self._task:
            self._task, self._began = task, self._last
        self._last = now
        ended = done == total and self._first == 0
        if now < self._next and not ended:
            return
        self._next = now + _LINES_S
        left = (now - self._began) / done * (total - done) if done else 0.0
        words = f", about {duration(left)} left" if left > 1 else f" in {now - self._began:.1f} s" if ended else ""
        print(f"{time.strftime('%H:%M:%S')} {task}: {done} of {total}{words}", file=sys.stderr, flush=True)
