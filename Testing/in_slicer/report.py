"""The report of a run inside Slicer: a folder with versions, times, pictures and the log, and the same as one .zip for an issue."""
import importlib.metadata
import json
import logging
import platform
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import slicer

PACKAGES = ("torch", "numpy", "scipy", "SimpleITK", "nibabel", "vtk")


@dataclass
class Step:
    """One thing that was tried. problem: "" where it went well, else what happened; pictures: names of files."""

    name: str
    seconds: float = 0.0
    said: str = ""
    problem: str = ""
    pictures: list[str] = field(default_factory=list)


def nameless(text: str) -> str:
    """Text without the folder of who runs this, which is named after them: tracebacks and refusals name files."""
    return text.replace(str(Path.home()), "~")


class _Nameless(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return nameless(super().format(record))


class Report:
    """Written anew after each step, so that a run that dies leaves what it had. folder: new or empty."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.steps = folder, []
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        self._log = logging.FileHandler(folder / "log.txt", encoding="utf-8")
        self._log.setFormatter(_Nameless("%(asctime)s %(levelname)s %(message)s"))
        self._level = logging.getLogger().level
        logging.getLogger().setLevel(min(self._level, logging.INFO))  # what the panel tells the user is to be in it
        logging.getLogger().addHandler(self._log)

    def run(self, name: str, do: Callable[[Step], None]) -> Step:
        """Do one step; whatever it raises is noted, and the next one is tried."""
        step, started = Step(name), time.perf_counter()
        logging.info("Step: %s", name)
        try:
            do(step)
        except Exception as problem:  # a report of what fails is what this is for
            step.problem = nameless(f"{type(problem).__name__}: {problem}")
            logging.error("%s", traceback.format_exc())
        step.seconds = round(time.perf_counter() - started, 2)
        self.steps.append(step)
        self.write()
        return step

    @property
    def failed(self) -> list[Step]:
        """What did not go well."""
        return [step for step in self.steps if step.problem]

    def write(self) -> None:
        """report.json for programs, report.md for people."""
        facts = {"versions": versions(), "steps": [asdict(step) for step in self.steps]}
        (self.folder / "report.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        (self.folder / "report.md").write_text(self._page(facts["versions"]), encoding="utf-8")

    def close(self) -> Path:
        """The whole folder as a .zip beside it."""
        logging.getLogger().removeHandler(self._log)
        logging.getLogger().setLevel(self._level)
        self._log.close()
        return Path(shutil.make_archive(str(self.folder), "zip", self.folder))

    def _page(self, found: dict[str, str]) -> str:
        lines = ["# FusionINN inside 3D Slicer", "", f"{len(self.steps) - len(self.failed)} of {len(self.steps)} steps went well.", "",
                 "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in found.items()), "",
                 "| step | seconds | what it said | problem |", "|---|---|---|---|"]
        lines += [f"| {step.name} | {step.seconds:.1f} | {_cell(step.said)} | {_cell(step.problem)} |" for step in self.steps]
        pictures = [f"![{step.name}](pictures/{name})" for step in self.steps for name in step.pictures]
        return "\n".join([*lines, "", *pictures, ""])


def versions() -> dict[str, str]:
    """What was run on: Slicer, system, packages, FusionINN. No user, no folder, no name of the computer."""
    from FusionINNLib import __version__

    found = {"FusionINN": __version__, "Slicer": _slicer(), "system": f"{platform.system()} {platform.release()}",
             "machine": platform.machine(), "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _slicer() -> str:
    """Version and revision, as far as the application says."""
    parts = [str(getattr(slicer.app, name, "")) for name in ("applicationVersion", "repositoryRevision")]
    return " ".join(part for part in parts if part) or f"{slicer.app.majorVersion}.{slicer.app.minorVersion}"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
