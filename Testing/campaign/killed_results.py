"""Kills of runs that write one result folder: fuse, decompose, estimate, and what page and panel start to save a result."""
import hashlib
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import children
from kills import hidden
from ways import WAYS, Work

from FusionINNLib import leftovers
from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import FusionINNError
from FusionINNLib.results.folder import read_fusion

SAVE = "save"
NAMES = ("fuse", "decompose", "estimate", SAVE)
Content = dict[str, str]
"""Name of file -> checksum."""


class Results:
    """Runs into one folder, half of them replacing an earlier result. See `kills.Kind`.

    Args:
        write: does it, into a folder, replacing what is there if it is told to; gives an exit code.
        is_fusion: whether `read_fusion` takes the result.
    """

    ways, limit_s = WAYS, children.LIMIT_S

    def __init__(self, name: str, write: Callable[[Path, bool], int], folder: Path, is_fusion: bool = False, is_deaf: bool = False):
        self.name, self.is_deaf, self.place = name, is_deaf, folder / name
        self._write, self._is_fusion, self._out = write, is_fusion, self.place / "out"
        self.closed = self.place, self._out
        self._earlier, self._runs = None, 0
        self._fresh(None)
        self.seconds = children.timed(lambda: write(self._out, False), folder)
        self._whole = content(self._out)

    def begin(self, rng: random.Random) -> Work:
        """A place with or without an earlier result."""
        self._fresh(self._whole if rng.random() < 0.5 else None)
        is_there = self._out.exists()
        self._earlier = content(self._out) if is_there else None
        return lambda: self._write(self._out, is_there)

    def after(self, rng: random.Random) -> Iterator[str]:
        """The folder as the next run of that name finds it, and now and then that run itself."""
        leftovers.clear(self._out)  # as the next run does first
        if hidden(self.place):
            yield "something hidden after the next run"
        found = content(self._out) if self._out.exists() else None
        if found not in (self._earlier, self._whole):
            yield "a lost or broken result"
        if self._is_fusion and found == self._whole:
            try:
                read_fusion(self._out)
            except FusionINNError:
                yield "a result that cannot be read"
        self._runs += 1
        if self._runs % 10 == 0:
            if children.run(lambda: self._write(self._out, True), self.place.parent).code or content(self._out) != self._whole:
                yield "the next run fails"

    def _fresh(self, names: Content | None) -> None:
        """Nothing there, or an earlier result that can be told from the new one."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        if names is not None:
            self._out.mkdir()
            for name in names:
                (self._out / name).write_bytes(b"earlier " + name.encode())


def content(folder: Path) -> Content:
    """What a folder holds beside what is hidden."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if not leftovers.is_hidden(path.name)}


def results_of(name: str, case: Path, model: str, folder: Path) -> Results:
    """One of NAMES. case: see `making_inputs.make_case`."""
    if name == SAVE:
        return Results(name, Saving(case, model, folder), folder, is_fusion=True, is_deaf=True)
    words = [*{"fuse": ["fuse", str(case / "first.nii.gz"), str(case / "second.nii.gz")],
               "decompose": ["decompose", str(case / "fused")],
               "estimate": ["decompose", str(case / "fused/fused.nii.gz"), "--estimate", "--samples", "2"]}[name],
             "--model", model, "--device", "cpu"]
    return Results(name, lambda out, overwrite: main([*words, "--out", str(out), *(["--overwrite"] if overwrite else [])]), folder,
                   is_fusion=name == "fuse")


class Saving:
    """The process in which page and panel write a result folder: `jobs/process.py`, from its request to its answer."""

    def __init__(self, case: Path, model: str, folder: Path):
        self._exchange = folder / "exchange"
        self._exchange.mkdir(parents=True)
        self._exchange.chmod(0o777)  # for the runs as another user
        children.prepare(lambda: self._ask(case, model, folder / SAVE / "out"), folder)

    def __call__(self, out: Path, overwrite: bool) -> int:
        """Answer a request. out: as it says."""
        try:
            self._answer(overwrite)
        except (KeyboardInterrupt, OSError):  # what it says of these goes to a log, and the application has a sentence of its own
            return 2
        return 0

    def _answer(self, overwrite: bool) -> None:
        from FusionINNLib.jobs import job, process

        exchange = Path(tempfile.mkdtemp(dir=self._exchange))
        os.symlink(self._exchange / f"{overwrite}", exchange / job.REQUEST)
        reading, _writing = os.pipe()  # the application's end, which stays open
        os.dup2(reading, 0)
        sys.stdin = os.fdopen(0)
        process.main(exchange)

    def _ask(self, case: Path, model: str, out: Path) -> int:
        from FusionINNLib.jobs import files
        from FusionINNLib.results import scene_folder
        from FusionINNLib.steps import finish

        for overwrite in (False, True):
            finish(files.writing(self._exchange / f"{overwrite}", ("export", {
                "export": scene_folder.read(case / "fused"), "folder": out, "overwrite": overwrite, "model": model, "device": "cpu",
                "inputs": None})))
        return 0
