"""The page and its server for the tests in this folder, as a user has them: a process, and a browser.

They need trame-slicer (see requirements.txt), which has an environment of its own: `make test-viewer`. Without it all of them are skipped;
those in a browser also without Chromium.
"""
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
    from browsing import Served, files_of_case, launch


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> dict[str, Path]:
    """The small sample case as files: first, second, segmentation."""
    return files_of_case(tmp_path_factory.mktemp("case"))


@pytest.fixture
def serve(tmp_path, tiny_model):
    """Starts `fusioninn view` with the small model: serve(*arguments), a `browsing.Served`."""
    started = []

    def start(*arguments) -> "Served":
        started.append(Served(tmp_path / f"temporary{len(started)}", "--model", tiny_model, "--device", "cpu", *map(str, arguments)))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window, for one file: while it is there, no other event loop can run. Skips where there is none; CI must not."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed here: the page was not tested in a browser")
    with launch(CHROMIUM, root=hasattr(os, "geteuid") and os.geteuid() == 0) as started:
        yield started
