"""Starting: what Slicer's own start costs, and what opening the panel loads. Each in a fresh process."""
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODE = """
import json, os, sys, time
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/shim"]
import slicer_application
slicer_application.start(Path(os.environ["SLICER_SOURCE_DIR"]))
before, started = set(sys.modules), time.process_time()
python, module = slicer_application.load_module(Path(sys.argv[1]).parents[1] / "FusionINN" / "FusionINN.py")
seconds = time.process_time() - started
at_start = set(sys.modules) - before
slicer_application.open_module(python)
print(json.dumps({"seconds": seconds, "at_start": sorted(at_start), "opened": sorted(sys.modules), "title": module.parent.title,
                  "categories": module.parent.categories}))
"""


def test_importing_the_module_is_fast_and_neither_that_nor_opening_it_loads_torch():
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", CODE, str(HERE)], capture_output=True, text=True, env=environment, check=True)
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    assert seen["seconds"] < 0.1
    assert not {"torch", "nibabel", "SimpleITK"} & set(seen["opened"])
    assert not [name for name in seen["at_start"] if name.startswith("FusionINNLib.mrml.")]
    assert (seen["title"], seen["categories"]) == ("FusionINN", ["Image Synthesis"])
