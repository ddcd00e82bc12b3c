"""Words for what the page shows: steps of a computation, inputs, alignment, numbers. Plain data in, plain data out."""
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from FusionINNLib.evaluation.case_metrics import Row
from FusionINNLib.jobs.job import Step
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import MethodInfo, other_order
from FusionINNLib.metrics.definitions import WORDS
from FusionINNLib.outlining.agreement import Agreement
from FusionINNLib.results.estimate_images import ESTIMATED_WORDS
from FusionINNLib.results.trust import Trust
from FusionINNLib.viewer.inputs import Input
from FusionINNLib.volumes.identity import patients_differ
from FusionINNLib.volumes.suggested import COLOR, NAME

EMPTY_TITLES = {"first": "First", "second": "Second", "fused": "Fused", "decomposedFirst": "First, decomposed",
                "decomposedSecond": "Second, decomposed", "difference": "Difference"}
SUGGESTED = {"name": NAME, "color": f"rgb({', '.join(str(round(255 * part)) for part in COLOR)})"}
SAMPLE_LOADED = "The sample case is loaded: a head made by code, no patient."
GREY_FOR_OUTLINES = "Outlines are suggested from volumes with one value a voxel: choose volumes that are not in colour."
NUMBERS_COMPUTED = "The numbers are computed."
WHICH = {"series": "These files are of several series: choose one.", "stack": "The series holds several stacks of slices: choose one."}
RESULT_READY = "The result is ready."
NO_OUTLINE = "Have an outline suggested first."
NOBODY = "Neither volume that was fused came as a DICOM series, so nothing says whose they are."
OUTLINE_READY = ("The suggested outline is ready as a DICOM Segmentation: it names the patient and the study of its series, as every DICOM "
                 "object does.")
_MOST_LABELS = 8
_TASKS = {"fusing slices": "Fusing slice {} of {}", "decomposing slices": "Decomposing slice {} of {}",
          "estimating slices": "Estimating slice {} of {}"}
_NAMES = {"q_ssim": "Q SSIM", "q_fmi": "Q FMI", "q_ncie": "Q NCIE", "q_xy": "Q XY", "q_p": "Q P", "q_xy_centre": "Q XY centre",
          "q_p_centre": "Q P centre", "q_abf": "Q AB/F", "mi": "MI [bits]", "en": "entropy [bits]", "sd": "SD [grey]",
          "sf": "SF [grey]", "ag": "AG [grey]", "vif": "VIF", "scd": "SCD", "ncc_sum": "NCC sum",
          "first_spread_mean": "first: spread, mean",
          "first_spread_p95": "first: 95th percentile", "second_spread_mean": "second: spread, mean",
          "second_spread_p95": "second: 95th percentile", "cycle_error_mean": "cycle error, mean",
          "cycle_error_largest": "cycle error, largest"}


def step_text(step: Step, left: str = "") -> str:
    """What is being done, how far it is and, where that is known, how long it will go on."""
    more = f", about {left} left" if left else ""
    if step.task in _TASKS:
        return _TASKS[step.task].format(step.done, step.total) + more
    task = step.task[:1].upper() + step.task[1:]
    return f"{task} ..." if step.total <= 1 else f"{task}: {round(100 * step.done / step.total)} %{more}"


def fused(first: Input, second: Input) -> str:
    """A fusion is there."""
    colored = next((f", in the colours of {one.volume.name}" for one in (first, second) if one.chroma is not None), "")
    return f"Fused {first.volume.name} and {second.volume.name}{colored}."


def method(row: MethodInfo, state: registry.Ready | registry.Lacking, first_in_color: bool = False) -> str:
    """What a fusion method is, what it can do, who published it, and whether it wants the two volumes in the other order."""
    can = row.capabilities
    back = {(True, True): "The fused image can be taken apart again, exactly and as an estimate.",
            (True, False): "The fused image can be taken apart again, exactly.",
            (False, True): "The sources can be estimated from the fused image.",
            (False, False): "It only fuses: there is no way back."}[can.exact, can.estimate]
    looks = "It looks at slices." if can.dims == 2 else "It looks at neighbourhoods in all three axes."
    citation = f"{row.citation}, doi:{row.doi}" if row.doi else row.citation
    return " ".join(filter(None, [row.summary, back, looks, citation + ".", unusable(row, state), other_order(row, first_in_color)]))


def about_fusing(name: str, model: str | None, typed: str, shape_kji: tuple[int, ...] | None, first_in_color: bool) -> dict:
    """What the page tells of the chosen method: what it is, what it takes, and which settings it has, with the values they have by
    themselves. model: of it; typed: its settings; shape_kji: of the result, None while there is none."""
    row, ready = registry.info(name), registry.state(name)
    values = registry.usual_settings(name, model)
    return {"about_method": method(row, ready, first_in_color),
            "cost": "" if unusable(row, ready) else registry.cost_in_words(name, shape_kji, model, typed),
            "settings_offered": [one.described(values[one.name]) for one in row.settings],
            "settings_example": " ".join(one.written(values[one.name]) for one in row.settings),
            "draws": not row.capabilities.deterministic}


def unusable(row: MethodInfo, state: registry.Ready | registry.Lacking) -> str:
    """Why a method cannot fuse here, "" where it can."""
    return f"{row.title} cannot be used here: {state.what}; {state.remedy}." if isinstance(state, registry.Lacking) else ""


def warnings(first: Input, second: Input, of_fusion: tuple[str, ...]) -> tuple[str, ...]:
    """What is to be known of the inputs of a fusion and of how they came together, as the command line says it."""
    said = ["Both inputs are the same image, so the fused image shows nothing new."] if first.sha256 == second.sha256 else []
    said += [differ] if (differ := patients_differ(first.volume, second.volume)) else []
    said += [f"{one.volume.name}: {note}." for one in (first, second) for note in one.volume.notes]
    return (*said, *of_fusion)


def decomposed(colored: str) -> str:
    """The exact way back is done. colored: name of the source in colour, "" for none."""
    kept = f" {colored} is in its own colours again." if colored else ""
    return f"Decomposed exactly, with the saved latent image.{kept}"


def estimated(trust: Trust, warnings: tuple[str, ...], colored: str) -> str:
    """An estimate is there, how far it can be trusted, and what it warns of. colored: as for `decomposed`."""
    kept = [f"The colours of {colored} are its own; only its luminance is estimated."] if colored else []
    return " ".join([ESTIMATED_WORDS, trust.sentence, *warnings, *kept])


def dicom_ready(colored: str, named: bool) -> str:
    """The series can be had, and what is not in them. colored: as for `decomposed`; named: whether they name the patient."""
    grey = " They are in grey: the colours are in Download." if colored else ""
    whose = "they name the patient and the study of the source, and hold no" if named else "no patient's data is in them, and no"
    return f"The DICOM series are ready: {whose} latent image.{grey}"


def suggested(volume_ml: float, agreement: Agreement | None, warnings: tuple[str, ...]) -> str:
    """An outline was suggested: what it is, how it agrees with a drawn one, and what speaks against it."""
    said = [f"SUGGESTED by a network, drawn by nobody: {volume_ml:.1f} mL. Research use only."]
    if agreement is not None and agreement.dice is not None:
        said.append(f"Dice with the drawn outline: {agreement.dice:.2f}.")
    return " ".join([*said, *warnings])


def no_dicom_outline(outline: object | None, headers: tuple[Any, ...]) -> str:
    """Why the suggested outline (None: there is none) cannot be a DICOM Segmentation, "" where it can. headers: of the series on whose grid
    it lies."""
    if outline is None:
        return NO_OUTLINE
    return "" if headers else ("The volume on whose grid the outline lies did not come as a DICOM series, to which a DICOM Segmentation "
                              "could refer: choose the files of a series there.")


def loaded(folder: Path, notes: tuple[str, ...]) -> str:
    """A result folder was read; notes: what was left out."""
    return " ".join([f"Loaded the result {folder.name}.", *notes])


def described(one: Input) -> dict:
    """An input for its place on the page: name, grid and, of a segmentation, its labels with their colours."""
    voxels = " × ".join(str(size) for size in one.volume.shape[::-1])
    edges = " × ".join(f"{edge:.3g}" for edge in one.volume.spacing_ijk_mm)
    labels = [{"name": name, "color": "rgb({:.0f} {:.0f} {:.0f})".format(*(255 * part for part in color))}
              for name, color in one.labels.values()]
    color = ", in colour" if one.chroma is not None else ""
    return {"name": one.file, "grid": f"{voxels}, {edges} mm{color}", "labels": labels[:_MOST_LABELS]}


def view(view: str, names: dict[str, str], filled: bool, estimated: bool, method: str, difference_of: str,
         decomposed: bool, comparing: bool, colored: Collection[str] = ()) -> dict:
    """What a view says of itself.

    names: of the sources. filled: whether it shows anything; estimated: an estimate. decomposed: whether that was done by this method.
    comparing: whether a difference is to come. colored: which sources are in colour, whose differences are those of their luminance.
    """
    first, second = (names.get(role, role) for role in ("first", "second"))
    way, source = "Estimated" if method == "estimated" else "Exact", first if difference_of == "first" else second
    titles = {"first": f"First: {first}", "second": f"Second: {second}", "fused": "Fused", "decomposedFirst": f"{way} {first}",
              "decomposedSecond": f"{way} {second}", "difference": f"{way} − {source}"}
    empty = {"first": "No first volume", "second": "No second volume", "fused": "Not fused yet"}
    not_compared = "Not compared yet" if comparing else "The source is not loaded"
    not_there = not_compared if view == "difference" and decomposed else "Not decomposed yet"
    return {"title": titles[view] if filled else EMPTY_TITLES[view], "estimated": estimated, "filled": filled,
            "empty": empty.get(view, not_there),
            "measure": "luminance" if view == "difference" and filled and difference_of in colored else ""}


def window(window: dict[str, float]) -> dict:
    """A window (low, high, least, most) with a step for its slider, and both ends in words."""
    step = 10.0 ** math.floor(math.log10(max(window["most"] - window["least"], 1e-9) / 200))
    digits = max(0, -math.floor(math.log10(step)))
    return window | {"step": step, "words": [f"{window[end]:.{digits}f}" for end in ("low", "high")]}


def moved(alignment: dict) -> str:
    """What was aligned and by how much, of the "alignment" of a fusion (see fusion.json), as one sentence; "" where there is none."""
    if not alignment:
        return ""
    if alignment["mode"] == "none" or not alignment["resampled"]:
        return "Both volumes lie on one grid; nothing was moved."
    after = f"{alignment['similarity_after']:.3f} bits"
    if alignment["mode"] == "header":
        return f"{alignment['moved']} was resampled onto the other's grid by the headers alone (mutual information {after})."
    return (f"{alignment['moved']} was moved by {alignment['shift_mm']:.1f} mm on average and {alignment['rotation_deg']:.1f}° "
            f"(mutual information {alignment['similarity_before']:.3f} → {after}).")


def table(rows: tuple[Row, ...]) -> dict:
    """Rows as a table: a line for each measure, a column for each region. Empty cells where a measure knows no regions."""
    regions = list(dict.fromkeys(row.region for row in rows))
    keys = list(dict.fromkeys(row.key for row in rows))
    values = {(row.key, row.region): row for row in rows}
    lines = []
    for key in keys:
        cells = [_number(values.get((key, region))) for region in regions]
        unit = next(row.unit for row in rows if row.key == key)
        name = _NAMES.get(key, key) + (f" [{unit}]" if unit else "")
        lines.append({"name": name, "words": WORDS.get(key, ""), "cells": cells})
    return {"columns": regions, "lines": lines}


def _number(row: Row | None) -> str:
    if row is None:
        return ""
    return "not defined" if math.isnan(row.value) else f"{row.value:.3f}" if abs(row.value) < 1000 else f"{row.value:.0f}"
