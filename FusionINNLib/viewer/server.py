"""The server on this machine: page, views and files behind a token, from the first request to Ctrl-C."""
import asyncio
import errno
import os
import signal
import sys
import webbrowser
from collections.abc import Awaitable, Callable
from pathlib import Path

from trame.app import get_server

from FusionINNLib.errors import InputError
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.viewer import page
from FusionINNLib.viewer.app import Opening, Viewer
from FusionINNLib.viewer.choices import Choices
from FusionINNLib.viewer.controls import Controls
from FusionINNLib.viewer.routes import Routes
from FusionINNLib.viewer.security import Gate
from FusionINNLib.viewer.state import INITIAL
from FusionINNLib.viewer.trame_views import SliceViews
from FusionINNLib.viewer.uploads import Uploads
from FusionINNLib.viewer.view_events import ViewEvents

HOST = "127.0.0.1"
_OF_PORTS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


def _leave_closed_tabs(loop: asyncio.AbstractEventLoop, context: dict) -> None:
    """A tab that is closed while a picture is on its way to it is no news."""
    if not isinstance(context.get("exception"), ConnectionError):
        loop.default_exception_handler(context)


class PageServer:
    """One page with one case.

    Args:
        opening: what it shows first.
        port: 0 for one that is free.
        most_bytes: of an upload.
    """

    def __init__(self, opening: Opening, *, port: int, open_browser: bool, most_bytes: int, model: str | None, device: str):
        self._opening, self._port, self._open_browser = opening, port, open_browser
        self._choices = {"model": model, "device": device}
        self._gate, self._uploads = Gate(), Uploads(most_bytes)

    def run(self) -> None:
        """Serve until Ctrl-C or a signal to end. Raises InputError where the port cannot be had, or the system refuses something else."""
        try:
            asyncio.run(self._serve())
        except OSError as problem:
            reason = problem.strerror or problem
            if problem.errno in _OF_PORTS and problem.filename is None:
                raise InputError(f"The page cannot be served on port {self._port} ({reason}): choose another --port.") from problem
            of = f"{problem.filename}: " if problem.filename is not None else ""
            raise InputError(f"The page cannot be served ({of}{reason}): see to that, and start it again.") from problem
        finally:
            self._uploads.close()
        print("\nThe page is closed, and its temporary files are removed.", file=sys.stderr)

    async def _serve(self) -> None:
        # trame would take our command line for its own, and announce itself.
        os.environ["TRAME_ARGS"], os.environ["WSLINK_READY_MSG"] = "", ""
        self._server = server = get_server(name="fusioninn")
        server.state.update(INITIAL)
        page.enable(server)
        events = ViewEvents()
        views = SliceViews(server, page.overlay, events)
        self._viewer = viewer = Viewer(server.state, views, **self._choices)
        controls = Controls(viewer)
        events.tell(controls)
        self._choices_of_files = choices = Choices(viewer, self._uploads, server.state)
        self._routes = Routes(self._uploads, choices.load)
        server.trigger("choose")(self._choose)
        server.trigger("step")(controls.step)
        server.trigger("download")(lambda: self._start_download("fusioninn-result", viewer.export))
        server.trigger("download_dicom")(lambda: self._start_download("fusioninn-dicom", viewer.export_dicom))
        server.trigger("download_outline")(lambda: self._start_download("fusioninn-outline", viewer.export_outline))
        page.build(server, viewer, controls, views)
        server.controller.on_server_bind.add(self._bind)
        server.controller.on_server_ready.add(self._ready)
        serving = asyncio.ensure_future(server.start(exec_mode="coroutine", host=HOST, port=self._port, timeout=0, thread=True,
                                                     open_browser=False, show_connection_info=False, backend="aiohttp"))
        self._end_with(serving)
        try:
            await serving
        except asyncio.CancelledError:  # by Ctrl-C, the usual end
            pass
        finally:
            viewer.close()

    def _end_with(self, serving: asyncio.Future) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_leave_closed_tabs)
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, serving.cancel)

    def _bind(self, wslink_server) -> None:
        wslink_server.app.middlewares.append(self._gate.middleware())
        wslink_server.app.add_routes(self._routes.table())

    def _ready(self, **_) -> None:
        address = f"http://{HOST}:{self._server.port}/?token={self._gate.token}"
        print(f"FusionINN is at {address}\nCtrl-C ends it. {NOTICE}", flush=True)
        if self._open_browser:
            webbrowser.open(address)
        self._opened = asyncio.ensure_future(self._viewer.open(self._opening))

    def _choose(self, number: int) -> None:
        self._choosing = asyncio.ensure_future(self._choices_of_files.choose(int(number)))

    def _start_download(self, name: str, export: Callable[[Path], Awaitable[bool]]) -> None:
        self._downloading = asyncio.ensure_future(self._download(name, export))  # the page waits for no answer: it would hear nothing else

    async def _download(self, name: str, export: Callable[[Path], Awaitable[bool]]) -> None:
        folder = self._uploads.new_folder() / name
        if await export(folder):
            address = await asyncio.to_thread(self._routes.offer, folder)
            with self._server.state:
                self._server.state.download = address
