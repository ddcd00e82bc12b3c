"""The page that a campaign writes: docs/reliability.md."""
import time
from collections import Counter

from kills import Campaign
from mutations import Mutations
from ways import WAYS


def page(options, killed: Campaign, mutated: Mutations, seconds: float, machine: str, memory_mib: int) -> str:
    """Markdown with the figures of one run.

    Args:
        options: with `kills`, `mutations`, `seed`.
        seconds: that it took. machine: in a few words. memory_mib: the bound for reading an input.
    """
    kinds = sorted(mutated.read.keys() | mutated.refused.keys())
    names = sorted({key[0] for key in killed.runs if isinstance(key, tuple)})
    rows = [[way, *[str(killed.runs[name, way] or "") for name in names]] for way in WAYS]
    faults = killed.faults + mutated.faults
    return f"""# Reliability

What `make campaign` found, which ends runs of the program at random moments and feeds it damaged inputs. A fault is a lost or broken
result, a traceback, a crash, a run that hangs for a minute, a hidden folder or file that stays, or memory beyond the bound.

*{time.strftime("%Y-%m-%d")}, seed {options.seed}, {machine}, {seconds / 60:.0f} minutes:
`python Testing/campaign/run.py --kills {options.kills} --mutations {options.mutations} --seed {options.seed} --out docs/reliability.md`.
Where in a run a kill falls depends on the machine too; the mutated inputs are the same everywhere.*

{f"**Faults: {sum(faults.values())}.** {_listed(faults)}".strip()}

## Runs that were ended

{sum(count for key, count in killed.runs.items() if isinstance(key, tuple))} runs on made-up data, half of them replacing an
earlier result or going on with one that was begun. Where nothing is counted as a fault, a result folder afterwards held all of the new
result, all of the earlier one, or nothing. {killed.runs["left something hidden"]} runs left a hidden folder or file, which the next run of
that name cleared away, putting back what was being replaced. Largest memory of a run: {killed.peak_mib:.0f} MiB.

{_table(["ended by", *names], rows)}

*File size limit*: a file that grows beyond a random size fails, as on a full disk. *Death at a rename*: the process ends just before
one of the renames by which results take their place. Some runs came to their end first: a signal comes within 1.1 times what a run takes
when it is left alone, a limit may be larger than all files, and there may be fewer renames.

- *save*: the process in which the page and the panel write a result folder. That the page then packs it for the browser, in a temporary
  folder of its own, is not part of this.
- *training*: `python -m training fit` of a small network, six steps. After each run the same command went on to the end, with the weights
  and the log of a run that nobody disturbed.
- *cohort*: `fusioninn cohort` of two patients, its worker a thread that ends with the command, as when a machine goes down; of some runs a
  process of its own, as usual, which outlives the command for a moment (these may take five minutes, all others one). After each run
  `--resume` ended with the results of a cohort that nobody disturbed; what was done before was not done again.

All but workers apart are forks of a process that has loaded the libraries: the moments of the kills are those of the work itself.

## Damaged inputs

{sum(mutated.read.values()) + sum(mutated.refused.values())} inputs, each a whole one in which bytes were flipped, cut out, put in or
set to extremes, values of a record replaced with its checksum made to fit, or files of an upload left out, doubled or given hostile names.
The longest took {mutated.slowest_s:.1f} s. Each may take {memory_mib} MiB beyond the program as loaded. *Read*: the change did no harm that
can be seen, such as another grey value; what is taken is worked with too.

{_table(["input", "read", "refused in a sentence"], [[kind, str(mutated.read[kind]), str(mutated.refused[kind])] for kind in kinds])}
"""


def _listed(faults: Counter) -> str:
    return " ".join(f"{count} x {kind}." for kind, count in faults.most_common())


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
