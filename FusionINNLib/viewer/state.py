"""What the page knows: its state at the start, and which buttons can be clicked and why not. Plain data, no page, no slicer."""
from dataclasses import dataclass

from FusionINNLib.outlining.records import missing_package
from FusionINNLib.viewer.inputs import SLOTS
from FusionINNLib.viewer.messages import EMPTY_TITLES, GREY_FOR_OUTLINES, NO_OUTLINE, NOBODY

PAIRS = {"inputs": ("first", "second"), "firstFused": ("first", "fused"), "secondFused": ("second", "fused"),
         "firstDecomposed": ("first", "decomposedFirst"), "secondDecomposed": ("second", "decomposedSecond")}
"""Views between whose volumes the fused view can blink."""
PLANES = ("Axial", "Coronal", "Sagittal")
WINDOWS = ("first", "second", "fused", "difference")

INITIAL = {
    "trame__title": "FusionINN", "trame__favicon": "__fusioninn/icon.svg", "inputs": dict.fromkeys(SLOTS), "busy": False,
    "cancelling": False, "step_text": "", "progress": None, "said": "", "problem": "", "notes": [], "why": {}, "download": "",
    "fusion_method": "fusioninn", "about_method": "", "cost": "", "method_settings": "", "settings_offered": [], "settings_example": "",
    "draws": False, "fusion_seed": 0, "only_fuses": "",
    "alignment": "auto", "reference": "second", "method": "exact", "samples": 8, "seed": 0, "has_exact": False, "has_estimate": False,
    "suggested": None, "choices": None, "named": False,
    "views": {view: {"title": title, "estimated": False, "filled": False, "empty": ""} for view, title in EMPTY_TITLES.items()},
    "where": {"low": 0.0, "high": 1.0, "step": 1.0, "count": 0, "words": "", "edges": {}}, "offset": 0.0, "plane": "Axial",
    "opacity": 1.0, "outlined": True, "interval": False, "blink": False, "blinked": "", "pair": "inputs", "difference_of": "second",
    "window_of": "first", "window": None, "window_range": [0.0, 1.0],
    "numbers": None, "estimate_numbers": None, "numbers_open": False, "moved": "", "unkept": False}


@dataclass(frozen=True)
class Facts:
    """What there is.

    shown: views that are not empty. exact_problem: why there is no exact way back, "" where there is one. only_fuses: why there is none
    at all, of a method that has none. unusable: why the chosen method cannot fuse here. colored: inputs that are in colour. no_outline: why
    there is no suggested outline that could be a DICOM Segmentation. nobody: why no patient can be named in DICOM.
    """

    inputs: frozenset[str] = frozenset()
    running: bool = False
    fused: bool = False
    exact_problem: str = ""
    only_fuses: str = ""
    unusable: str = ""
    shown: frozenset[str] = frozenset()
    colored: frozenset[str] = frozenset()
    no_outline: str = NO_OUTLINE
    nobody: str = NOBODY


def reasons(facts: Facts, method: str, pair: str) -> dict[str, str]:
    """For each button and check box why it cannot be clicked, "" where it can."""
    busy = "Wait until the computation is over, or cancel it." if facts.running else ""
    no_fused = "" if facts.fused else "Fuse two volumes first."
    no_inputs = "" if {"first", "second"} <= facts.inputs else "Choose the first and the second volume."
    exact = no_fused or facts.exact_problem
    gone = "Choose the two volumes that were fused: this fused image does not give them back." if no_inputs else ""
    kept = no_fused or (gone if facts.only_fuses else facts.exact_problem)
    return {"choose": busy, "sample": busy, "fuse": busy or facts.unusable or no_inputs,
            "suggest": busy or no_inputs or (GREY_FOR_OUTLINES if facts.colored else "")
            or (f"The package {package} is not installed." if (package := missing_package()) else ""),
            "cancel": "" if facts.running else "Nothing is being computed.",
            "decompose": busy or no_fused or facts.only_fuses or (exact if method == "exact" else ""), "numbers": busy or kept,
            "download": busy or kept, "dicom": busy or kept,
            "outline": busy or facts.no_outline, "named": busy or kept or facts.nobody,
            "interval": _why_no_interval(facts, method),
            "blink": "" if set(PAIRS[pair]) <= facts.shown else "One of the two is not there yet.",
            "segmentation": "" if "segmentation" in facts.inputs else "There is no segmentation."}


def _why_no_interval(facts: Facts, method: str) -> str:
    if facts.only_fuses or "decomposedFirst" not in facts.shown:
        return facts.only_fuses or "Decompose the fused image by an estimate first."
    return "" if method == "estimated" else ("Exact sources have no interval, as nothing in them is guessed: take the fused image apart "
                                             "by an estimate to see one.")
