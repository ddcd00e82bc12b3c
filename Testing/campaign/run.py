#!/usr/bin/env python3
"""The campaign: the program killed and fed with damaged inputs, counted. From the checkout: python Testing/campaign/run.py --help

Each run starts anew from its seed; which moments of a run the kills hit depends on the machine too. Ctrl-C ends it with what was done.
"""
import argparse
import json
import os
import platform
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(path) for path in (ROOT, ROOT / "Testing/campaign", ROOT / "Testing/support", ROOT / "Testing")]

import children
from killed_cohort import Cohort
from killed_results import NAMES, results_of
from killed_training import Training
from kills import Campaign, Share
from making_inputs import load_all, make_case, targets
from mutations import MEMORY_MIB, Mutations
from page import page


def main() -> int:
    """0 where nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--mutations", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="page to write, such as docs/reliability.md")
    parser.add_argument("--json", action="store_true", help="the counts as JSON on standard output")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="campaign-") as name:
        work = Path(name)
        work.chmod(0o755)  # the runs as another user have to reach it
        children.prepare(lambda: make_case(work / "case") or load_all(work / "case") or 0, work)
        killed = Campaign(shares(work / "case", work / "kills"), work / "kills", options.seed)
        mutated = Mutations(targets(work / "case"), work / "mutations", options.seed)
        with suppress(KeyboardInterrupt):  # the page says how many were done
            killed.run(options.kills, _counter("kills", options.kills))
            mutated.run(options.mutations, _counter("mutated inputs", options.mutations))
    faults = killed.faults + mutated.faults
    if options.out:
        options.out.write_text(page(options, killed, mutated, time.monotonic() - started, f"{platform.system()}, {os.cpu_count()} cores",
                                    MEMORY_MIB), encoding="utf-8")
    counts = {"kills": sum(count for key, count in killed.runs.items() if isinstance(key, tuple)), "read": sum(mutated.read.values()),
              "refused": sum(mutated.refused.values()), "faults": dict(faults), "examples": killed.examples + mutated.examples}
    print(json.dumps(counts, indent=1) if options.json else "\n".join(
        [f"{counts['kills']} kills, {counts['read']} mutated inputs read, {counts['refused']} refused, {sum(faults.values())} faults",
         *[f"{count} x {kind}" for kind, count in faults.items()], *counts["examples"]]))
    return 1 if faults else 0


def shares(case: Path, folder: Path) -> list[Share]:
    """All that is killed; how often, by what it costs. folder: to work in."""
    folder.mkdir()
    model = str(case / "tiny")
    results = [Share(42, lambda name=name: results_of(name, case, model, folder)) for name in NAMES]
    return [*results, Share(20, lambda: Training(folder)), Share(10, lambda: Cohort(case, model, folder, has_workers=False)),
            Share(2, lambda: Cohort(case, model, folder, has_workers=True))]


def _counter(what: str, total: int):
    def say(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{what}: {done} of {total} ", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done % max(1, total // 40) == 0:
            print(f"{time.strftime('%H:%M:%S')} {what}: {done} of {total}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
