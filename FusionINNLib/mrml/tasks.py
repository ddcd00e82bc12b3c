"""What panel and page can have done, each as a `Task`: what is read from the scene before, what is computed, what is stored after.

The scene is given; a task gives facts, which each side puts into its own words. The same task runs here and now (`Task.run`, for scripts),
from a timer (the panel) or from an event loop (the page), the computation in a process of its own. Reading and storing: main thread only.
"""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.evaluation.difference import Compared, Difference
from FusionINNLib.methods import registry
from FusionINNLib.mrml.color import scanFromNode, storeFusedColor
from FusionINNLib.mrml.difference import comparedWith, storeDifferenceImage
from FusionINNLib.mrml.export import exportSteps, storeExportSteps
from FusionINNLib.mrml.nodes import Node, inputsOf, volumeFromNode
from FusionINNLib.mrml.outcomes import Compare, Estimated, Exact, Fused, Loaded
from FusionINNLib.mrml.outputs import checkOutputs
from FusionINNLib.mrml.readback import SceneFusion, fusionFromNodes, warningsOf
from FusionINNLib.mrml.results import EstimateNodes, storeEstimateSteps, storeExactSteps, storeFusionSteps
from FusionINNLib.mrml.segments import drawnSegments
from FusionINNLib.mrml.tables import storeNumbers
from FusionINNLib.progress import Progress
from FusionINNLib.results.color import FusedColor, luminances
from FusionINNLib.results.dicom_origin import Whose
from FusionINNLib.results.records import Fusion
from FusionINNLib.results.scene_folder import Export, Source
from FusionINNLib.results.trust import worst
from FusionINNLib.steps import Steps, finish, in_one_step
from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.volume import Volume


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


# ---- fuse ------------------------------------------------------------------------------------------------------------------------------


def fuseTask(scene, firstVolume: Node | None, secondVolume: Node | None, *, reference: str = "second", alignment: str = "auto",
             method: str = registry.DEFAULT, model: str | None = None, device: str = "auto", fusedVolume: Node | None = None,
             latentVolume: Node | None = None, volumes: tuple[Volume | ColorVolume, Volume | ColorVolume] | None = None,
             settings: Mapping[str, object] | None = None, seed: int = 0) -> Task:
    """Fuse two volume nodes; gives `Fused`. Raises InputError as `checkFusion`, and for settings that the method has not.

    method: name of a fusion method. model: id or folder of a model of it, None for its own.
    fusedVolume, latentVolume: outputs, None for new ones. volumes: first and second as they were read from their files, with the numbers
    stored there; None for what the nodes hold. settings: of the method, those that are not to be as it has them. seed: of a method that
    draws random numbers; recorded of such a one alone.
    """
    checkFusion(firstVolume, secondVolume, fusedVolume, latentVolume)
    ofMethod = registry.settings_of(method, model, settings)
    choices = {"alignment": alignment, "reference": reference, "method": method, "model": model}

    def read() -> Steps[dict]:
        first = volumes[0] if volumes is not None else scanFromNode(firstVolume)
        yield
        second = volumes[1] if volumes is not None else scanFromNode(secondVolume)
        luminances(first, second)  # before a process is started: it refuses two sources in colour
        return {"first": first, "second": second, **choices, "device": device, "settings": settings, "seed": seed}

    def store(result: tuple[Fusion, FusedColor | None]) -> Steps[Fused]:
        fusion, color = result
        needPresent(scene, firstVolume, secondVolume)
        chosen: dict[str, Any] = choices | {"model": fusion.recipe.model}  # its id: a chosen folder is nobody else's business
        if not registry.info(method).capabilities.deterministic:
            chosen["seed"] = seed
        if ofMethod:
            chosen["method_settings"] = dict(ofMethod)
        nodes = yield from storeFusionSteps(scene, fusion, firstVolume, secondVolume, settings=chosen, reference=reference,
                                            fusedNode=_present(scene, fusedVolume), latentNode=_present(scene, latentVolume))
        yield
        storeFusedColor(scene, color, nodes.fused, fusion.fused)
        return Fused(nodes, fusion.alignment, reference, (*fusion.warnings, *(color.sentences if color is not None else ())))

    return Task("fuse_scans", read, store)


def checkFusion(firstVolume: Node | None, secondVolume: Node | None, fusedVolume: Node | None = None,
                latentVolume: Node | None = None) -> None:
    """Raise InputError, in words for the user, where these nodes cannot be fused. Cheap."""
    if firstVolume is None or secondVolume is None:
        raise InputError("Choose the first and the second volume.")
    if firstVolume is secondVolume:
        raise InputError("First and second volume are the same: choose two different ones.")
    checkOutputs((firstVolume, secondVolume), (fusedVolume, latentVolume))


# ---- back ------------------------------------------------------------------------------------------------------------------------------


def decomposeTask(scene, fusedVolume: Node | None, latentVolume: Node | None = None, *, model: str | None = None, device: str = "auto",
                  firstVolume: Node | None = None, secondVolume: Node | None = None, compare: Compare | None = None) -> Task:
    """Exact decomposition; gives `Exact`. firstVolume, secondVolume: OUTPUTS, None for new ones."""
    def read() -> Steps[dict]:
        stored = _withLatent(fusionFromNodes(fusedVolume, latentVolume, model))
        checkOutputs((fusedVolume, latentVolume, *inputsOf(fusedVolume)), (firstVolume, secondVolume))
        yield
        return {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "model": model, "device": device,
                **_comparison(compare, fusedVolume)}

    def store(result: tuple) -> Steps[Exact]:
        sources, difference = result
        needPresent(scene, fusedVolume)
        nodes = yield from storeExactSteps(scene, sources, fusedVolume, firstNode=_present(scene, firstVolume),
                                           secondNode=_present(scene, secondVolume))
        return Exact(nodes, _storeDifference(scene, difference, nodes, fusedVolume, compare))

    return Task("decompose_compared", read, store)


def estimateTask(scene, fusedVolume: Node | None, *, model: str | None = None, device: str = "auto", samples: int = 8, seed: int = 0,
                 outputs: EstimateNodes | None = None, compare: Compare | None = None) -> Task:
    """Estimated decomposition; gives `Estimated`. outputs: nodes to update, fields may be None."""
    found: list[SceneFusion] = []

    def read() -> Steps[dict]:
        stored = fusionFromNodes(fusedVolume, None, model)
        found[:] = [stored]
        yield
        return {"fused": stored.fused, "recipe": stored.recipe, "model": model, "device": device, "samples": samples, "seed": seed,
                **_comparison(compare, fusedVolume)}

    def store(result: tuple) -> Steps[Estimated]:
        estimate, difference = result
        estimate = replace(estimate, trust=worst(found[0].trust, estimate.trust))
        needPresent(scene, fusedVolume)
        chosen = outputs and EstimateNodes(*(_present(scene, getattr(outputs, name)) for name in EstimateNodes.__dataclass_fields__))
        nodes = yield from storeEstimateSteps(scene, estimate, fusedVolume, settings=registry.drawn(found[0].recipe, samples, seed),
                                              notes=found[0].notes, outputs=chosen)
        return Estimated(nodes, estimate.trust, warningsOf(nodes.first),
                         _storeDifference(scene, difference, (nodes.first, nodes.second), fusedVolume, compare))

    return Task("estimate_compared", read, store)


def differenceTask(scene, decomposedVolume: Node, fusedVolume: Node, compare: Compare) -> Task:
    """Decomposed minus source; gives the node, None where the source is gone."""
    def read() -> Steps[dict]:
        decomposed = volumeFromNode(decomposedVolume)
        yield
        return {"decomposed": decomposed, "compared": _comparison(compare, fusedVolume)["compared"]}

    def store(difference: Difference | None) -> Node | None:
        needPresent(scene, fusedVolume, decomposedVolume)
        return _storeDifference(scene, difference, (decomposedVolume, decomposedVolume), fusedVolume, compare)

    return Task("difference", read, in_one_step(store))


# ---- numbers, files --------------------------------------------------------------------------------------------------------------------


def numbersTask(fusedVolume: Node | None, latentVolume: Node | None = None, segmentation: Node | None = None,
                estimateNodes: EstimateNodes | None = None, *, model: str | None = None, device: str = "auto") -> Task:
    """Fusion metrics, and figures of an estimate where one is given; gives rows of `evaluation/case_metrics.py`."""
    def read() -> Steps[dict]:
        stored, inputs = fusionWithSources(fusedVolume, latentVolume, model)
        yield
        labels = drawnSegments(segmentation, fusedVolume, stored.fused) if segmentation is not None else None
        yield
        volumes = []
        for name in EstimateNodes.__dataclass_fields__ if estimateNodes is not None else ():
            volumes.append(volumeFromNode(getattr(estimateNodes, name)))
            yield
        return {"fused": stored.fused, "latent": stored.latent, "recipe": stored.recipe, "labels": labels, "model": model,
                "device": device, "estimate": tuple(volumes) or None, "inputs": inputs}

    return Task("numbers", read, in_one_step(tuple))


def numbersTableTask(scene, fusedVolume: Node | None, *inputs, table: Node | None = None, **choices) -> Task:
    """As `numbersTask`, with the same further arguments; gives a table node. table: the one to update, None for a new one."""
    def store(rows: tuple) -> Node:
        needPresent(scene, fusedVolume)
        return storeNumbers(scene, rows, fusedVolume, tableNode=_present(scene, table))

    return replace(numbersTask(fusedVolume, *inputs, **choices), store=in_one_step(store))


def exportTask(folder: Path, fusedVolume: Node | None, latentVolume: Node | None = None, *, segmentation: Node | None = None,
               exactNodes: tuple[Node | None, Node | None] = (None, None), estimateNodes: EstimateNodes | None = None,
               sources: tuple[Source, Source] | None = None, model: str | None = None, device: str = "auto",
               overwrite: bool = False) -> Task:
    """Write a result folder that `fusioninn decompose` reads; gives the folder. sources: how provenance names what was fused, None for as
    the fused node does."""
    folder = Path(folder)

    def read() -> Steps[dict]:
        export = yield from exportSteps(fusedVolume, latentVolume, segmentationNode=segmentation, exactNodes=exactNodes,
                                        estimateNodes=estimateNodes)
        export = export if sources is None else replace(export, sources=sources)
        return {"export": export, "folder": folder, "overwrite": overwrite, "model": model, "device": device,
                "inputs": inputsOfFuseOnly(export, fusedVolume)}

    return Task("export", read, in_one_step(lambda done: folder))


def exportDicomTask(folder: Path, *inputs, whose: Whose | None = None, **choices) -> Task:
    """As `exportTask`, with the same further arguments: DICOM series of the fused image and of what it was taken apart into. They hold no
    latent image: the exact way back is in what `exportTask` writes alone. whose: a source's patient, who is named then; None for nobody."""
    task = exportTask(folder, *inputs, **choices)

    def read() -> Steps[dict]:
        return {**(yield from task.read()), "whose": whose}

    return replace(task, name="export_dicom", read=read)


def loadTask(scene, folder: Path, check: Callable[[Export], None] = lambda export: None) -> Task:
    """Read a result folder into the scene; gives `Loaded`. check: called before anything is stored, to refuse by raising."""
    def store(export: Export) -> Steps[Loaded]:
        check(export)
        nodes, others = yield from storeExportSteps(scene, export)
        return Loaded(nodes, others, export)

    return Task("read", in_one_step(lambda: {"folder": Path(folder)}), store)


def sampleTask(store: Callable[[tuple], Any]) -> Task:
    """Make the sample case; gives what `store` makes of (first, second, segmentation, what its numbers mean)."""
    return Task("sample", in_one_step(dict), in_one_step(store))


# ---- parts -----------------------------------------------------------------------------------------------------------------------------


def _withLatent(stored: SceneFusion) -> SceneFusion:
    """A fusion that has an exact way back. Raises ResultError with the reason where it has none."""
    if stored.obstacle is not None:
        raise ResultError(stored.obstacle.sentence)
    return stored


def fusionWithSources(fusedVolume: Node | None, latentVolume: Node | None,
                      model: str | None) -> tuple[SceneFusion, tuple[Compared, Compared] | None]:
    """A fusion whose sources can be had: with its latent, or with its inputs where the method only fuses. Raises ResultError where neither
    is there."""
    stored = fusionFromNodes(fusedVolume, latentVolume, model)
    inputs = inputsOfFuseOnly(stored, fusedVolume)
    return (stored if inputs is not None else _withLatent(stored)), inputs


def inputsOfFuseOnly(fusion: SceneFusion | Export, fusedVolume: Node) -> tuple[Compared, Compared] | None:
    """Both inputs and how they were moved, where nothing else gives the sources; None where they come back exactly. Raises ResultError."""
    info = registry.info(fusion.recipe.method)
    if info.capabilities.exact:
        return None
    first, second = inputsOf(fusedVolume)
    if first is None or second is None:
        raise ResultError(f"{info.title} only fuses, so that the sources are needed, and they are not in the scene: load the two volumes "
                          "and fuse them again.")
    return comparedWith(first, fusedVolume), comparedWith(second, fusedVolume)


def _comparison(compare: Compare | None, fusedVolume: Node) -> dict:
    """What a worker needs for the difference."""
    role = 0 if compare is None else compare.role
    source = inputsOf(fusedVolume)[role] if compare is not None else None
    return {"role": role, "compared": comparedWith(source, fusedVolume) if source is not None else None}


def _storeDifference(scene, difference: Difference | None, decomposedNodes: Sequence[Node], fusedVolume: Node,
                     compare: Compare | None) -> Node | None:
    """The node of a difference; None where none was computed or its source is gone."""
    if difference is None or compare is None or (source := inputsOf(fusedVolume)[compare.role]) is None:
        return None
    return storeDifferenceImage(scene, difference, decomposedNodes[compare.role], source,
                                differenceNode=_present(scene, compare.differenceVolume))


def _present(scene, node: Node | None) -> Node | None:
    """An output that is still there; one that was deleted meanwhile is made anew."""
    return node if node is not None and scene.IsNodePresent(node) else None


def needPresent(scene, *nodes: Node) -> None:
    """Raises InputError where one of them left the scene meanwhile."""
    if not all(scene.IsNodePresent(node) for node in nodes):
        raise InputError("A volume was removed from the scene during the computation: nothing was stored.")
