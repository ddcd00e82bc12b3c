"""What may be imported where: slicer in `mrml/` alone, trame-slicer in one file, torch nowhere as long as nothing is computed."""
import ast
import subprocess
import sys
from pathlib import Path

import pytest

from FusionINNLib import mrml

LIBRARY = Path(mrml.__file__).parents[1]
FILES = sorted(LIBRARY.rglob("*.py"))
OURS = [path for path in FILES if path.parent.name == "mrml"]


def imported(path: Path) -> set[str]:
    """First names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found


def test_only_the_adapter_knows_slicer():
    others = [path for path in FILES if path not in OURS]
    assert len(OURS) > 8 and len(others) > 20
    for path in others:
        views = {"vtkmodules", "trame_slicer"} if path.name == "trame_views.py" else set()
        assert not imported(path) & ({"slicer", "vtk", "vtkmodules", "qt", "ctk", "trame_slicer"} - views), path.name
    for path in OURS:
        assert not imported(path) & {"qt", "ctk", "torch", "nibabel"}, path.name


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_scene_and_logics_are_given(path):
    names = {f"{node.value.id}.{node.attr}" for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}
    assert not names & {"slicer.app", "slicer.mrmlScene", "slicer.modules", "slicer.util.loadVolume", "slicer.util.getNode"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_importing_it_loads_nothing_heavy():
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import FusionINNLib.mrml; "
            "print([name for name in ('torch', 'PIL', 'nibabel', 'SimpleITK') if name in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code, str(LIBRARY.parent)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_is_offered_is_there():
    assert sorted(mrml.__all__) == sorted(set(mrml.__all__)) and all(hasattr(mrml, name) for name in mrml.__all__)


@pytest.mark.parametrize("what", ["from FusionINNLib.mrml.layout import VIEWS", "from FusionINNLib import mrml; mrml.VIEWS"])
def test_a_table_of_names_loads_no_vtk(what):
    code = f"import sys; sys.path.insert(0, sys.argv[1]); {what}; print([m for m in ('vtk', 'slicer', 'numpy') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code, str(LIBRARY.parent)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
