"""The left button on a view: how far the pointer is drawn while it is held. Main thread only."""
from collections.abc import Callable

_FIRST = 1.0  # priority: before the view's own answers to the same events


class LeftDrag:
    """Watches a vtkRenderWindowInteractor.

    Args:
        told: called at every step with what it was to the right and up, as shares of the shorter side of the view.
    """

    def __init__(self, interactor, told: Callable[[float, float], None]):
        self._told, self._last = told, None
        for event, answer in (("LeftButtonPressEvent", self._begin), ("MouseMoveEvent", self._go),
                              ("LeftButtonReleaseEvent", self._end), ("LeaveEvent", self._end)):
            interactor.AddObserver(event, answer, _FIRST)

    def _begin(self, interactor, _event) -> None:
        self._last = interactor.GetEventPosition()

    def _go(self, interactor, _event) -> None:
        if self._last is None:
            return
        (x, y), (x0, y0) = interactor.GetEventPosition(), self._last
        self._last = x, y
        if (x, y) != (x0, y0):
            side = max(min(interactor.GetSize()), 1)
            self._told((x - x0) / side, (y - y0) / side)

    def _end(self, _interactor, _event) -> None:
        self._last = None
