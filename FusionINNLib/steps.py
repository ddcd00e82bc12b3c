"""Work in steps, for a window that must not freeze: a generator that yields wherever its caller may do something else in between."""
import time
from collections.abc import Callable, Generator
from typing import Generic, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Yields nothing, returns its result."""


def finish(steps: Steps[Result]) -> Result:
    """All of it at once; gives its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def in_one_step(function: Callable[Arguments, Result]) -> Callable[Arguments, Steps[Result]]:
    """A function as work in steps, of which it has one."""
    def steps(*arguments: Arguments.args, **named: Arguments.kwargs) -> Steps[Result]:
        return function(*arguments, **named)
        yield

    return steps


class Stepper(Generic[Result]):
    """Work in steps, some at a time.

    Args:
        steps: started by the first `advance`.
    """

    def __init__(self, steps: Steps[Result]):
        self._steps, self._over = steps, False
        self.result: Result | None = None

    def advance(self, seconds: float) -> bool:
        """Do at least one step, and further ones for about so long; True when it is over, and `result` there. Raises what a step raises."""
        started = time.monotonic()
        while not self._over:
            try:
                next(self._steps)
            except StopIteration as end:
                self.result, self._over = end.value, True
            else:
                if time.monotonic() - started >= seconds:
                    break
        return self._over
