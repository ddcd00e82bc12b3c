"""What the page can have computed: a task of the scene, and what becomes of its outcome in the case. Main thread only."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.case_metrics import Group
from FusionINNLib.mrml.nodes import checksumOfVoxels
from FusionINNLib.outlining.folder import DICOM as OUTLINE
from FusionINNLib.viewer import messages
from FusionINNLib.viewer.case import ROLES, Case
from FusionINNLib.viewer.inputs import Input, labels_of
from FusionINNLib.viewer.patient import whose


@dataclass(frozen=True)
class Computation:
    """One piece of work.

    task: what is done. keep: takes what it gave, keeps it in the case, and gives a sentence for the user, "" for none.
    """

    task: mrml.Task
    keep: Callable[[Any], str]


def sample(case: Case) -> Computation:
    """Make the sample case and load it."""
    def keep(made: tuple) -> str:
        first, second, segmentation, names = made
        case.clear()
        for slot, volume in (("first", first), ("second", second), ("segmentation", segmentation)):
            labels = labels_of(volume, names) if slot == "segmentation" else {}
            case.set_input(slot, Input(volume, f"{volume.name} (sample case)", checksumOfVoxels(volume.array), labels))
        return messages.SAMPLE_LOADED

    return Computation(mrml.sampleTask(tuple), keep)


def fuse(case: Case, *, alignment: str, reference: str, method: str, model: str | None, device: str, settings: dict[str, str] | None = None,
         seed: int = 0) -> Computation:
    """Fuse the two inputs. settings: of the method, as they were typed; seed: of one that draws random numbers."""
    if not set(ROLES) <= set(case.inputs):
        raise InputError("Choose the first and the second volume.")
    first, second = (case.inputs[role] for role in ROLES)
    earlier = case.fusion or mrml.FusionNodes(None, None)
    task = mrml.fuseTask(case.scene, case.nodes["first"], case.nodes["second"], alignment=alignment, reference=reference, method=method,
                         model=model, device=device, fusedVolume=earlier.fused, latentVolume=earlier.latent,
                         volumes=(first.scan, second.scan), settings=settings, seed=seed)

    def keep(fused: mrml.Fused) -> str:
        case.set_fusion(fused.nodes, (case.source("first"), case.source("second")), messages.warnings(first, second, fused.warnings))
        return messages.fused(first, second)

    return Computation(task, keep)


def suggest(case: Case, *, alignment: str, reference: str, device: str) -> Computation:
    """Have an outline suggested, beside a drawn one or in its place where there is none."""
    if not set(ROLES) <= set(case.inputs):
        raise InputError("Choose the first and the second volume.")
    if case.colored:
        raise InputError(messages.GREY_FOR_OUTLINES)
    task = mrml.suggestTask(case.scene, case.nodes["first"], case.nodes["second"], alignment=alignment, reference=reference, device=device,
                            drawn=case.nodes.get("segmentation"), volumes=[case.inputs[role].volume for role in ROLES])

    def keep(suggested: mrml.SuggestedNode) -> str:
        case.set_suggestion(suggested, reference)
        return messages.suggested(suggested.volume_ml, suggested.agreement, suggested.warnings)

    return Computation(task, keep)


def decompose(case: Case, *, difference_of: str, model: str | None, device: str) -> Computation:
    """Take the fused image apart exactly, with its latent."""
    fusion, (first, second) = _fusion(case), case.exact or (None, None)
    task = mrml.decomposeTask(case.scene, fusion.fused, fusion.latent, model=model, device=device, firstVolume=first, secondVolume=second,
                              compare=_compare(difference_of))

    def keep(exact: mrml.Exact) -> str:
        case.set_exact(exact.nodes)
        case.set_difference("exact", difference_of, exact.difference)
        return messages.decomposed(_colored_name(case))

    return Computation(task, keep)


def estimate(case: Case, *, difference_of: str, samples: int, seed: int, model: str | None, device: str) -> Computation:
    """Estimate the sources from the fused image alone."""
    task = mrml.estimateTask(case.scene, _fusion(case).fused, model=model, device=device, samples=samples, seed=seed,
                             outputs=case.estimate, compare=_compare(difference_of))

    def keep(estimated: mrml.Estimated) -> str:
        case.set_estimate(estimated.nodes)
        case.set_difference("estimated", difference_of, estimated.difference)
        return messages.estimated(estimated.trust, estimated.warnings, _colored_name(case))

    return Computation(task, keep)


def difference(case: Case, method: str, difference_of: str) -> Computation:
    """Decomposed minus source, where that was not computed with the decomposition."""
    if (back := case.decomposed(method)) is None:
        raise InputError("Nothing was taken apart in this way yet: decompose the fused image first.")
    decomposed = back[ROLES.index(difference_of)]

    def keep(node) -> str:
        case.set_difference(method, difference_of, node)
        return ""

    return Computation(mrml.differenceTask(case.scene, decomposed, _fusion(case).fused, _compare(difference_of)), keep)


def numbers(case: Case, *, model: str | None, device: str) -> Computation:
    """Fusion metrics, and spread and cycle error of the estimate where there is one."""
    fusion = _fusion(case)
    task = mrml.numbersTask(fusion.fused, fusion.latent, case.nodes.get("segmentation"), case.estimate, model=model, device=device)

    def keep(rows: tuple) -> str:
        case.rows = tuple(row for row in rows if row.group is Group.FUSION)
        case.estimate_rows = tuple(row for row in rows if row.group is Group.ESTIMATE)
        return messages.NUMBERS_COMPUTED

    return Computation(task, keep)


def export(case: Case, folder: Path, *, model: str | None, device: str) -> Computation:
    """Write a result folder that `fusioninn decompose` reads; what was fused is named in it as the command line names it."""
    task = mrml.exportTask(folder, **_results(case), model=model, device=device)
    return Computation(task, lambda written: messages.RESULT_READY)


def export_dicom(case: Case, folder: Path, *, model: str | None, device: str, named: bool = False) -> Computation:
    """Write the images of the result as DICOM series. named: of the patient of a source; else of nobody."""
    task = mrml.exportDicomTask(folder, **_results(case), whose=whose(case) if named else None, model=model, device=device)
    return Computation(task, lambda written: messages.dicom_ready(_colored_name(case), named))


def export_outline(case: Case, folder: Path) -> Computation:
    """Write the suggested outline as a DICOM Segmentation of the series on whose grid it lies, into a new folder."""
    headers = case.outline_headers
    if case.outline is None or not headers:
        raise InputError(messages.no_dicom_outline(case.outline, headers))
    folder.mkdir()
    task = mrml.dicomOutlineTask(case.outline.labels, case.outline.origin, folder / OUTLINE, headers=headers)
    return Computation(task, lambda written: messages.OUTLINE_READY)


def load(case: Case, folder: Path) -> Computation:
    """Read a result folder."""
    def keep(loaded: mrml.Loaded) -> str:
        case.set_loaded(loaded)
        return messages.loaded(folder, loaded.export.notes)

    return Computation(mrml.loadTask(case.scene, folder, check=case.check_sources), keep)


def _colored_name(case: Case) -> str:
    """The source whose colours the fused image has, "" for a fusion in grey."""
    role = mrml.colorRole(_fusion(case).fused)
    return "" if role is None or case.sources is None else case.sources[ROLES.index(role)].name


def _compare(difference_of: str) -> mrml.Compare:
    return mrml.Compare(ROLES.index(difference_of))


def _results(case: Case) -> dict[str, Any]:
    fusion = _fusion(case)
    return {"fusedVolume": fusion.fused, "latentVolume": fusion.latent, "segmentation": case.nodes.get("segmentation"),
            "exactNodes": case.exact or (None, None), "estimateNodes": case.estimate, "sources": case.sources}


def _fusion(case: Case) -> mrml.FusionNodes:
    if case.fusion is None:
        raise InputError("There is no fused image yet: fuse two volumes first.")
    return case.fusion
