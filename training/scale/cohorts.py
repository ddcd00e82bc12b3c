"""Cohorts of made-up patients through the command `fusioninn cohort`, as a user starts it: with workers, and with what dies meanwhile."""
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil  # comes with distributed

from FusionINNLib.cohort.manifest import MANIFEST
from FusionINNLib.cohort.work import STATE
from FusionINNLib.phantom.case import small_case
from FusionINNLib.volumes.io import write_nifti

SHAPE = (24, 64, 60)  # (k, j, i) of a patient
HEADS = 4  # different ones; patients differ in noise besides
POLL_S = 0.05


@dataclass(frozen=True)
class Run:
    """What a command did. wall_s: from its start to its end. seconds: of each case in its worker. peak_mib: the most memory of a worker."""

    wall_s: float
    seconds: tuple[float, ...]
    peak_mib: float


def make_patients(folder: Path, count: int) -> Path:
    """PATIENT/adc.nii.gz and flair.nii.gz; every patient's voxels are others."""
    heads = [small_case(SHAPE, seed) for seed in range(min(HEADS, count))]
    for number in range(count):
        head, random = heads[number % len(heads)], np.random.default_rng([23, number])
        for volume in (head.first, head.second):
            changed = np.where(volume.array > 0, volume.array + random.integers(0, 9, volume.shape), volume.array)
            (folder / f"patient{number:04}").mkdir(parents=True, exist_ok=True)
            write_nifti(replace(volume, array=changed.astype(volume.array.dtype)), folder / f"patient{number:04}" / f"{volume.name}.nii.gz")
    return folder


def command(patients: Path, out: Path, *options: str) -> list[str]:
    """The command line for all patients of a folder."""
    return [sys.executable, "-m", "FusionINNLib", "cohort", str(patients), str(out), "participant", "--first", "{case}/adc.nii.gz",
            "--second", "{case}/flair.nii.gz", "--align", "none", "--device", "cpu", *options]


def run(patients: Path, out: Path, *options: str) -> Run:
    """To its end. Raises RuntimeError with what it said where it fails."""
    began = time.monotonic()
    ended = subprocess.run(command(patients, out, *options), capture_output=True, text=True)
    took = time.monotonic() - began
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    cases = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["cases"]
    return Run(took, tuple(case.get("seconds", 0.0) for case in cases), max(case.get("peak_mib", 0.0) for case in cases))


def kill_a_worker(patients: Path, out: Path, after: int) -> dict[str, int]:
    """Run with two workers, one of which is killed when so many cases are done, to the end; what was `done` when it died."""
    process = subprocess.Popen(command(patients, out, "--workers", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait(process, out, after)
    workers = [child for child in psutil.Process(process.pid).children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    before = done(out)
    if process.wait():
        raise RuntimeError("The cohort failed after a worker had been killed.")
    return before


def kill_the_driver(patients: Path, out: Path, after: int) -> dict[str, int]:
    """Kill the command that hands out the cases when so many are done, and take the work up again; what was `done` when all had ended."""
    process = subprocess.Popen(command(patients, out, "--workers", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait(process, out, after)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(children, timeout=120)
    before = done(out)
    run(patients, out, "--workers", "2", "--resume")
    return before


def done(out: Path) -> dict[str, int]:
    """Case -> when its record was written, in nanoseconds: another time means that it was done again."""
    return {path.stem: path.stat().st_mtime_ns for path in (out / STATE).glob("*.json")}


def records(out: Path) -> dict[str, dict[str, str]]:
    """Case -> name of file -> its checksum, as the program keeps them for the next run."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in (out / STATE).glob("*.json"))
    return {record["case"]: record["files"] for record in found}


def _wait(process: subprocess.Popen, out: Path, count: int) -> None:
    while len(done(out)) < count:
        if process.poll() is not None:
            raise RuntimeError("The cohort ended before it was to be disturbed.")
        time.sleep(POLL_S)
