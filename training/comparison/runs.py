"""One fusion as a user gets it: the command `fusioninn fuse` in a process of its own, with the processor time and memory that it took."""
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.errors import InputError
from training.comparison.slabs import Slab

LOOK = 0.05  # seconds between two looks at the memory of a process
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}


@dataclass(frozen=True)
class Run:
    """seconds: of processor time, in one thread, the start of Python included: other work on the machine counts for little. megabytes:
    the largest resident memory of the process, NaN where the system does not say."""

    folder: Path
    seconds: float
    megabytes: float


def fuse(slab: Slab, method: str, folder: Path, device: str) -> Run:
    """Fuse into a new folder. Raises InputError with what the command said where it did not end well."""
    command = [sys.executable, "-m", "FusionINNLib.cli", "fuse", str(slab.first), str(slab.second), "--method", method, "--device", device,
               "--align", "none", "--no-report", "--overwrite", "--out", str(folder)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    before, megabytes = _of_children(), float("nan")
    with log.open("wb") as said, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=os.environ | ONE_THREAD) as process:
        try:
            while process.poll() is None:
                megabytes = _largest_so_far(process.pid, megabytes)
                time.sleep(LOOK)
        except BaseException:
            process.kill()
            raise
    seconds = _of_children() - before
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise InputError(lines[-1] if lines else f"'fusioninn fuse --method {method}' ended with {process.returncode}.")
    return Run(folder, seconds, megabytes)


def _of_children() -> float:
    """Seconds of processor time that processes begun here have taken, those that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _largest_so_far(process: int, before: float) -> float:
    """Peak resident memory as Linux has it, in MB; what was known before where it does not say. (What `wait4` gives counts the parent's
    memory too, of which a process is a copy until it runs its own program.)"""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        return before
