#!/usr/bin/env python3
"""The campaign: the program killed and fed with damaged inputs, counted. From the checkout: python Testing/campaign/run.py --help

Each run starts anew from its seed; which moments of a run the kills hit depends on the machine too.
"""
import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(path) for path in (ROOT, ROOT / "Testing/campaign", ROOT / "Testing/support", ROOT / "Testing")]

import children
from kills import Campaign
from making_inputs import make_case, targets
from mutations import MEMORY_MIB, Mutations

# Loaded here, once, for all children; nothing is computed with it in this process.
import FusionINNLib.cli.commands
import FusionINNLib.pipeline
import FusionINNLib.reports.report  # noqa: F401


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
        made = children.run(lambda: make_case(work / "case") or 0, work)
        if made.code:
            sys.exit(f"the case could not be made: {made.stderr}")
        killed = Campaign(work / "case", str(work / "case/tiny"), work / "kills", options.seed)
        killed.run(options.kills, _counter("kills", options.kills))
        mutated = Mutations(targets(work / "case"), work / "mutations", options.seed)
        mutated.run(options.mutations, _counter("mutated inputs", options.mutations))
    faults = killed.faults + mutated.faults
    if options.out:
        from page import page

        options.out.write_text(page(options, killed, mutated, time.monotonic() - started, f"{platform.system()}, {os.cpu_count()} cores",
                                    MEMORY_MIB), encoding="utf-8")
    counts = {"kills": sum(count for key, count in killed.runs.items() if isinstance(key, tuple)), "read": sum(mutated.read.values()),
              "refused": sum(mutated.refused.values()), "faults": dict(faults), "examples": mutated.examples}
    print(json.dumps(counts, indent=1) if options.json else "\n".join(
        [f"{counts['kills']} kills, {counts['read']} mutated inputs read, {counts['refused']} refused, {sum(faults.values())} faults",
         *[f"{count} x {kind}" for kind, count in faults.items()], *mutated.examples]))
    return 1 if faults else 0


def _counter(what: str, total: int):
    def say(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{what}: {done} of {total} ", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done % max(1, total // 10) == 0:
            print(f"{time.strftime('%H:%M:%S')} {what}: {done} of {total}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
