"""What became of each case of a cohort, kept beside the results: `cohort.json`."""
import json
import time
from dataclasses import asdict
from pathlib import Path

from FusionINNLib import __version__
from FusionINNLib.atomic import replacing
from FusionINNLib.cohort.case import Outcome, Settings

MANIFEST = "cohort.json"


def write_manifest(out: Path, outcomes: list[Outcome], incomplete: list[str], settings: Settings) -> None:
    """Cases by name; those that had only one of the two volumes too.

    Times and memory are of this run: two runs with the same results differ in them alone.
    """
    cases = [{key: value for key, value in asdict(outcome).items() if value or key == "state"}
             for outcome in sorted(outcomes, key=lambda one: one.case)]
    record = {"program": "FusionINN", "version": __version__, "date": time.strftime("%Y-%m-%d"), "settings": asdict(settings),
              "cases": cases, "incomplete": incomplete}
    with replacing(out / MANIFEST) as file:
        file.write((json.dumps(record, indent=1) + "\n").encode())
