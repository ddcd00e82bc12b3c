"""The scheduler alone, with cases that do nothing: `python -m training.scale.stubs CASES WORKERS`, in a process of its own, prints JSON.

The workers are threads of this very process, which does their part of the talking too: what is measured is at most what a scheduler with
workers elsewhere does.
"""
import json
import sys
import time
from pathlib import Path

import psutil  # comes with distributed

from FusionINNLib.cohort.case import Case, Outcome
from FusionINNLib.cohort.runner import run_all


def nothing(case: Case, started: float) -> Outcome:
    """A case that is done at once."""
    return Outcome(case.name, "done", seconds=time.time() - started)


def main(cases: int, workers: int) -> dict[str, float]:
    """cases_per_s: handed out and taken back. before_mib, after_mib: memory before the first case was sent and with all outcomes."""
    from distributed import Client, LocalCluster

    entries = [Case(f"case-{number:05}", Path(f"/data/case-{number:05}/first.nii.gz"), Path(f"/data/case-{number:05}/second.nii.gz"), None,
                    f"case-{number:05}") for number in range(cases)]
    with LocalCluster(n_workers=workers, threads_per_worker=1, processes=False, memory_limit=0, silence_logs=50,
                      dashboard_address=None  # pyright: ignore[reportArgumentType] - the way to have none
                      ) as cluster, Client(cluster) as client:
        client.wait_for_workers(workers)
        before, began = _memory(), time.monotonic()
        outcomes = run_all(client, entries, nothing, time.time(), say=lambda *_: None)
        took, after = time.monotonic() - began, _memory()
        done = len({one.case for one in outcomes if one.state == "done"})
    return {"cases": cases, "workers": workers, "done": done, "cases_per_s": cases / took, "before_mib": before, "after_mib": after}


def _memory() -> float:
    return psutil.Process().memory_info().rss / 2 ** 20


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
