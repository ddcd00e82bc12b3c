"""Two time points of one contrast: the panel says so, registers them, and shows what changed as an overlay."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNPanel.comparison import Comparison, hasChange, isChangeShown
from FusionINNPanel.parameters import Alignment, FusionINNParameterNode
from FusionINNPanel.state import PanelState


class FollowUpView:
    """The button that shows the change. button: checkable."""

    def __init__(self, state: PanelState, button, comparison: Comparison) -> None:
        self._state, self._button, self._comparison = state, button, comparison
        button.connect("clicked(bool)", self.toggle)

    def refresh(self) -> None:
        """The button is down while the change is shown."""
        self._button.checked = isChangeShown(self._state.chosen)

    def toggle(self, on: bool) -> None:
        """Show the change over the later volume, computing it where need be, or the fused image again."""
        chosen = self._state.chosen
        if not on or hasChange(chosen):
            chosen.changeShown = on
            self._comparison.show(chosen) if on else self._comparison.update(chosen)
            self._state.changed()
            return
        row = mrml.methodOf(chosen.decomposedVolume)
        self._state.start(lambda: mrml.changeTask(slicer.mrmlScene, chosen.decomposedVolume, model=self._state.modelForWayBack(),
                                                  device=chosen.device, changeVolume=chosen.change),
                          self._onChanged, withModel=row is None or row.capabilities.needs_training)
        self.refresh()

    def _onChanged(self, changed: mrml.Changed) -> None:
        chosen = self._state.chosen
        with slicer.util.NodeModify(chosen):
            chosen.change, chosen.changeShown = changed.node, True
            chosen.outputsOf = chosen.decomposedVolume
        said = [_("Shown: {later} minus {earlier}; orange is brighter now, blue is darker.").format(
            later=changed.followUp.later.GetName(), earlier=changed.followUp.earlier.GetName())]
        if changed.matched is not None:
            said.append(_("Such images have no unit: the earlier one was brought to the scale of the later one (times {gain:.3g}, "
                          "{offset:+.3g}).").format(gain=changed.matched[0], offset=changed.matched[1]))
        self._state.say(" ".join(said))
        self._comparison.show(chosen)


def followUpSentence(parameters: FusionINNParameterNode) -> str:
    """What the two chosen volumes are, where they are two time points of one contrast; "" otherwise."""
    follow = mrml.followUpOf(parameters.firstVolume, parameters.secondVolume)
    if follow is None:
        return ""
    said = _("Follow-up: {contrast} at two time points, first {earlier}, then {later}. Fuse registers them; then Show the change.")
    return said.format(contrast=follow.contrast, earlier=follow.earlier.GetName(), later=follow.later.GetName())


def alignmentOf(parameters: FusionINNParameterNode) -> str:
    """How the inputs come together, as the library calls it: two examinations are registered even where their grids are alike."""
    isFollowUp = mrml.followUpOf(parameters.firstVolume, parameters.secondVolume) is not None
    return Alignment.RIGID.value if isFollowUp and parameters.alignment is Alignment.AUTO else parameters.alignment.value


def whyNoChange(parameters: FusionINNParameterNode) -> str:
    """Why there is no change to show, "" where there is one."""
    if parameters.decomposedVolume is None or mrml.followUpOf(*mrml.inputsOf(parameters.decomposedVolume)) is None:
        return _("Fuse two time points of one contrast first, such as FLAIR before and after an operation.")
    return ""
