"""docs/scale.md and what it is made of as JSON."""
import json
import platform
from dataclasses import asdict

from training.markdown import number, table
from training.scale.cohorts import SHAPE
from training.scale.measure import Scale

FREE = 0.2  # of the cores in use beforehand, up to which the machine counts as idle


def page(scale: Scale, command: str, date: str) -> str:
    """Markdown."""
    shape = " x ".join(map(str, SHAPE))
    parts = [
        "# How cohorts scale",
        f"Made by `{command}` on {date}, {platform.system()}, {scale.cores} cores, Python {platform.python_version()}; {_busy(scale)}",
        f"## Workers\n\n{scale.patients} made-up patients of {shape} voxels through `fusioninn cohort`, as preset (report and metrics), "
        f"without alignment. Starting the command and one case took {scale.alone.wall_s:.1f} s.\n\n" + _workers(scale),
        f"Two workers do **{scale.efficiency:.2f}** of twice what one does. Beyond what its worker is busy with it, a case costs "
        f"{1000 * scale.overhead_s:.0f} ms (one worker).",
        "## Nothing lost, nothing done twice\n\n" + _survivals(scale),
        "*Equal*: every file of a case has the checksum that it has without disturbance. *Done again*: of those that were done when it "
        "died. What was under way then is done from its beginning.",
        "## The scheduler alone\n\nCases that do nothing, handed out and taken back by the same code; the workers are threads of the same "
        "process, so that their part of the work is in these figures. *Grown by*: memory that this process, scheduler and all, took beyond "
        "what it had before the first case.\n\n" + _stubs(scale),
    ]
    return "\n\n".join(parts) + "\n"


def as_json(scale: Scale, command: str) -> str:
    """All of it."""
    derived = {"efficiency": scale.efficiency, "overhead_s": scale.overhead_s}
    return json.dumps({"command": command} | asdict(scale) | derived, indent=1) + "\n"


def _busy(scale: Scale) -> str:
    if scale.busy <= FREE * scale.cores:
        return "the machine was idle."
    return (f"**the machine was not idle** ({scale.busy:.1f} cores were in use before it began), so that times, and what two workers "
            "are worth, are too bad.")


def _workers(scale: Scale) -> str:
    lines = [[str(workers), f"{run.wall_s:.1f}", f"{sum(run.seconds) / len(run.seconds):.2f}", f"{60 * scale.patients / run.wall_s:.0f}",
              f"{run.peak_mib:.0f}"] for workers, run in scale.by_workers.items()]
    return table(["workers", "seconds in all", "seconds a case in its worker", "cases a minute", "most memory of a worker, MiB"], lines)


def _survivals(scale: Scale) -> str:
    lines = [[one.died, *map(str, (one.cases, one.before, one.done, one.equal, one.repeated))] for one in scale.survivals]
    return table(["killed in the middle", "cases", "done by then", "done in the end", "equal", "done again"], lines)


def _stubs(scale: Scale) -> str:
    lines = [[str(one.cases), str(one.workers), str(one.done), number(one.cases_per_s, ".0f"), f"{one.after_mib:.0f}",
              f"{one.after_mib - one.before_mib:.0f}"] for one in scale.stubs]
    return table(["cases", "workers", "done", "cases a second", "memory, MiB", "grown by, MiB"], lines)
