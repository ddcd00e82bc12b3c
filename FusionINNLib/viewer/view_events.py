"""What happens on the slice views, passed on to whoever reacts to it: made before the views, told later who listens. No page, no slicer."""
from typing import Protocol


class Listener(Protocol):
    """Reacts to what happens on the views."""

    def fit_soon(self) -> None:
        """A view has got another size."""

    def draw_window(self, view: str, right: float, up: float) -> None:
        """The pointer was drawn over a view with the left button held, see `drag.LeftDrag`."""


class ViewEvents:
    """Given to the views. Until somebody listens, what happens there is no matter."""

    def __init__(self):
        self._listener: Listener | None = None

    def tell(self, listener: Listener) -> None:
        """From now on this one is told."""
        self._listener = listener

    def resized(self) -> None:
        """A view has got another size."""
        if self._listener is not None:
            self._listener.fit_soon()

    def dragged(self, view: str, right: float, up: float) -> None:
        """The pointer was drawn over a view with the left button held."""
        if self._listener is not None:
            self._listener.draw_window(view, right, up)
