"""What the module does, each as a `Task`: what is read from the scene before, what is computed, what is written to the scene after.

The same task runs here and now (`run`, for scripts) or in a process of its own (`run.py`, for the panel).
"""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.progress import Progress


@dataclass(frozen=True)
class Task:
    """One piece of work.

    name, arguments: function in FusionINNLib/job_tasks.py and what it is given; no MRML.
    store: takes what the function returned, writes it to the scene and returns what the caller wants to have.
    """

    name: str
    arguments: dict
    store: Callable[[Any], Any]

    def run(self, progress: Progress | None = None) -> Any:
        """Do all of it in this process, which waits."""
        from FusionINNLib import job_tasks

        return self.store(getattr(job_tasks, self.name)(progress=progress or Progress(), **self.arguments))


def fuseTask(firstVolume, secondVolume, *, reference: str = "second", alignment: str = "auto", model: str = "default",
             device: str = "auto", fusedVolume=None, latentVolume=None) -> Task:
    """Fuse two volume nodes; gives `mrml.FusionNodes` and the sentences for the user about what was moved."""
    from FusionINNLib import mrml

    checkFusion(firstVolume, secondVolume, fusedVolume, latentVolume)
    first, second = mrml.volumeFromNode(firstVolume), mrml.volumeFromNode(secondVolume)
    choices = {"alignment": alignment, "reference": reference, "model": model}

    def store(fusion) -> tuple:
        _needPresent(firstVolume, secondVolume)
        settings = choices | {"model": fusion.recipe.model}  # its id: a chosen folder is nobody else's business
        nodes = mrml.storeFusion(slicer.mrmlScene, fusion, firstVolume, secondVolume, settings=settings, reference=reference,
                                 fusedNode=_present(fusedVolume), latentNode=_present(latentVolume))
        return nodes, fusionSentences(fusion, reference)

    return Task("fuse", {"first": first, "second": second, **choices, "device": device}, store)


def checkFusion(firstVolume, secondVolume, fusedVolume=None, latentVolume=None) -> None:
    """Raise InputError, in words for the user, where these nodes cannot be fused. Cheap."""
    from FusionINNLib import mrml

    if firstVolume is None or secondVolume is None:
        raise InputError(_("Choose the first and the second volume."))
    if firstVolume is secondVolume:
        raise InputError(_("First and second volume are the same: choose two different ones."))
    mrml.checkOutputs((firstVolume, secondVolume), (fusedVolume, latentVolume))


def decomposeTask(fusedVolume, latentVolume=None, *, model: str | None = None, device: str = "auto", firstVolume=None,
                  secondVolume=None) -> Task:
    """Exact decomposition; gives (first node, second node). firstVolume, secondVolume: outputs, None for new ones."""
    from FusionINNLib import mrml

    stored = mrml.fusionFromNodes(fusedVolume, latentVolume, model)
    if stored.latent is None or stored.exactProblem:
        raise ResultError(stored.exactProblem or _("There is no latent image to this fused image: choose the estimated decomposition."))
    mrml.checkOutputs((fusedVolume, latentVolume, *mrml.inputsOf(fusedVolume)), (firstVolume, secondVolume))

    def store(sources) -> tuple:
        _needPresent(fusedVolume)
        return mrml.storeExact(slicer.mrmlScene, sources, fusedVolume, firstNode=_present(firstVolume), secondNode=_present(secondVolume))

    return Task("decompose", {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "model": model, "device": device},
                store)


def estimateTask(fusedVolume, *, model: str | None = None, device: str = "auto", samples: int = 8, seed: int = 0, outputs=None) -> Task:
    """Estimated decomposition; gives (`mrml.EstimateNodes`, notes for the user). outputs: nodes to update, fields may be None."""
    from FusionINNLib import mrml

    stored = mrml.fusionFromNodes(fusedVolume, None, model)

    def store(estimate) -> tuple:
        _needPresent(fusedVolume)
        chosen = outputs and mrml.EstimateNodes(*(_present(getattr(outputs, name)) for name in mrml.EstimateNodes.__dataclass_fields__))
        nodes = mrml.storeEstimate(slicer.mrmlScene, estimate, fusedVolume, settings={"samples": samples, "seed": seed}, outputs=chosen)
        return nodes, stored.notes

    return Task("estimate", {"fused": stored.fused, "recipe": stored.recipe, "model": model, "device": device, "samples": samples,
                             "seed": seed}, store)


def numbersTask(fusedVolume, latentVolume=None, segmentation=None, estimateNodes=None, *, model: str | None = None, device: str = "auto",
                table=None) -> Task:
    """Fusion metrics, and figures of an estimate where one is given; gives a table node."""
    from FusionINNLib import mrml

    stored = mrml.fusionFromNodes(fusedVolume, latentVolume, model)
    if stored.latent is None or stored.exactProblem:
        raise ResultError(stored.exactProblem or _("The numbers compare the fused image with its sources, which need the latent image."))
    labels = mrml.segmentsForFusion(segmentation, fusedVolume, stored.fused).labels if segmentation is not None else None
    names = mrml.EstimateNodes.__dataclass_fields__
    estimate = tuple(mrml.volumeFromNode(getattr(estimateNodes, name)) for name in names) if estimateNodes is not None else None

    def store(rows):
        _needPresent(fusedVolume)
        return mrml.storeNumbers(slicer.mrmlScene, rows, fusedVolume, tableNode=_present(table))

    return Task("numbers", {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "labels": labels, "estimate": estimate,
                            "model": model, "device": device}, store)


def exportTask(folder: Path, fusedVolume, latentVolume=None, *, segmentation=None, exactNodes=(None, None), estimateNodes=None,
               model: str | None = None, device: str = "auto", overwrite: bool = False) -> Task:
    """Write a result folder that `fusioninn decompose` reads; gives the folder."""
    from FusionINNLib import mrml

    folder = Path(folder)
    export = mrml.exportFromNodes(fusedVolume, latentVolume, segmentationNode=segmentation, exactNodes=exactNodes,
                                  estimateNodes=estimateNodes)
    return Task("export", {"export": export, "folder": folder, "overwrite": overwrite, "model": model, "device": device},
                lambda done: folder)


def loadTask(folder: Path) -> Task:
    """Read a result folder into the scene; gives (`mrml.FusionNodes`, {parameter: node}, notes for the user)."""
    from FusionINNLib import mrml

    names = {"first": "firstEstimated", "second": "secondEstimated"}

    def store(export) -> tuple:
        nodes, others = mrml.storeExport(slicer.mrmlScene, export)
        return nodes, {names.get(name, name): node for name, node in others.items()}, export.notes

    return Task("read", {"folder": Path(folder)}, store)


def fusionSentences(fusion, reference: str) -> list[str]:
    """What the user should know about how the inputs came together."""
    alignment = fusion.alignment
    moved = _("The first volume") if reference == "second" else _("The second volume")
    if not alignment.resampled:
        said = _("Both volumes lie on one grid; nothing was moved.")
    elif alignment.mode == "header":
        said = _("{volume} was resampled onto the other one's grid by the headers alone.").format(volume=moved)
    else:
        said = _("{volume} was registered and resampled: moved by {shift:.1f} mm on average and {angle:.1f} degrees.").format(
            volume=moved, shift=alignment.shift_mm, angle=alignment.rotation_deg)
    return [said, *fusion.warnings]


def _present(node):
    """An output that is still there; one that was deleted meanwhile is made anew."""
    return node if node is not None and slicer.mrmlScene.IsNodePresent(node) else None


def _needPresent(*nodes) -> None:
    if not all(slicer.mrmlScene.IsNodePresent(node) for node in nodes):
        raise InputError(_("A volume was removed from the scene during the computation: nothing was stored."))
