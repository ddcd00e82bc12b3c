"""The guide to the methods knows every one of them, and only those."""
import re
from pathlib import Path

from FusionINNLib.methods import registry

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "choosing.md"


def test_every_method_has_its_place_in_the_guide():
    rows = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = set(re.findall(r"`([a-z0-9]+)`", " ".join(row.split("|")[2] for row in rows)))
    assert named == set(registry.names())
