"""A served page and what a user does on it."""
import base64
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from FusionINNLib.phantom.case import small_case
from FusionINNLib.viewer.state import INITIAL
from FusionINNLib.volumes.io import write_nifti

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("first", "second", "fused", "decomposedFirst", "decomposedSecond", "difference")
PATIENCE_MS = 120_000  # for a computation: the machine may be busy; nothing is judged by it
_CHOICES = ("alignment", "reference", "fusion_method", "method", "samples", "seed", "plane", "opacity", "outlined", "interval", "blink",
            "pair", "difference_of", "window_of", "numbers_open", "problem", "said")
_FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
          "--disable-sync"]


def files_of_case(folder: Path) -> dict[str, Path]:
    """The small sample case as files: first, second, segmentation."""
    case = small_case()
    paths = {"first": folder / "adc.nii.gz", "second": folder / "flair.nii.gz", "segmentation": folder / "tumour.nii.gz"}
    for slot, path in paths.items():
        write_nifti(getattr(case, slot), path)
    return paths


class Served:
    """`fusioninn view` in a process of its own.

    Args:
        temporary: its folder for temporary files.
        arguments: of the command line.
    """

    def __init__(self, temporary: Path, *arguments: str):
        temporary.mkdir(parents=True)
        self.temporary = temporary
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)}
        with open(temporary.with_suffix(".log"), "w") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "FusionINNLib.cli", "view", "--no-browser", *arguments], text=True,
                                            stdout=subprocess.PIPE, stderr=log, env=environment)
        line = self.process.stdout.readline()
        assert line.startswith("FusionINN is at http://127.0.0.1:"), line + self.errors()
        self.address = line.split()[-1]
        self.root, _, self.token = self.address.partition("?token=")

    def errors(self) -> str:
        """What it wrote to standard error."""
        return self.temporary.with_suffix(".log").read_text()

    def stop(self, sent: int = signal.SIGINT) -> int:
        """End it as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@contextmanager
def serving(folders, model: str) -> Iterator[Callable[..., Served]]:
    """Starts servers with a model, and ends them. folders: pytest's factory of temporary folders."""
    started: list[Served] = []

    def start(*arguments) -> Served:
        started.append(Served(folders.mktemp("served") / "temporary", "--model", model, "--device", "cpu", *map(str, arguments)))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@contextmanager
def launch(executable: str, root: bool) -> Iterator[Browser]:
    """Chromium without a window. root: whether its sandbox has to be left out."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS + ["--no-sandbox"] * root)
        yield browser
        browser.close()


class Visit:
    """A page that was opened. `requests` are the addresses that it asked for, `complaints` what its scripts said of errors."""

    def __init__(self, browser: Browser, served: Served, size: tuple[int, int] = (1440, 900)):
        self.page: Page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(served.address)
        self.page.wait_for_selector("#fuse")

    def state(self, name: str):
        """What the page knows under a name, see FusionINNLib/viewer/state.py."""
        return self.page.evaluate("name => window.trame.state.get(name)", name)

    def settled(self, name: str):
        """As `state`, when it has not changed for a while: what the pointer did arrives by and by."""
        before = None
        while (now := self.state(name)) != before:
            before = now
            self.page.wait_for_timeout(500)
        return now

    def choose(self, slot: str, path: Path) -> None:
        """Choose a file for a place, and wait until it was read or refused."""
        with self.page.expect_response(lambda answer: answer.url.endswith(f"upload/{slot}")):
            self.page.set_input_files(f"#file-{slot}", str(path))
        self.page.wait_for_function("""([slot, name]) => {
            const state = window.trame.state;
            return state.get('problem') || state.get('inputs')[slot]?.name === name;
        }""", arg=[slot, path.name])

    def start_again(self, files: dict[str, Path]) -> None:
        """The volumes, no fusion and the choices that a page begins with; nothing to do on a page that is new."""
        at_first = {name: INITIAL[name] for name in _CHOICES}
        now = {slot: about and about["name"] for slot, about in self.state("inputs").items()}
        if now == {slot: path.name for slot, path in files.items()} and filled(self) == {"first", "second"} and all(
                self.state(name) == value for name, value in at_first.items()):
            return
        self.wait_until_idle()
        self.page.evaluate("values => window.trame.state.update(values)", at_first)
        self.page.on("dialog", agree)
        self.choose("first", files["second"])  # another volume ends a fusion
        self.page.remove_listener("dialog", agree)
        for slot, path in files.items():
            self.choose(slot, path)

    def wait_until_idle(self) -> None:
        """Until nothing is computed."""
        self.page.wait_for_function("() => !window.trame.state.get('busy')")

    def click(self, text: str) -> None:
        """Click a button, and wait until what it starts has begun."""
        self.page.get_by_role("button", name=text, exact=True).click()
        self.page.wait_for_function("() => window.trame.state.get('busy')")

    def click_and_cancel(self, name: str) -> None:
        """Click a button, and Cancel as soon as it is there: quicker than any hand, so that there is something left to stop."""
        self.page.evaluate("""async name => {
            document.getElementById(name).click();
            while (!document.getElementById('cancel')) await new Promise((next) => setTimeout(next, 5));
            document.getElementById('cancel').click();
        }""", name)
        self.wait_until_idle()

    def do(self, text: str) -> str:
        """Click a button and wait for the end; what the page says then."""
        self.click(text)
        self.wait_until_idle()
        assert self.state("problem") == ""
        return self.state("said")

    def picture(self, view: str) -> np.ndarray:
        """What a view shows, uint8 (height, width, 3), with nothing of the page over it."""
        address = self.page.locator(f"#view-{view} img").evaluate("""async image => {
            // A new picture may take the place of one that is being decoded: then the new one counts.
            while (!await image.decode().then(() => true, () => false)) await new Promise((next) => setTimeout(next, 20));
            const canvas = Object.assign(document.createElement('canvas'), {width: image.naturalWidth, height: image.naturalHeight});
            canvas.getContext('2d').drawImage(image, 0, 0);
            return canvas.toDataURL('image/png');
        }""")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))

    def wait_for_picture(self, view: str, expected: np.ndarray) -> None:
        """Until a view shows this."""
        for _ in range(200):
            if np.array_equal(self.picture(view), expected):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the view {view} does not show what it should")

    def wait_for_pictures(self, before: dict[str, np.ndarray]) -> None:
        """Until each of these views shows something else than before."""
        for view, old in before.items():
            for _ in range(200):
                new = self.picture(view)
                if new.shape != old.shape or (new != old).any():
                    break
                self.page.wait_for_timeout(50)
            else:
                raise AssertionError(f"the view {view} did not change")


def agree(dialog) -> None:
    """Answer what the page asks with yes."""
    dialog.accept()


def filled(visit: Visit) -> set[str]:
    """The views that are not empty."""
    return {view for view, about in visit.state("views").items() if about["filled"]}


def violet(picture: np.ndarray) -> int:
    """Pixels in the colours of an interval."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return int(((np.minimum(red, blue) - green > 30) & (blue > 60)).sum())


def amber(picture: np.ndarray) -> int:
    """Pixels of the word ESTIMATED in the upper right corner."""
    corner = picture[:picture.shape[0] // 4, picture.shape[1] // 2:].astype(int)
    return int(((corner[..., 0] > 200) & (corner[..., 1] > 140) & (corner[..., 2] < 90)).sum())
