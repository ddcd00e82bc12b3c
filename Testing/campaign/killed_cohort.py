"""Kills of `fusioninn cohort`: --resume makes it whole, does nothing twice, and leaves nothing hidden."""
import os
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import children
from killed_results import Content, content
from kills import hidden
from ways import SIGNALS, WAYS, Work

from FusionINNLib import leftovers
from FusionINNLib.cli.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
PATIENTS = ("one", "two")


class Cohort:
    """Two patients, half of the runs with one of them done already. See `kills.Kind`.

    Args:
        has_workers: run as a user does, with a worker that is a process of its own, which outlives the command that is killed. Otherwise
            the worker is a thread of the command, and ends with it as when the machine is switched off; that takes a tenth of the time.
    """

    is_deaf = True  # the worker does not hear what the command is told

    def __init__(self, case: Path, model: str, folder: Path, has_workers: bool):
        self.name = "cohort, a worker apart" if has_workers else "cohort"
        self.ways = tuple(SIGNALS) if has_workers else WAYS
        self.limit_s = 5 * children.LIMIT_S if has_workers else children.LIMIT_S  # a busy machine takes most of a minute to start it
        self.place = folder / self.name.replace(", ", "-").replace(" ", "-")
        self._model, self._has_workers = model, has_workers
        self._out, self._number = self.place / "out", 0
        self._patients, self._one_done = folder / "patients", folder / f"{self.place.name}-one-done"
        self._done: dict[str, int] = {}
        self.closed = self.place, self._out
        self._make(case)
        children.prepare(lambda: self._cohort(self._one_done, first=True), folder)
        self.seconds = children.timed(self._work(), folder)
        self._whole = contents(self._out)

    def begin(self, rng: random.Random) -> Work:
        """Nothing there, or one patient of two."""
        shutil.rmtree(self.place, ignore_errors=True)
        self._number += 1
        self._out = self.place / f"out{self._number}"  # what outlives its command writes into the one before
        self.closed = self.place, self._out
        self.place.mkdir()
        if rng.random() < 0.5:
            shutil.copytree(self._one_done, self._out)
        return self._work()

    def after(self, rng: random.Random) -> Iterator[str]:
        """What is there, and what --resume makes of it."""
        before = done(self._out)
        for patient in PATIENTS:
            leftovers.clear(self._out / patient)
        found = contents(self._out)
        if any(files != self._whole[patient] for patient, files in found.items()):
            yield "a lost or broken result"
        ended = children.run(lambda: self._cohort(self._out), self.place.parent)
        if ended.code:
            yield f"a cohort that cannot be resumed ({ended.stderr.strip()[-200:]})"
        elif contents(self._out) != self._whole:
            yield "a resumed cohort with other results"
        after = done(self._out)
        if any(after.get(patient) != when for patient, when in before.items()):
            yield "a patient done twice"
        if hidden(self.place):
            yield "something hidden after the next run"

    def _work(self) -> Work:
        out = self._out
        return (lambda: self._with_workers(out)) if self._has_workers else (lambda: self._cohort(out))

    def _words(self, out: Path, first: bool = False) -> list[str]:
        which = "{case}/first.nii.gz", "{case}/second.nii.gz"
        return ["cohort", str(self._patients / "alone" if first else self._patients / "all"), str(out), "participant", "--first", which[0],
                "--second", which[1], "--model", self._model, "--device", "cpu", "--no-metrics", "--resume"]

    def _cohort(self, out: Path, first: bool = False) -> int:
        from FusionINNLib.cohort import runner

        runner.local = _threads
        return main(self._words(out, first))

    def _with_workers(self, out: Path) -> int:
        os.setsid()
        words = [sys.executable, "-m", "FusionINNLib", *self._words(out), "--workers", "1"]
        os.execve(sys.executable, words, {**os.environ, "PYTHONPATH": str(ROOT)})

    def _make(self, case: Path) -> None:
        for group, patients in (("alone", PATIENTS[:1]), ("all", PATIENTS)):
            for patient in patients:
                folder = self._patients / group / patient
                folder.mkdir(parents=True, exist_ok=True)
                for name in ("first.nii.gz", "second.nii.gz"):
                    shutil.copy(case / name, folder / name)


def contents(out: Path) -> dict[str, Content]:
    """Patient -> what its folder holds."""
    return {patient: content(out / patient) for patient in PATIENTS if (out / patient).is_dir()}


def done(out: Path) -> dict[str, int]:
    """Patient -> when its record was written, in nanoseconds."""
    return {path.stem: path.stat().st_mtime_ns for path in (out / ".fusioninn").glob("*.json")}


@contextmanager
def _threads(workers: int | None):
    """As `runner.local`, in this very process."""
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, memory_limit=0, silence_logs=50, dashboard_address=None
                      ) as cluster, Client(cluster) as client:
        yield client
