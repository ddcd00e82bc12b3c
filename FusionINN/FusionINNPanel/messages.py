"""Words for what FusionINNLib reports."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from collections.abc import Mapping
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from FusionINNLib import mrml

if TYPE_CHECKING:
    from FusionINNLib.methods import registry
    from FusionINNLib.methods.base import MethodInfo
    from FusionINNLib.methods.settings import Value


def stepText(task: str, done: int, total: int, left: str = "") -> str:
    """What is being done, how far it is and, where that is known, how long it will go on. task: as `Progress.step` has it."""
    said = _stepText(task, done, total)
    return _("{step}, about {time} left").format(step=said, time=left) if left else said


def _stepText(task: str, done: int, total: int) -> str:
    slices = {"fusing slices": _("Fusing: slice {done} of {total}"), "decomposing slices": _("Decomposing: slice {done} of {total}"),
              "estimating slices": _("Estimating: slice {done} of {total}")}
    if task in slices:
        return slices[task].format(done=done, total=total)
    others = {"measuring": _("Measuring"), "reading files": _("Reading files"), "writing files": _("Writing files"),
              "making the sample case": _("Making the sample case"), "comparing with the source": _("Comparing with the source"),
              "comparing both time points": _("Comparing both time points")}
    words = others.get(task, task[:1].upper() + task[1:])
    if total <= 1:
        return _("{task} ...").format(task=words)
    return _("{task}: {percent} %").format(task=words, percent=round(100 * done / total))


def methodToolTip(row: MethodInfo, state: registry.Ready | registry.Lacking) -> str:
    """What a fusion method is and can do, who published it, and what keeps it from being used."""
    from FusionINNLib.methods import registry

    can = row.capabilities
    back = {(True, True): _("The fused image can be taken apart again, exactly and as an estimate."),
            (True, False): _("The fused image can be taken apart again, exactly."),
            (False, True): _("The sources can be estimated from the fused image."),
            (False, False): _("It only fuses: there is no way back.")}[can.exact, can.estimate]
    looks = _("It looks at slices.") if can.dims == 2 else _("It looks at neighbourhoods in all three axes.")
    citation = _("{citation}, doi:{doi}").format(citation=row.citation, doi=row.doi) if row.doi else row.citation
    lacks = [_("It cannot be used here: {what}; {remedy}.").format(what=state.what, remedy=state.remedy)] \
        if isinstance(state, registry.Lacking) else []
    return "\n".join([row.summary, f"{back} {looks}", citation, *lacks])


def methodSettingsToolTip(row: MethodInfo, values: Mapping[str, Value]) -> str:
    """Which settings a method has, what they mean and take, and how they are written. values: those that they have by themselves."""
    if not row.settings:
        return _("{title} has no settings.").format(title=row.title)
    lines = [one.described(values[one.name]) for one in row.settings]
    return "\n".join([_("Words NAME=VALUE with spaces between them; what is not named stays as the model or the method has it:"), *lines])


def whyNotUsable(row: MethodInfo, state: registry.Ready | registry.Lacking) -> str:
    """Why a method cannot fuse here, "" where it can."""
    from FusionINNLib.methods import registry

    if not isinstance(state, registry.Lacking):
        return ""
    return _("{title} cannot be used here: {what}; {remedy}.").format(title=row.title, what=state.what, remedy=state.remedy)


def fusionSentences(fused: mrml.Fused) -> list[str]:
    """What the user should know about how the inputs came together."""
    alignment = fused.alignment
    moved = _("The first volume") if fused.reference == "second" else _("The second volume")
    if not alignment.resampled:
        said = _("Both volumes lie on one grid; nothing was moved.")
    elif alignment.mode == "header":
        said = _("{volume} was resampled onto the other one's grid by the headers alone.").format(volume=moved)
    else:
        said = _("{volume} was registered and resampled: moved by {shift:.1f} mm on average and {angle:.1f} degrees.").format(
            volume=moved, shift=alignment.shift_mm, angle=alignment.rotation_deg)
    return [said, *fused.warnings]


def lostColorSentences(fusedVolume) -> list[str]:
    """That what was decomposed is grey where its source was in colour; nothing in all other cases."""
    if fusedVolume is None or not mrml.hasLostColor(fusedVolume):
        return []
    return [_("Its colours are no longer in the scene, so that it is shown in grey: fuse the sources again to have them.")]
