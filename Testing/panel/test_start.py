"""Starting: what Slicer's own start costs, and what opening the panel loads. Each in a fresh process.

The cost is counted in modules and in calls of Python functions, which are the same on a busy machine and on a slow one.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIGHT = {"FusionINNLib", "FusionINNLib.atomic", "FusionINNLib.errors", "FusionINNLib.jobs", "FusionINNLib.jobs.files",
         "FusionINNLib.jobs.job", "FusionINNLib.leftovers", "FusionINNLib.mrml", "FusionINNLib.results",
         "FusionINNLib.results.estimate_images", "FusionINNLib.steps"}
"""Of the library, what the panel's files import at once: short files that import none of the others."""
MOST_CALLS = 40_000  # 25 000 of them now, a tenth of a second: most are those of Python's import and of Slicer's parameter nodes
CODE = """
import json, os, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/shim"]
import slicer_application
slicer_application.start(Path(os.environ["SLICER_SOURCE_DIR"]))
before, calls = set(sys.modules), 0
def count(frame, event, argument):
    global calls
    calls += event == "call"
sys.setprofile(count)
python, module = slicer_application.load_module(Path(sys.argv[1]).parents[1] / "FusionINN" / "FusionINN.py")
sys.setprofile(None)
at_start = set(sys.modules) - before
slicer_application.open_module(python)
print(json.dumps({"calls": calls, "at_start": sorted(at_start), "opened": sorted(sys.modules), "title": module.parent.title,
                  "categories": module.parent.categories}))
"""


def test_importing_the_module_is_cheap_and_neither_that_nor_opening_it_loads_torch():
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", CODE, str(HERE)], capture_output=True, text=True, env=environment, check=True)
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    assert 1000 < seen["calls"] < MOST_CALLS
    tops = {name: name.partition(".")[0] for name in seen["at_start"]}
    assert {name for name, top in tops.items() if top == "FusionINNLib"} <= LIGHT
    assert set(tops.values()) - set(sys.stdlib_module_names) == {"FusionINN", "FusionINNPanel", "FusionINNLib"}, "no package of others"
    assert not {"torch", "nibabel", "SimpleITK"} & set(seen["opened"])
    assert (seen["title"], seen["categories"]) == ("FusionINN", ["Image Synthesis"])
