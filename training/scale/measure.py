"""All figures of docs/scale.md, one after the other."""
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # comes with distributed

from training.scale import cohorts
from training.scale.cohorts import Run

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stubs:
    """A run of cases that do nothing, see `stubs.py`."""

    cases: int
    workers: int
    done: int
    cases_per_s: float
    before_mib: float
    after_mib: float


@dataclass(frozen=True)
class Survival:
    """After something died in the middle. done: cases with results in the end. equal: how many of them are byte for byte those of an
    undisturbed run. before: cases that were done when it died. repeated: how many of those were done again by the next run."""

    died: str
    cases: int
    before: int
    done: int
    equal: int
    repeated: int


@dataclass(frozen=True)
class Scale:
    """busy: cores that others used in the seconds before the start. alone: a cohort of one case."""

    patients: int
    cores: int
    busy: float
    alone: Run
    by_workers: dict[int, Run]
    survivals: list[Survival]
    stubs: list[Stubs] = field(default_factory=list)

    @property
    def efficiency(self) -> float:
        """Of two workers: how many cases a second they do together over twice what one does, with the start of the command left out."""
        one, two = (self.by_workers[workers].wall_s - self.alone.wall_s for workers in (1, 2))
        return one / (2 * two)

    @property
    def overhead_s(self) -> float:
        """Seconds a case beyond what its worker was busy with it, with one worker, the start of the command left out."""
        run = self.by_workers[1]
        return (run.wall_s - sum(run.seconds) - (self.alone.wall_s - sum(self.alone.seconds))) / self.patients


def measure(folder: Path, patients: int, disturbed: int, stubs: list[tuple[int, int]], say: Say) -> Scale:
    """Measure in an empty folder.

    Args:
        patients: of the cohort whose time is taken. disturbed: of those in which something dies.
        stubs: (cases, workers) of runs of the scheduler alone.
    """
    cores = len(os.sched_getaffinity(0))
    busy = (os.cpu_count() or 1) * psutil.cpu_percent(2) / 100
    say(f"{patients} made-up patients")
    everyone = cohorts.make_patients(folder / "patients", patients)
    alone = cohorts.run(cohorts.make_patients(folder / "one", 1), folder / "alone", "--workers", "1")
    by_workers = {}
    for workers in (1, 2):
        say(f"{patients} patients, workers: {workers}")
        by_workers[workers] = cohorts.run(everyone, folder / f"out{workers}", "--workers", str(workers))
    few = cohorts.make_patients(folder / "few", disturbed)
    say(f"{disturbed} patients, undisturbed and disturbed")
    cohorts.run(few, folder / "undisturbed", "--workers", "2")
    survivals = [survival(died, folder / "undisturbed", folder / died, kill(few, folder / died, disturbed // 2))
                 for died, kill in (("a worker", cohorts.kill_a_worker), ("the command itself", cohorts.kill_the_driver))]
    done = []
    for cases, workers in stubs:
        say(f"the scheduler alone, {cases} cases, workers: {workers}")
        done.append(run_stubs(cases, workers))
    return Scale(patients, cores, busy, alone, by_workers, survivals, done)


def run_stubs(cases: int, workers: int) -> Stubs:
    """In a process of its own, whose memory nothing else has touched."""
    words = [sys.executable, "-m", "training.scale.stubs", str(cases), str(workers)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return Stubs(**json.loads(done.stdout.splitlines()[-1]))


def survival(died: str, undisturbed: Path, out: Path, before: dict[str, int]) -> Survival:
    """What became of a cohort in which something died. before: what was `cohorts.done` then."""
    wanted, found, after = cohorts.records(undisturbed), cohorts.records(out), cohorts.done(out)
    return Survival(died, len(wanted), len(before), len(found), sum(found.get(case) == files for case, files in wanted.items()),
                    sum(after.get(case) != when for case, when in before.items()))
