"""The module's code and .ui file against each other and against Slicer's rules, read without Slicer."""
import ast
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from extension_files import LIBRARY, MODULE, ROOT

SCRIPTS = sorted(MODULE.rglob("*.py"))
UI = MODULE / "Resources" / "UI" / "FusionINN.ui"
IN_SLICER = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "numpy", "scipy", "SimpleITK"}
OURS = {"FusionINNPanel": MODULE / "FusionINNPanel", "FusionINNLib": LIBRARY}
WIDGETS = {"QLabel", "QLineEdit", "QPushButton", "QComboBox", "QCheckBox", "QSpinBox", "QProgressBar", "QTableWidget",
           "ctkCollapsibleButton", "ctkSliderWidget", "qMRMLNodeComboBox", "qMRMLWidget"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def file_scope_imports(tree: ast.Module) -> set[str]:
    """Full names of modules that are imported when the file is."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def file_of(module: str) -> Path | None:
    """The file of one of our modules, None for what is none."""
    top, _, rest = module.partition(".")
    if top not in OURS:
        return None
    path = OURS[top] / rest.replace(".", "/") if rest else OURS[top] / "__init__"
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def test_importing_the_module_imports_nothing_that_slicer_lacks():
    """Directly or through any of our files; torch and nibabel above all."""
    to_do, seen, foreign = [MODULE / "FusionINN.py"], set(), set()
    while to_do:
        path = to_do.pop()
        seen.add(path)
        for name in file_scope_imports(parsed(path)):
            file, top = file_of(name), name.partition(".")[0]
            if file is not None and file not in seen:
                to_do.append(file)
            elif top not in IN_SLICER | set(OURS) | set(sys.stdlib_module_names):
                foreign.add(f"{path.name}: {name}")
    assert not foreign
    assert len(seen) > 10


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_sentences_for_users_can_be_translated(path):
    """Each string that reads like a sentence goes through `_()`, as plain text: `.format()` comes after."""
    tree = parsed(path)
    exempt = {id(child) for node in ast.walk(tree) if is_exempt(node) for child in ast.walk(node)}
    exempt |= {id(node.body[0].value) for node in ast.walk(tree) if hasattr(node, "body") and isinstance(node.body, list) and node.body
               and isinstance(node.body[0], ast.Expr)}  # docstrings
    sentences = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
                 and id(node) not in exempt and " " in node.value.strip() and node.value.strip()[0].isupper()]
    assert not [sentence for sentence in sentences if not sentence.startswith(("FusionINN:", "The FusionINN for"))]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"]
    assert all(isinstance(call.args[0], ast.Constant) for call in calls), "no f-strings or expressions inside of _()"


def is_exempt(node: ast.AST) -> bool:
    """Translated already, or not for users: log, assertions of the self-test."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name in ("_", "translate", "info", "error", "exception", "check", "assertFalse", "assertTrue", "assertGreater",
                    "assertGreaterEqual", "Cancelled")


def ui_widgets() -> dict[str, ElementTree.Element]:
    return {widget.get("name"): widget for widget in ElementTree.parse(UI).getroot().iter("widget")}


def property_of(widget: ElementTree.Element, name: str) -> str | None:
    found = next((item for item in widget.findall("property") if item.get("name") == name), None)
    return None if found is None else "".join(found.itertext()).strip()


def test_widgets_are_of_known_kinds_with_names_of_their_own():
    names = [widget.get("name") for widget in ElementTree.parse(UI).getroot().iter("widget")]
    assert len(names) == len(set(names))
    assert {widget.get("class") for widget in ui_widgets().values()} <= WIDGETS


def test_parameters_of_the_ui_exist():
    tree = parsed(MODULE / "FusionINNPanel" / "parameters.py")
    node = next(item for item in tree.body if isinstance(item, ast.ClassDef) and item.name == "FusionINNParameterNode")
    parameters = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
    named = [property_of(widget, "SlicerParameterName") for widget in ui_widgets().values()]
    named = [name for name in named if name]
    assert set(named) <= parameters
    assert len(named) == len(set(named)) > 10


def test_widgets_that_the_code_names_exist():
    used = set()
    for path in SCRIPTS:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr in ("ui", "_ui"):
                used.add(node.attr)
            if isinstance(node, ast.Constant) and str(node.value).endswith("Button") and str(node.value).isidentifier():
                used.add(node.value)
    assert used <= set(ui_widgets())
    assert len(used) > 20


def test_every_button_of_the_ui_does_something():
    text = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    buttons = [name for name, widget in ui_widgets().items() if widget.get("class") == "QPushButton"]
    assert [name for name in buttons if name not in text] == []


def test_everything_that_can_be_used_has_a_tool_tip():
    kinds = WIDGETS - {"QLabel", "QProgressBar", "ctkCollapsibleButton", "qMRMLWidget"}
    assert [name for name, widget in ui_widgets().items() if widget.get("class") in kinds and not property_of(widget, "toolTip")] == []


def test_every_mrml_widget_gets_the_scene():
    connections = ElementTree.parse(UI).getroot().find("connections")
    connected = {item.findtext("receiver") for item in connections if item.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"}
    assert connected == {name for name, widget in ui_widgets().items() if widget.get("class") == "qMRMLNodeComboBox"}


def test_advanced_is_folded_and_nothing_is_styled():
    assert property_of(ui_widgets()["advancedCollapsibleButton"], "collapsed") == "true"
    assert "styleSheet" not in UI.read_text(encoding="utf-8")
    assert not any("styleSheet" in path.read_text(encoding="utf-8") for path in SCRIPTS)


def test_files_keep_to_the_house_style():
    for path in [*SCRIPTS, *(ROOT / "Testing" / "panel").rglob("*.py"), *LIBRARY.rglob("*.py")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 300, path.name
        assert max(map(len, lines), default=0) <= 140, path.name
