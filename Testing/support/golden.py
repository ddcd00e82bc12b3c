"""The golden values of the metrics that are in the tree, and the made-up pictures they were taken on."""
import json
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "synthetic"


def golden_cases(folder: Path) -> list[dict]:
    return json.loads((folder / "golden.json").read_text())["cases"]


def case_name(case: dict) -> str:
    return f"{case['pair']}-{case['fused']}"


def picture(name: str) -> Path:
    return GOLDEN / "inputs" / f"synth_head_96x80__{name}.png"


HEAD = tuple(picture(name) for name in ("A", "B", "F_avg"))
