"""One fusion as a user gets it: the command `fusioninn fuse` in a process of its own, with the time and the memory that it took."""
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.errors import InputError
from training.comparison.slabs import Slab


@dataclass(frozen=True)
class Run:
    """seconds: from the command to its end, the start of Python included. megabytes: the largest resident memory of the process."""

    folder: Path
    seconds: float
    megabytes: float


def fuse(slab: Slab, method: str, folder: Path, device: str) -> Run:
    """Fuse into a new folder. Raises InputError with what the command said where it did not end well."""
    command = [sys.executable, "-m", "FusionINNLib.cli", "fuse", str(slab.first), str(slab.second), "--method", method, "--device", device,
               "--align", "none", "--no-report", "--overwrite", "--out", str(folder)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    started = time.perf_counter()
    with log.open("wb") as said, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said) as process:
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise InputError(lines[-1] if lines else f"'fusioninn fuse --method {method}' ended with {process.returncode}.")
    return Run(folder, seconds, usage.ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1))
