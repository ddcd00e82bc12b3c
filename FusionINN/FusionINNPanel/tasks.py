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
from FusionINNLib.steps import Steps, finish


@dataclass(frozen=True)
class Task:
    """One piece of work.

    name: function in FusionINNLib/jobs/tasks.py.
    read: reads from the scene, in steps, what that function is given; no MRML.
    store: takes what the function returned, writes it to the scene, in steps, and returns what the caller wants to have.
    """

    name: str
    read: Callable[[], Steps[dict]]
    store: Callable[[Any], Steps[Any]]

    def run(self, progress: Progress | None = None) -> Any:
        """Do all of it in this process, which waits."""
        from FusionINNLib.jobs import tasks as job_tasks

        return finish(self.store(getattr(job_tasks, self.name)(progress=progress or Progress(), **finish(self.read()))))


@dataclass(frozen=True)
class Compare:
    """A difference that is wanted beside a decomposition. role: of the source, 0 first, 1 second; differenceVolume: output, None for a new
    one."""

    role: int
    differenceVolume: Any = None


def inOneStep(function: Callable) -> Callable[..., Steps]:
    """A function as work in steps, of which it has one."""
    def steps(*arguments):
        return function(*arguments)
        yield

    return steps


def fuseTask(firstVolume, secondVolume, *, reference: str = "second", alignment: str = "auto", model: str = "default",
             device: str = "auto", fusedVolume=None, latentVolume=None) -> Task:
    """Fuse two volume nodes; gives `mrml.FusionNodes` and the sentences for the user about what was moved."""
    from FusionINNLib import mrml

    checkFusion(firstVolume, secondVolume, fusedVolume, latentVolume)
    choices = {"alignment": alignment, "reference": reference, "model": model}

    def read() -> Steps[dict]:
        first = mrml.volumeFromNode(firstVolume)
        yield
        return {"first": first, "second": mrml.volumeFromNode(secondVolume), **choices, "device": device}

    def store(fusion) -> Steps[tuple]:
        _needPresent(firstVolume, secondVolume)
        settings = choices | {"model": fusion.recipe.model}  # its id: a chosen folder is nobody else's business
        nodes = yield from mrml.storeFusionSteps(slicer.mrmlScene, fusion, firstVolume, secondVolume, settings=settings,
                                                 reference=reference, fusedNode=_present(fusedVolume), latentNode=_present(latentVolume))
        return nodes, fusionSentences(fusion, reference)

    return Task("fuse", read, store)


def checkFusion(firstVolume, secondVolume, fusedVolume=None, latentVolume=None) -> None:
    """Raise InputError, in words for the user, where these nodes cannot be fused. Cheap."""
    from FusionINNLib import mrml

    if firstVolume is None or secondVolume is None:
        raise InputError(_("Choose the first and the second volume."))
    if firstVolume is secondVolume:
        raise InputError(_("First and second volume are the same: choose two different ones."))
    mrml.checkOutputs((firstVolume, secondVolume), (fusedVolume, latentVolume))


def decomposeTask(fusedVolume, latentVolume=None, *, model: str | None = None, device: str = "auto", firstVolume=None,
                  secondVolume=None, compare: Compare | None = None) -> Task:
    """Exact decomposition; gives ((first node, second node), difference node or None). firstVolume, secondVolume: outputs, None for new
    ones."""
    from FusionINNLib import mrml

    def read() -> Steps[dict]:
        stored = mrml.fusionFromNodes(fusedVolume, latentVolume, model)
        if stored.latent is None or stored.exactProblem:
            raise ResultError(stored.exactProblem or _("There is no latent image to this fused image: choose the estimated decomposition."))
        mrml.checkOutputs((fusedVolume, latentVolume, *mrml.inputsOf(fusedVolume)), (firstVolume, secondVolume))
        yield
        return {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "model": model, "device": device,
                **_comparison(compare, fusedVolume)}

    def store(result) -> Steps[tuple]:
        sources, difference = result
        _needPresent(fusedVolume)
        nodes = yield from mrml.storeExactSteps(slicer.mrmlScene, sources, fusedVolume, firstNode=_present(firstVolume),
                                                secondNode=_present(secondVolume))
        return nodes, _storeDifference(difference, nodes, fusedVolume, compare)

    return Task("decompose_compared", read, store)


def estimateTask(fusedVolume, *, model: str | None = None, device: str = "auto", samples: int = 8, seed: int = 0, outputs=None,
                 compare: Compare | None = None) -> Task:
    """Estimated decomposition; gives (`mrml.EstimateNodes`, notes for the user, difference node or None). outputs: nodes to update, fields
    may be None."""
    from FusionINNLib import mrml

    notes: list[str] = []

    def read() -> Steps[dict]:
        stored = mrml.fusionFromNodes(fusedVolume, None, model)
        notes[:] = stored.notes
        yield
        return {"fused": stored.fused, "recipe": stored.recipe, "model": model, "device": device, "samples": samples, "seed": seed,
                **_comparison(compare, fusedVolume)}

    def store(result) -> Steps[tuple]:
        estimate, difference = result
        _needPresent(fusedVolume)
        chosen = outputs and mrml.EstimateNodes(*(_present(getattr(outputs, name)) for name in mrml.EstimateNodes.__dataclass_fields__))
        nodes = yield from mrml.storeEstimateSteps(slicer.mrmlScene, estimate, fusedVolume, settings={"samples": samples, "seed": seed},
                                                   notes=notes, outputs=chosen)
        return nodes, mrml.warningsOf(nodes.first), _storeDifference(difference, (nodes.first, nodes.second), fusedVolume, compare)

    return Task("estimate_compared", read, store)


def differenceTask(decomposedVolume, fusedVolume, compare: Compare) -> Task:
    """Decomposed minus source; gives the node, None where the source is gone."""
    from FusionINNLib import mrml

    def read() -> Steps[dict]:
        decomposed = mrml.volumeFromNode(decomposedVolume)
        yield
        return {"decomposed": decomposed, "compared": _comparison(compare, fusedVolume)["compared"]}

    def store(difference):
        _needPresent(fusedVolume, decomposedVolume)
        return _storeDifference(difference, (decomposedVolume, decomposedVolume), fusedVolume, compare)

    return Task("difference", read, inOneStep(store))


def numbersTask(fusedVolume, latentVolume=None, segmentation=None, estimateNodes=None, *, model: str | None = None, device: str = "auto",
                table=None) -> Task:
    """Fusion metrics, and figures of an estimate where one is given; gives a table node."""
    from FusionINNLib import mrml

    def read() -> Steps[dict]:
        stored = mrml.fusionFromNodes(fusedVolume, latentVolume, model)
        if stored.latent is None or stored.exactProblem:
            raise ResultError(
                stored.exactProblem or _("The numbers compare the fused image with its sources, which need the latent image."))
        yield
        labels = mrml.drawnSegments(segmentation, fusedVolume, stored.fused) if segmentation is not None else None
        yield
        volumes = []
        for name in mrml.EstimateNodes.__dataclass_fields__ if estimateNodes is not None else ():
            volumes.append(mrml.volumeFromNode(getattr(estimateNodes, name)))
            yield
        return {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "labels": labels, "model": model,
                "device": device, "estimate": tuple(volumes) or None}

    def store(rows):
        _needPresent(fusedVolume)
        return mrml.storeNumbers(slicer.mrmlScene, rows, fusedVolume, tableNode=_present(table))

    return Task("numbers", read, inOneStep(store))


def exportTask(folder: Path, fusedVolume, latentVolume=None, *, segmentation=None, exactNodes=(None, None), estimateNodes=None,
               model: str | None = None, device: str = "auto", overwrite: bool = False) -> Task:
    """Write a result folder that `fusioninn decompose` reads; gives the folder."""
    from FusionINNLib import mrml

    folder = Path(folder)

    def read() -> Steps[dict]:
        export = yield from mrml.exportSteps(fusedVolume, latentVolume, segmentationNode=segmentation, exactNodes=exactNodes,
                                             estimateNodes=estimateNodes)
        return {"export": export, "folder": folder, "overwrite": overwrite, "model": model, "device": device}

    return Task("export", read, inOneStep(lambda done: folder))


def loadTask(folder: Path) -> Task:
    """Read a result folder into the scene; gives (`mrml.FusionNodes`, {parameter: node}, notes for the user)."""
    from FusionINNLib import mrml

    names = {"first": "firstEstimated", "second": "secondEstimated"}

    def store(export) -> Steps[tuple]:
        nodes, others = yield from mrml.storeExportSteps(slicer.mrmlScene, export)
        return nodes, {names.get(name, name): node for name, node in others.items()}, export.notes

    return Task("read", inOneStep(lambda: {"folder": Path(folder)}), store)


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


def _comparison(compare: Compare | None, fusedVolume) -> dict:
    """What a worker needs for the difference."""
    from FusionINNLib import mrml

    role = 0 if compare is None else compare.role
    source = mrml.inputsOf(fusedVolume)[role] if compare is not None else None
    return {"role": role, "compared": mrml.comparedWith(source, fusedVolume) if source is not None else None}


def _storeDifference(difference, decomposedNodes: tuple, fusedVolume, compare: Compare | None):
    """The node of a difference; None where none was computed or its source is gone."""
    from FusionINNLib import mrml

    source = mrml.inputsOf(fusedVolume)[compare.role] if difference is not None else None
    if source is None:
        return None
    return mrml.storeDifferenceImage(slicer.mrmlScene, difference, decomposedNodes[compare.role], source,
                                     differenceNode=_present(compare.differenceVolume))


def _present(node):
    """An output that is still there; one that was deleted meanwhile is made anew."""
    return node if node is not None and slicer.mrmlScene.IsNodePresent(node) else None


def _needPresent(*nodes) -> None:
    if not all(slicer.mrmlScene.IsNodePresent(node) for node in nodes):
        raise InputError(_("A volume was removed from the scene during the computation: nothing was stored."))
