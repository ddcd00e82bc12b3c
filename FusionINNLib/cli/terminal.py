"""What a command says while it works, on standard error: sentences, and how far it is. Standard output is for results."""
import errno
import sys
import time

from FusionINNLib.progress import Progress

_FIRST_LINE_S, _LINES_S = 10.0, 60.0
"""In a log: when work has taken so long it is said how far it is, and then about so often."""


def say(sentence: str) -> None:
    """One line on standard error."""
    print(sentence, file=sys.stderr)


def put(text: str) -> None:
    """A result on standard output. Raises OSError where it cannot be written; a reader who has seen enough is no failure."""
    sys.stdout.write(text)
    sys.stdout.flush()
    problem = getattr(sys.stdout, "problem", None)
    if problem is not None and getattr(problem, "errno", None) != errno.EPIPE:
        raise OSError(f"standard output: {problem}")


def progress() -> Progress:
    """A line that counts on a terminal; in a log lines with the time, when work takes long."""
    def warn(sentence: str) -> None:
        say(f"Warning: {sentence}")

    return Progress(_count if sys.stderr.isatty() else Log(), warn)


def _count(task: str, done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\r{task}: {done} of {total} ", end=end, file=sys.stderr, flush=True)


class Log:
    """Says how far work is in lines with the time of day, seldom."""

    def __init__(self):
        self._task, self._began, self._next = "", 0.0, time.monotonic() + _FIRST_LINE_S

    def __call__(self, task: str, done: int, total: int) -> None:
        now = time.monotonic()
        if task != self._task:
            self._task, self._began = task, now
        if now < self._next:
            return
        self._next = now + _LINES_S
        left = (now - self._began) / done * (total - done) if done else 0.0
        words = f", about {duration(left)} left" if left > 1 else ""
        print(f"{time.strftime('%H:%M:%S')} {task}: {done} of {total}{words}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """In a word or two."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
