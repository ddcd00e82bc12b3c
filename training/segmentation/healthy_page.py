"""The table of what is marked where nothing is, as Markdown and JSON. No picture of a patient is made."""
import json
from dataclasses import asdict

import numpy as np

from FusionINNLib.outlining.doubts import LEAST_SURE
from training.benchmark.intervals import mean_of
from training.data.targets import WHOLE, Target
from training.markdown import number, table
from training.segmentation.healthy import PATCHED, REAL, TWICE, WHOLE_HEADS, Found

TITLES = {REAL: "lesion-free half, as it is", PATCHED: "lesion replaced", TWICE: "half, twice"}

WORDS = """No healthy head with these contrasts was at hand. *Lesion-free half, as it is*: marked in the half of a BraTS head in which
less was drawn. *Lesion replaced*: the same head, with what was drawn and 5 mm round it replaced by what lies on the other side, blended
over 2 mm. *Half, twice*: that half and itself mirrored. Both are made up, and so is what a network makes of their seams and symmetry; what
a tumour pushes aside, and what nobody drew, is still in them. Only slices in whose half nothing was drawn count. All in mL, with the
islands rule as in the program; means with 95 % bootstrap intervals."""


UNSURE = f"""A suggestion whose median probability inside is below {LEAST_SURE:g} comes with the warning that the network is less sure than
it is of gliomas. How often that is so; made-up heads count where nothing was drawn in the half that they are made of."""

SEEN = ((True, "held back from the network"), (False, "trained on, with their lesions"))


def page(found: list[Found], command: str, target: Target = WHOLE) -> str:
    """The measured part of docs/healthy.md, and for another target than the program's of docs/healthy-core.md."""
    whole = [one for one in found if one.set == WHOLE_HEADS]
    unsure = ["### When the network is unsure", UNSURE, _unsure(found)] if target is WHOLE else []
    return "\n\n".join([f"Made by `{command}`.", WORDS, _means(whole), *unsure, "### Patient by patient", _patients(whole)]) + "\n"


def as_json(found: list[Found], command: str) -> str:
    """Every patient."""
    return json.dumps({"command": command, "patients": [asdict(one) for one in found]}, indent=1) + "\n"


def _means(found: list[Found]) -> str:
    lines = [[title, str(len(some)), *(_mean(some, head) for head in TITLES)]
             for is_held_back, title in SEEN if (some := [one for one in found if one.is_held_back == is_held_back])]
    return table(["patients", "number", *TITLES.values()], lines)


def _mean(found: list[Found], head: str) -> str:
    """With the median, as few heads have most of it."""
    mean = mean_of({one.case: {0: one.ml[head]} for one in found})
    median = float(np.median([one.ml[head] for one in found]))
    return f"{number(mean.value, '.1f')} ({number(mean.low, '.1f')}–{number(mean.high, '.1f')}), median {number(median, '.1f')}"


def _unsure(found: list[Found]) -> str:
    lines = [_warned(f"gliomas of both sets, {title}", [one.sure[REAL] for one in found if one.is_held_back == is_held_back])
             for is_held_back, title in SEEN]
    free = [one for one in found if one.is_free]
    lines += [_warned(f"{TITLES[head]}, {title}", [one.sure[head] for one in free if one.is_held_back == is_held_back])
              for head in (PATCHED, TWICE) for is_held_back, title in SEEN]
    return table(["heads", "number", "nothing marked", "warned of"], [line for line in lines if line[1] != "0"])


def _warned(title: str, sure: list[float | None]) -> list[str]:
    return [title, str(len(sure)), str(sure.count(None)), str(sum(one is not None and one < LEAST_SURE for one in sure))]


def _patients(found: list[Found]) -> str:
    lines = [[one.case, "yes" if one.is_held_back else "no", f"{one.slices} of {one.all_slices}",
              *(number(one.ml[head], ".2f") for head in TITLES), *(number(one.sure[head], ".3f") for head in TITLES)]
             for one in sorted(found, key=lambda one: (not one.is_held_back, one.case))]
    columns = [*TITLES.values(), "median probability inside: real head", "lesion replaced", "half, twice"]
    return table(["patient", "held back", "slices that count", *columns], lines)
