"""What the page can have computed, each as a `Task`: what is read before, what a `job.Job` does, what is kept after. Main thread only."""
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from FusionINNLib import mrml
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.evaluation.case_metrics import Group
from FusionINNLib.mrml.nodes import checksumOfVoxels
from FusionINNLib.viewer.case import Case, exportOf
from FusionINNLib.viewer.inputs import Input, labels_of
from FusionINNLib.volumes.identity import patients_differ


@dataclass(frozen=True)
class Task:
    """One piece of work.

    name, arguments: function in FusionINNLib/jobs/tasks.py and what it is given; no MRML.
    store: takes what the function returned and keeps it; gives a sentence for the user.
    """

    name: str
    store: Callable[[Any], str]
    arguments: dict = field(default_factory=dict)


def sampleTask(case: Case) -> Task:
    """Make the sample case and load it."""
    def store(made: tuple) -> str:
        first, second, segmentation, names = made
        case.clear()
        for slot, volume in (("first", first), ("second", second), ("segmentation", segmentation)):
            labels = labels_of(volume, names) if slot == "segmentation" else {}
            case.setInput(slot, Input(volume, f"{volume.name} (sample case)", checksumOfVoxels(volume.array), labels))
        return "The sample case is loaded: a head made by code, no patient."

    return Task("sample", store)


def fuseTask(case: Case, *, alignment: str, reference: str, model: str, device: str) -> Task:
    """Fuse the two inputs."""
    if not {"first", "second"} <= set(case.inputs):
        raise InputError("Choose the first and the second volume.")
    first, second = case.inputs["first"], case.inputs["second"]

    def store(fusion) -> str:
        earlier = case.fusion or mrml.FusionNodes(None, None)
        settings = {"align": alignment, "reference": reference, "model": fusion.recipe.model}
        nodes = mrml.storeFusion(case.scene, fusion, case.nodes["first"], case.nodes["second"], settings=settings, reference=reference,
                                 fusedNode=earlier.fused, latentNode=earlier.latent)
        sources = case.source("first"), case.source("second")
        case.setFusion(nodes, sources, tuple(_warnings(first, second, fusion)))
        return f"Fused {first.volume.name} and {second.volume.name}."

    return Task("fuse", store, {"first": first.volume, "second": second.volume, "alignment": alignment, "reference": reference,
                                "model": model, "device": device})


def decomposeTask(case: Case, *, model: str | None, device: str) -> Task:
    """Take the fused image apart exactly, with its latent."""
    stored = _stored(case)
    if stored.latent is None or stored.exactProblem:
        raise ResultError(stored.exactProblem or "There is no latent image to this fused image: choose the estimated decomposition.")

    def store(sources) -> str:
        firstNode, secondNode = case.exact or (None, None)
        case.setExact(mrml.storeExact(case.scene, sources, case.fusion.fused, firstNode=firstNode, secondNode=secondNode))
        return "Decomposed exactly, with the saved latent image."

    return Task("decompose", store, {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "model": model,
                                     "device": device})


def estimateTask(case: Case, *, samples: int, seed: int, model: str | None, device: str) -> Task:
    """Estimate the sources from the fused image alone."""
    stored = _stored(case)

    def store(estimate) -> str:
        case.setEstimate(mrml.storeEstimate(case.scene, estimate, case.fusion.fused, settings={"samples": samples, "seed": seed},
                                            notes=stored.notes, outputs=case.estimate))
        return " ".join(["ESTIMATED from the fused image alone: what the network believes, not a scan.",
                         *mrml.warningsOf(case.estimate.first)])

    return Task("estimate", store, {"fused": stored.fused, "recipe": stored.recipe, "model": model, "device": device, "samples": samples,
                                    "seed": seed})


def numbersTask(case: Case, *, model: str | None, device: str) -> Task:
    """Fusion metrics, and spread and cycle error of the estimate where there is one."""
    stored = _stored(case)
    if stored.latent is None or stored.exactProblem:
        raise ResultError(stored.exactProblem or "The numbers compare the fused image with its sources, which need the latent image.")
    segmentation = case.nodes.get("segmentation")
    labels = mrml.segmentsForFusion(segmentation, case.fusion.fused, stored.fused).labels if segmentation is not None else None
    names = mrml.EstimateNodes.__dataclass_fields__
    estimate = tuple(mrml.volumeFromNode(getattr(case.estimate, name)) for name in names) if case.estimate else None

    def store(rows) -> str:
        case.rows = tuple(row for row in rows if not _isOfEstimate(row))
        case.estimateRows = tuple(row for row in rows if _isOfEstimate(row))
        return "The numbers are computed."

    return Task("numbers", store, {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "labels": labels,
                                   "estimate": estimate, "model": model, "device": device})


def exportTask(case: Case, folder: Path, *, model: str | None, device: str) -> Task:
    """Write a result folder that `fusioninn decompose` reads."""
    _needFusion(case)
    return Task("export", lambda done: "The result is ready.",
                {"export": exportOf(case), "folder": folder, "overwrite": False, "model": model, "device": device})


def loadTask(case: Case, folder: Path) -> Task:
    """Read a result folder."""
    def store(export) -> str:
        case.setExport(export)
        return " ".join([f"Loaded the result {folder.name}.", *export.notes])

    return Task("read", store, {"folder": folder})


def _stored(case: Case) -> mrml.SceneFusion:
    _needFusion(case)
    return mrml.fusionFromNodes(case.fusion.fused, case.fusion.latent)


def _needFusion(case: Case) -> None:
    if case.fusion is None:
        raise InputError("There is no fused image yet: fuse two volumes first.")


def _warnings(first: Input, second: Input, fusion) -> list[str]:
    """As the command line says them."""
    said = ["Both inputs are the same image, so the fused image shows nothing new."] if first.sha256 == second.sha256 else []
    said += [differ] if (differ := patients_differ(first.volume, second.volume)) else []
    said += [f"{one.volume.name}: {note}." for one in (first, second) for note in one.volume.notes]
    return said + list(fusion.warnings)


def _isOfEstimate(row) -> bool:
    return row.group is Group.ESTIMATE
