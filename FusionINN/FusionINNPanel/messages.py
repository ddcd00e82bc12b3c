"""Words for what FusionINNLib reports."""
from slicer.i18n import tr as _


def stepText(task: str, done: int, total: int) -> str:
    """What is being done and how far it is. task: as `Progress.step` has it."""
    slices = {"fusing slices": _("Fusing: slice {done} of {total}"), "decomposing slices": _("Decomposing: slice {done} of {total}"),
              "estimating slices": _("Estimating: slice {done} of {total}")}
    if task in slices:
        return slices[task].format(done=done, total=total)
    others = {"measuring": _("Measuring"), "reading files": _("Reading files"), "writing files": _("Writing files"),
              "making the sample case": _("Making the sample case"), "comparing with the source": _("Comparing with the source")}
    words = others.get(task, task[:1].upper() + task[1:])
    if total <= 1:
        return _("{task} ...").format(task=words)
    return _("{task}: {percent} %").format(task=words, percent=round(100 * done / total))
