"""The page and its server for the tests in this folder, as a user has them: a process, and a browser. And a case in the scene without them.

They need trame-slicer (see requirements.txt), which has an environment of its own: `make test-viewer`. Without it all of them are skipped;
those in a browser also without Chromium.
"""
import asyncio
import importlib.util
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAS_VIEWER = all(importlib.util.find_spec(name) for name in ("slicer", "trame_slicer", "playwright"))
REASON = "trame-slicer is not installed here: run 'make test-viewer'"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class _Absent(pytest.Module):
    """A test file that cannot be imported here."""

    def collect(self):
        pytest.skip(REASON, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Without trame-slicer every file of this folder is skipped, with the reason; CI fails on that skip."""
    return None if HAS_VIEWER else _Absent.from_parent(parent, path=module_path)


if HAS_VIEWER:
    from browsing import Visit, files_of_case, launch, serving
    from cases import run
    from trame.app import get_server

    from FusionINNLib.viewer import computations
    from FusionINNLib.viewer.case import Case
    from FusionINNLib.viewer.display import Look
    from FusionINNLib.viewer.inputs import read_input
    from FusionINNLib.viewer.trame_views import SliceViews
    from FusionINNLib.viewer.view_events import ViewEvents


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> dict[str, Path]:
    """The small sample case as files: first, second, segmentation."""
    return files_of_case(tmp_path_factory.mktemp("case"))


@pytest.fixture
def serve(tmp_path_factory, tiny_model):
    """Starts `fusioninn view` with the small model: serve(*arguments), a `browsing.Served`."""
    with serving(tmp_path_factory, tiny_model) as start:
        yield start


@pytest.fixture(scope="module")
def serve_file(tmp_path_factory, tiny_model):
    """As `serve`, for all tests of a file."""
    with serving(tmp_path_factory, tiny_model) as start:
        yield start


@pytest.fixture(scope="module")
def served(serve_file, files):
    """A server with the small case, one for all tests of a file: to start it takes longer than most of them."""
    return serve_file(files["first"], files["second"], "--segmentation", files["segmentation"])


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window, for one file: while it is there, no other event loop can run. Skips where there is none; CI must not."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed here: the page was not tested in a browser")
    with launch(CHROMIUM, root=hasattr(os, "geteuid") and os.geteuid() == 0) as started:
        yield started


@pytest.fixture
def visit(served, browser, files):
    """The page with the two volumes of the small case, not fused, whatever the tests before have done on it."""
    opened = Visit(browser, served)
    opened.page.wait_for_function("() => window.trame.state.get('views').second.filled")
    opened.start_again(files)
    yield opened
    assert opened.complaints == []
    opened.page.close()


# ---- without a browser -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def events():
    """Tells who listens what happens on the views."""
    return ViewEvents()


@pytest.fixture(scope="session")
def views(events):
    """The six views, of which a process has one set; made in an event loop, as trame wants it."""
    async def make():
        return SliceViews(get_server("views"), lambda view: None, events)

    return asyncio.run(make())


@pytest.fixture
def case(views, files):
    """Two volumes and a segmentation, not fused."""
    made = Case(views.scene)
    for slot, path in files.items():
        made.set_input(slot, read_input(slot, path))
    yield made
    made.clear()
    made.remove_segmentation()


@pytest.fixture
def fused(case, tiny_model):
    """The same, fused."""
    run(computations.fuse(case, alignment="auto", reference="second", method="fusioninn", model=tiny_model, device="cpu"))
    return case


@pytest.fixture
def look(views, case):
    """The case on screen."""
    shown = Look(views, case)
    shown.update()
    yield shown
    shown.close()


@pytest.fixture
def back(tiny_model):
    """Choices for the numbers and for export."""
    return {"model": tiny_model, "device": "cpu"}


@pytest.fixture
def apart(back):
    """Choices for the ways back."""
    return back | {"difference_of": "second"}
