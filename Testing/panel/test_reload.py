"""Reload, as developers use it: on a copy of the module whose files are changed, in a process of its own."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
START = """
import os, sys
from pathlib import Path
here, copy, model = sys.argv[1:]
sys.path[:0] = [here, here + "/shim"]
import slicer_application
slicer_application.start(Path(os.environ["SLICER_SOURCE_DIR"]))
python, module = slicer_application.load_module(Path(copy) / "FusionINN" / "FusionINN.py")
import slicer
import driver
user = driver.Driver(python, model)
user.load_small_case()

def edit(path, text):
    with open(Path(copy) / path, "a") as file:
        file.write(text)
"""
FRESH = START + """
old, oldWidget = dict(sys.modules), user.widget
edit("FusionINN/FusionINNPanel/messages.py", "\\nNEW = True\\n")
edit("FusionINNLib/mrml/subject_hierarchy.py", "\\nNEW = True\\n")
user.click("fuseButton")
job = user.panel.state._run._job
oldWidget.onReload()
assert job._process.poll() is not None and not job._folder.exists(), "the computation was ended and left nothing"
widget = slicer.modules.FusionINNWidget
assert widget is not oldWidget and oldWidget.panel.parameters is None
for name, module in sys.modules.items():
    if name.split(".")[0] in ("FusionINN", "FusionINNPanel", "FusionINNLib"):
        assert old.get(name) is not module, name + " is the old one"
assert sys.modules["FusionINNPanel.messages"].NEW and sys.modules["FusionINNPanel.state"].stepText.__globals__["NEW"]
user.widget, user.ui, user.panel = widget, widget.ui, widget.panel
assert user.parameters.firstVolume.GetName() == "adc", "what was chosen is in the scene"
assert user.compute("fuseButton").startswith("Fused: "), user.status
assert sys.modules["FusionINNLib.mrml.subject_hierarchy"].NEW
user.close()
print("done")
"""
BROKEN = START + """
before = {name: module for name, module in sys.modules.items() if name.startswith("FusionINN")}
edit("FusionINN/FusionINNPanel/panel.py", "\\nthis is a mistake\\n")
try:
    user.widget.onReload()
except SyntaxError:
    pass
else:
    raise AssertionError("the mistake was not told")
assert {name: sys.modules[name] for name in before} == before
assert slicer.modules.FusionINNWidget is user.widget
assert user.compute("fuseButton").startswith("Fused: "), user.status
user.close()
print("done")
"""


NOT_ENTERED = START + """
import qt
user.widget.exit()
user.widget.parent.isEntered = False
old = user.panel.comparison
for _ in range(2):
    slicer.modules.FusionINNWidget.onReload()
assert [slot.__self__ for slot in qt.Connections.timers()] == [slicer.modules.FusionINNWidget.panel.comparison], qt.Connections.timers()
slicer.mrmlScene.Clear(0)
user.widget = slicer.modules.FusionINNWidget
user.ui, user.panel = user.widget.ui, user.widget.panel
user.widget.parent.isEntered = True
user.widget.enter()
user.load_small_case()
user.choose_model()
assert user.compute("fuseButton").startswith("Fused: "), user.status
user.close()
print("done")
"""


@pytest.mark.parametrize("code", [FRESH, BROKEN, NOT_ENTERED], ids=["fresh", "broken", "not entered"])
def test_reload(code, tiny_model, tmp_path):
    for name in ("FusionINN", "FusionINNLib", "Resources"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "MODEL_LICENSE", tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code, str(HERE), str(tmp_path), tiny_model], capture_output=True, text=True,
                          env=environment, cwd=tmp_path)
    assert done.stdout.strip().endswith("done"), done.stderr[-3000:]
