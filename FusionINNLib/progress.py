"""Progress and cancel of long work as one object, handed down from whoever waits to whatever computes."""
import time
from collections.abc import Callable

from FusionINNLib.errors import Cancelled

_LEAST_S = 3.0  # of work, before anything can be told from its pace
_SHORT_S = 5.0  # what is left of it, that is not worth a word


class Progress:
    """Reports "step k of n" and stops the work when asked to.

    Args:
        report: called with (what is being done, steps done, steps in all) from the working thread; must return quickly.
        say: called with a sentence for the user when something did not go as usual, such as memory that was short.
    """

    def __init__(self, report: Callable[[str, int, int], None] | None = None, say: Callable[[str], None] | None = None):
        self._report = report or _not_reported
        self.say = say or _not_said
        self._stop = False

    def cancel(self) -> None:
        """Ask the work to stop at its next step. Safe to call from another thread."""
        self._stop = True

    def step(self, task: str, done: int, total: int) -> None:
        """Said by the worker after each step. Raises Cancelled when the work is to stop."""
        if self._stop:
            raise Cancelled("Stopped: nothing was written.")
        self._report(task, done, total)


class TimeLeft:
    """How long a task will go on, by its pace so far.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._task, self._began, self._at, self._done = clock, "", 0.0, 0, 0

    def seconds(self, task: str, done: int, total: int) -> float | None:
        """To be asked at each step, with what `Progress` reports; None while too little is done to tell."""
        now = self._clock()
        if task != self._task or done < self._done:
            self._task, self._began, self._at = task, now, done
        self._done = done
        passed, steps = now - self._began, done - self._at
        return passed / steps * (total - done) if steps > 0 and passed >= _LEAST_S else None

    def words(self, task: str, done: int, total: int) -> str:
        """As `duration`; "" while too little is done to tell, and for what is over in a moment."""
        left = self.seconds(task, done, total)
        return duration(left) if left is not None and left >= _SHORT_S else ""


def duration(seconds: float) -> str:
    """In a word or two."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _not_reported(task: str, done: int, total: int) -> None:
    """Nobody looks on."""


def _not_said(sentence: str) -> None:
    """Nobody listens."""
