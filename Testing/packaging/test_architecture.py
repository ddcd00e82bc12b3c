"""The map in docs/architecture.md against the house: floors as the import contract has them, every room and every file that it names."""
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = next(contract["layers"] for contract in CONTRACTS if contract["name"] == "rooms of the library")


def test_the_floors_are_those_of_the_contract():
    drawing = re.search(r"<!-- floors -->\n```text\n(.*?)```", TEXT, re.DOTALL).group(1).splitlines()
    assert [re.split(r" {2,}", line)[0] for line in drawing] == LAYERS
    assert all(len(re.split(r" {2,}", line)) == 2 for line in drawing), "every floor says what it is for"


def test_every_room_stands_on_a_floor():
    named = {name.strip() for layer in LAYERS for name in layer.split("|")}
    rooms = {path.stem for path in (ROOT / "FusionINNLib").glob("*.py")} | {path.parent.name for path in
                                                                         (ROOT / "FusionINNLib").glob("*/__init__.py")}
    assert rooms - {"__init__"} == named


def test_no_contract_has_exceptions():
    assert not any("ignore_imports" in contract for contract in CONTRACTS)


def test_files_that_are_named_exist():
    homes = (ROOT, ROOT / "FusionINN", ROOT / "FusionINNLib", ROOT / "FusionINNLib" / "methods" / "fusioninn")
    named = {name for name in re.findall(r"`([\w./-]+\.py)`", TEXT)}
    assert len(named) > 15
    assert not [name for name in named if not any((home / name).is_file() for home in homes)]


def test_folders_that_are_named_exist():
    homes = (ROOT, ROOT / "FusionINNLib", ROOT / "training", ROOT / "Testing", ROOT / "FusionINN")
    assert not [name for name in re.findall(r"`([\w./-]+/)`", TEXT) if not any((home / name).is_dir() for home in homes)]


def test_no_room_of_training_and_no_part_of_the_tree_is_left_out():
    rooms = {path.parent.name for path in (ROOT / "training").glob("*/__init__.py")}
    parts = {"FusionINN", "FusionINNLib", "Resources/Models", "Testing", "training"}
    named = {name.rstrip("/") for name in re.findall(r"`([\w./-]+/)`", TEXT)}
    assert len(rooms) > 5
    assert not (rooms | parts) - named
