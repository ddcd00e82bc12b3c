"""A task under way in a process of its own, looked after by a timer: Slicer stays alive, and only its main thread touches the scene."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import logging
from collections.abc import Callable
from functools import partial

import qt

from FusionINNLib import mrml
from FusionINNLib.errors import Cancelled, FusionINNError
from FusionINNLib.jobs import job
from FusionINNLib.steps import Stepper

INTERVAL_MS = 50
SLICE_S = 0.04  # the main thread's work in one tick, and one step more


class Run:
    """Starts at once; one of `onDone`, `onFailed`, `onCancelled` is called when it is over.

    Args:
        task: what to do; the scene is read and written from the timer, in the main thread, a volume at a time.
        onStep: (what is done, steps done, steps in all); onSaid: (sentence).
        onDone: (what `task.store` returned); onFailed: (exception); onCancelled: ().

    Raises `job.JobError` where no process can be started.
    """

    def __init__(self, task: mrml.Task, *, onStep: Callable, onSaid: Callable, onDone: Callable, onFailed: Callable, onCancelled: Callable):
        self._task, self._onStep, self._onSaid = task, onStep, onSaid
        self._onDone, self._onFailed, self._onCancelled = onDone, onFailed, onCancelled
        self._job = job.Job(task.name)
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.connect("timeout()", self._tick)
        self._next: Callable[[], None] | None = partial(self._read, Stepper(task.read()))
        self._timer.start()

    @property
    def isCancelled(self) -> bool:
        """Whether it is about to end without a result."""
        return self._job.is_cancelled

    def cancel(self) -> None:
        """Ask it to end; `onCancelled` follows when it has. Results that are being stored already are stored to the end."""
        self._job.cancel()

    def abandon(self) -> None:
        """End it now and call nobody: the panel goes away."""
        self._job.cancel()
        self._close()

    def _tick(self) -> None:
        """Some steps each time, so that Slicer can draw in between: read, look, take the result, store it, show it."""
        try:
            if self._next is not None:
                self._next()
        except Cancelled:
            self._finish(self._onCancelled)
        except Exception as problem:  # all of them end here: nobody is above a timer
            if not isinstance(problem, FusionINNError) or isinstance(problem, job.JobError):
                logging.exception("FusionINN: %s", getattr(problem, "details", problem))
            self._finish(partial(self._onFailed, problem))

    def _read(self, reading: Stepper[dict]) -> None:
        if self.isCancelled:
            self._next = self._look
        elif reading.advance(SLICE_S):
            assert reading.result is not None  # as it is over
            self._job.give(reading.result)
            self._next = self._look

    def _look(self) -> None:
        running = self._job.is_running()  # asked first, so that the last events are not missed
        for event in self._job.poll():
            if isinstance(event, job.Step):
                self._onStep(event.task, event.done, event.total)
            else:
                self._onSaid(event.sentence)
        if not running:
            self._next = self._take

    def _take(self) -> None:
        if self._job.fetch():
            self._next = partial(self._beginToStore, self._job.result())

    def _beginToStore(self, result) -> None:
        if self.isCancelled:
            raise Cancelled("Stopped.")
        self._next = partial(self._store, Stepper(self._task.store(result)))
        self._next()

    def _store(self, storing: Stepper) -> None:
        if storing.advance(SLICE_S):
            self._next = lambda: self._finish(lambda: self._onDone(storing.result))

    def _finish(self, tell: Callable[[], None]) -> None:
        self._close()
        tell()

    def _close(self) -> None:
        """Nothing is held any longer: the connection would hold this object, and what is to be done next the volumes."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self._tick)
        self._job.close()
        self._next = None
