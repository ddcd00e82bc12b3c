"""One measurement in a process of its own, printed as a line of JSON. Called by `speed/bench.py`:

    python -m training.speed.child launch COMMAND...     wall seconds, processor seconds and peak memory of a command
    python -m training.speed.child parts ARGUMENT...     `fusioninn ARGUMENT...` with the time of each part
    python -m training.speed.child memory NETWORK FILE N   peak memory of reference, paper or default on FILE (.npz), N threads

The parent holds PyTorch and volumes, and Linux counts a parent's memory into the peak of what it starts: hence `launch`, which is small.
"""
import functools
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from types import ModuleType

STARTED = "FUSIONINN_BENCH_STARTED"  # environment variable: time.time() before the process began


def launch(command: list[str]) -> dict:
    """Run a command; what it says is shown when it fails."""
    started = time.time()
    environment = os.environ | {STARTED: str(started)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert process.stdout is not None  # a pipe was asked for
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    return {"wall": time.time() - started, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": _mib(usage.ru_maxrss), "output": output}


def parts(arguments: list[str]) -> dict:
    """Seconds of each part of `fusioninn`, by both clocks; what is left over is under "other"."""
    from FusionINNLib.cli import __main__ as cli

    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    start = float(os.environ[STARTED])
    spent["start-up and imports"] = [time.time() - start, time.process_time()]
    for module, name, part in timed_functions():
        setattr(module, name, _timed(getattr(module, name), spent[part]))
    if cli.main(arguments):
        raise SystemExit("the command failed")
    total = (time.time() - start, time.process_time())
    spent["other"] = [total[clock] - sum(times[clock] for times in spent.values()) for clock in (0, 1)]
    return {name: {"wall": wall, "cpu": cpu} for name, (wall, cpu) in spent.items()}


def timed_functions() -> tuple[tuple[ModuleType, str, str], ...]:
    """Module, name and part of the functions whose time is told apart, each where `fusioninn fuse` finds it."""
    from FusionINNLib import pipeline
    from FusionINNLib.cli import commands
    from FusionINNLib.methods.fusioninn import forward
    from FusionINNLib.reports import report

    return ((commands, "read_source", "reading"), (pipeline, "align", "alignment"), (forward, "fuse_slices", "network"),
            (commands, "write_fusion", "writing"), (report, "fusion_report", "report"))


def _timed(function, spent: list[float]):
    @functools.wraps(function)
    def timed(*arguments, **options):
        before = (time.time(), time.process_time())
        try:
            return function(*arguments, **options)
        finally:
            spent[0] += time.time() - before[0]
            spent[1] += time.process_time() - before[1]
    return timed


def memory(network: str, slices: str, threads: int = 1) -> dict:
    """MiB before the network works (libraries, weights, images in and out) and at the highest point of its work."""
    import numpy as np
    import torch

    from training.speed import networks as bench_networks

    torch.set_num_threads(threads)
    pair = np.load(slices)["pair"]
    results = np.ones(pair.shape, np.float32)  # written to, so that its memory is there
    work = bench_networks.worker(network, pair[:, :1, :32, :32], results[:, :1, :32, :32], batch=8)
    work()  # libraries load what they load at first use
    work = bench_networks.worker(network, pair, results, batch=8)
    before = _resident_mib()
    work()
    return {"before_mib": before, "peak_mib": _mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)}


def _resident_mib() -> float:
    """What is in memory now; where the system doesn't tell, the peak so far."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2 ** 20
    except OSError:
        return _mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _mib(ru_maxrss: int) -> float:
    return ru_maxrss / (2 ** 20 if sys.platform == "darwin" else 2 ** 10)


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    result = {"launch": lambda: launch(rest), "parts": lambda: parts(rest),
              "memory": lambda: memory(rest[0], rest[1], int(rest[2]))}[task]()
    print(json.dumps(result))
