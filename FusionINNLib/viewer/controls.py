"""What the controls of the views do: slice, plane, windows, opacity, outlines, blinking."""
import asyncio

from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.state import WINDOWS

_BLINK_S = 0.7
_FIT_AFTER_S = 0.05  # a browser window that is being resized sends many sizes


class Controls:
    """Listens to the state of the page, and changes the look of the case."""

    def __init__(self, viewer: Viewer):
        self._viewer, self._look, self._state = viewer, viewer.look, viewer.state
        self._blinking: asyncio.Task | None = None
        self._fitting: asyncio.TimerHandle | None = None
        for name, listener in (("offset", self._on_offset), ("plane", self._on_plane), ("opacity", self._on_opacity),
                               ("outlined", self._on_outlined), ("window_of", self._on_window_of), ("window_range", self._on_window),
                               ("pair", self._on_pair), ("blink", self._on_blink), ("method", self._on_method),
                               ("difference_of", self._on_method), ("interval", self._on_interval),
                               ("fusion_method", self._on_fusion_method), ("reference", self._on_what_fusing_takes),
                               ("method_settings", self._on_what_fusing_takes)):
            self._state.change(name)(listener)

    def step(self, slices: int) -> None:
        """So many slices on."""
        self._look.step(int(slices))
        self._viewer.refresh_slice()

    def jump(self) -> None:
        """To the middle of the segmentation."""
        self._look.jump_to_segmentation()
        self._viewer.refresh_slice()

    def fit(self) -> None:
        """As large as the views allow."""
        self._look.fit()
        self._viewer.refresh_slice()

    def fit_soon(self) -> None:
        """As `fit`, when no other size follows at once."""
        if self._fitting is not None:
            self._fitting.cancel()
        self._fitting = asyncio.get_running_loop().call_later(_FIT_AFTER_S, self.fit)

    def reset_window(self) -> None:
        """The window that the volume had at first."""
        self._look.reset_window(self._state.window_of)
        self._viewer.refresh_window()

    def draw_window(self, view: str, right: float, up: float) -> None:
        """The pointer was drawn over a view: the window of what it shows, and the slider shows that."""
        source = self._look.draw_window(view, right, up)
        if source in WINDOWS:
            self._viewer.refresh_window(source)

    # Each listener is called too when the value came from here: then there is nothing to change.

    def _on_offset(self, offset, **_) -> None:
        if self._look.lead is not None and abs(float(offset) - self._look.where()["offset"]) > 1e-3:
            self._look.set_offset(float(offset))
            self._viewer.refresh_slice()

    def _on_plane(self, plane, **_) -> None:
        if plane != self._look.plane:
            self._look.set_plane(plane)
            self._state.plane = self._look.plane
            self._viewer.refresh_slice()

    def _on_opacity(self, opacity, **_) -> None:
        self._look.set_opacity(float(opacity))

    def _on_outlined(self, outlined, **_) -> None:
        self._look.set_outlined(bool(outlined))

    def _on_window_of(self, **_) -> None:
        self._viewer.refresh_window()

    def _on_window(self, window_range, **_) -> None:
        window = self._look.window(self._state.window_of)
        if window is not None and [window["low"], window["high"]] != list(window_range):
            self._look.set_window(self._state.window_of, *(float(end) for end in window_range))
            self._viewer.refresh_window()

    def _on_method(self, **_) -> None:
        if self._look.method != self._state.method or self._look.difference_of != self._state.difference_of:
            self._state.blink = False
            self._viewer.show()

    def _on_interval(self, interval, **_) -> None:
        if self._look.interval != bool(interval):
            self._state.blink = False
            self._viewer.show()

    def _on_fusion_method(self, **_) -> None:
        self._state.method_settings = ""  # another method has other ones
        self._viewer.refresh()

    def _on_what_fusing_takes(self, **_) -> None:
        self._viewer.refresh()

    def _on_pair(self, **_) -> None:
        self._viewer.refresh()
        if self._state.blink:
            self._on_blink(True)

    def _on_blink(self, blink, **_) -> None:
        self._stop_blinking()
        if not blink:
            return
        if self._look.start_blinking(self._state.pair):
            self._blinking = asyncio.get_running_loop().create_task(self._blink())
        else:
            self._state.blink = False

    def _stop_blinking(self) -> None:
        if self._blinking is not None:
            self._blinking.cancel()
        self._blinking = None
        self._look.stop_blinking()

    async def _blink(self) -> None:
        while self._look.is_blinking:
            with self._state:
                self._state.blinked = self._look.toggle()
            await asyncio.sleep(_BLINK_S)
