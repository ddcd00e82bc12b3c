"""Progress and cancel of long work as one object, handed down from whoever waits to whatever computes."""
from collections.abc import Callable

from FusionINNLib.errors import Cancelled


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


def _not_reported(task: str, done: int, total: int) -> None:
    """Nobody looks on."""


def _not_said(sentence: str) -> None:
    """Nobody listens."""
