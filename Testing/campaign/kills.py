"""Runs of the program, ended at random moments: what is left must be all of the earlier result, all of the new one, or nothing."""
import hashlib
import os
import random
import resource
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import children

from FusionINNLib import leftovers
from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import FusionINNError
from FusionINNLib.results.folder import read_fusion

SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT, "SIGHUP": signal.SIGHUP}
WAYS = (*SIGNALS, "file size limit", "read-only folder", "death at a rename")


def commands(case: Path, model: str) -> dict[str, list[str]]:
    """What is run: name -> arguments without --out."""
    common = ["--model", model, "--device", "cpu"]
    return {"fuse": ["fuse", str(case / "first.nii.gz"), str(case / "second.nii.gz"), *common],
            "decompose": ["decompose", str(case / "fused"), *common],
            "estimate": ["decompose", str(case / "fused/fused.nii.gz"), "--estimate", "--samples", "2", *common]}


class Campaign:
    """Kills, counted.

    Args:
        case: folder with `first.nii.gz`, `second.nii.gz` and the fusion of them by `model`, `fused/`.
        folder: to work in; what is in it goes away.
    """

    def __init__(self, case: Path, model: str, folder: Path, seed: int):
        self._commands, self._folder, self._random = commands(case, model), folder, random.Random(seed)
        self.runs, self.faults, self.peak_mib = Counter(), Counter(), 0.0
        self._whole = {name: self._try(arguments) for name, arguments in self._commands.items()}

    def run(self, count: int, say: Callable[[int], None] = lambda done: None) -> None:
        """So many runs, each with a command, a way to end it and a moment drawn from the seed."""
        for number in range(count):
            name, way = self._random.choice(list(self._commands)), self._random.choice(WAYS)
            self._one(name, way, earlier=self._random.random() < 0.5, again=number % 10 == 0)
            say(number + 1)

    def _try(self, arguments: list[str]) -> tuple[dict[str, str], float]:
        """Checksums of a whole result, and how long it takes."""
        out = self._fresh(None)
        ended = children.run(lambda: main([*arguments, "--out", str(out)]), self._folder)
        if ended.code:
            raise RuntimeError(f"the command fails by itself: {ended.stderr}")
        return _content(out), ended.seconds

    def _one(self, name: str, way: str, earlier: bool, again: bool) -> None:
        whole, seconds = self._whole[name]
        out = self._fresh(whole if earlier else None)
        before = _content(out) if earlier else None
        arguments = [*self._commands[name], "--out", str(out), *(["--overwrite"] if earlier else [])]
        moment = self._random.uniform(0, 1.1 * seconds)
        work, then = self._prepared(way, arguments, moment, out)
        ended = children.run(work, self._folder, then)
        _open_again(self._folder, out)
        self.runs[name, way] += 1
        self.peak_mib = max(self.peak_mib, ended.peak_mib)
        hard = way in ("SIGKILL", "death at a rename")
        if ended.hung:
            self.faults["hung for a minute"] += 1
        if "Traceback" in ended.stderr:
            self.faults["a traceback"] += 1
        if not hard and ended.code not in (0, 2, 129, 130, 143, -SIGNALS.get(way, 0)):  # the last: before anybody listened
            self.faults[f"exit code {ended.code} after {way}"] += 1
        if not hard and _hidden(self._folder):
            self.faults[f"a hidden folder after {way}"] += 1
        self.runs["left a hidden folder"] += bool(_hidden(self._folder))
        leftovers.clear(out)  # as the next run of that name does first
        if _hidden(self._folder):
            self.faults["a hidden folder after the next run"] += 1
        after = _content(out) if out.exists() else None
        if after not in (before, whole):
            self.faults["a lost or broken result"] += 1
        if name == "fuse" and after == whole:
            try:
                read_fusion(out)
            except FusionINNError:
                self.faults["a result that cannot be read"] += 1
        if again and children.run(lambda: main([*self._commands[name], "--out", str(out), "--overwrite"]), self._folder).code:
            self.faults["the next run fails"] += 1

    def _prepared(self, way: str, arguments: list[str], moment: float, out: Path):
        """(what the child does, what is done to it)."""
        if way in SIGNALS:
            def send(pid: int) -> None:
                time.sleep(moment)
                os.kill(pid, SIGNALS[way])
            return lambda: main(arguments), send
        if way == "file size limit":
            most = self._random.randrange(0, 60_000)
            return lambda: _limited(most, arguments), lambda pid: None
        if way == "read-only folder":
            return lambda: _as_another(arguments, self._folder, out), lambda pid: None
        number = self._random.randrange(1, 16)
        return lambda: _dying(number, arguments), lambda pid: None

    def _fresh(self, content: dict[str, str] | None) -> Path:
        """The place for results: nothing there, or an earlier result that can be told from the new one."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        out = self._folder / "out"
        if content is not None:
            out.mkdir()
            for name in content:
                (out / name).write_bytes(b"earlier " + name.encode())
        return out


def _content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if not leftovers.is_hidden(path.name)}


def _hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if leftovers.is_hidden(path.name)]


def _open_again(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            folder.chmod(0o755)


def _limited(most: int, arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return main(arguments)


def _as_another(arguments: list[str], folder: Path, out: Path) -> int:
    """Into a folder that is closed, by somebody whom that stops."""
    for one in (folder, out):
        if one.exists():
            one.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(65534)
    return main(arguments)


def _dying(number: int, arguments: list[str]) -> int:
    calls = []

    def deadly(function):
        def one(*words, **options):
            calls.append(1)
            if len(calls) == number:
                os._exit(9)
            return function(*words, **options)
        return one

    os.rename, os.replace = deadly(os.rename), deadly(os.replace)
    return main(arguments)
