"""A task under way in a process of its own, looked after by the event loop, so that the page answers meanwhile."""
import asyncio
from collections.abc import Callable
from typing import Any

from FusionINNLib.jobs.job import Job, Said, Step
from FusionINNLib.mrml.tasks import Task
from FusionINNLib.steps import Stepper, Steps

_INTERVAL_S = 0.15  # as often as a page can show it without taking time from the computation
_SLICE_S = 0.04  # the event loop's work on the scene between two looks at what the page wants, and one step more


class Run:
    """Starts at once. `on_event` is called with each `job.Step` and `job.Said`."""

    def __init__(self, task: Task, on_event: Callable[[Step | Said], None]):
        self._task, self._on_event = task, on_event
        self._job = Job(task.name)

    @property
    def is_cancelled(self) -> bool:
        """Whether it is about to end without a result."""
        return self._job.is_cancelled

    def cancel(self) -> None:
        """Ask it to end; `result` then raises Cancelled. Results that are being stored already are stored to the end."""
        self._job.cancel()

    def close(self) -> None:
        """End it now: the server goes away."""
        self._job.close()

    async def result(self) -> Any:
        """Wait for the end; gives what `Task.store` gave. Raises what the task raised, Cancelled or JobError."""
        try:
            self._job.give(await _in_between(self._task.read()))
            running = True
            while running:
                running = self._job.is_running()  # asked first, so that the last events are not missed
                self._report(self._job.poll())
                await asyncio.sleep(_INTERVAL_S if running else 0)
            while not self._job.fetch():
                await asyncio.sleep(0)
            return await _in_between(self._task.store(self._job.result()))
        finally:
            self._job.close()

    def _report(self, events: list[Step | Said]) -> None:
        """All sentences, and how far it is now."""
        steps = [event for event in events if isinstance(event, Step)]
        for event in [event for event in events if isinstance(event, Said)] + steps[-1:]:
            self._on_event(event)


async def _in_between(steps: Steps) -> Any:
    """Work in steps, and between them whatever else the event loop has to do; gives its result."""
    stepper = Stepper(steps)
    while not stepper.advance(_SLICE_S):
        await asyncio.sleep(0)
    return stepper.result
