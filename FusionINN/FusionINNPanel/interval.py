"""How sure an estimate is, laid over it in the comparison: half the width of its 90 % interval."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNPanel.parameters import FusionINNParameterNode

if TYPE_CHECKING:
    from FusionINNPanel.comparison import Comparison
    from FusionINNPanel.state import PanelState


class IntervalView:
    """The check box that lays it over the estimates. It is ticked while they are shown with it."""

    def __init__(self, state: PanelState, checkBox, comparison: Comparison) -> None:
        self._state, self._checkBox, self._comparison = state, checkBox, comparison
        checkBox.connect("clicked(bool)", self.toggle)

    def refresh(self) -> None:
        """What was wanted for an estimate waits until one is shown again."""
        self._checkBox.checked = isIntervalShown(self._state.chosen)

    def toggle(self, on: bool) -> None:
        """Lay it over the estimates, or take it away."""
        chosen = self._state.chosen
        chosen.intervalShown = on
        if on:
            self._state.say(_("Over each estimate: half the width of its 90 % interval, by its own account; clear is narrow."))
        self._comparison.show(chosen) if on else self._comparison.update(chosen)
        self._state.changed()


def overlays(parameters: FusionINNParameterNode) -> dict:
    """What lies over the estimates, by the names that `mrml.showCase` has for it; nothing where it is not wanted."""
    if not isIntervalShown(parameters):
        return {}
    return {"overFirst": mrml.intervalOf(slicer.mrmlScene, parameters.firstEstimated, parameters.firstSpread),
            "overSecond": mrml.intervalOf(slicer.mrmlScene, parameters.secondEstimated, parameters.secondSpread)}


def isIntervalShown(parameters: FusionINNParameterNode) -> bool:
    """Whether it is wanted, and there is an estimate to lay it over."""
    return parameters.intervalShown and not whyNoInterval(parameters)


def whyNoInterval(parameters: FusionINNParameterNode) -> str:
    """Why there is no interval to show, "" where there is one."""
    if parameters.shown == "exact":
        return _("Exact sources have no interval, as nothing in them is guessed: take the fused image apart by an estimate to see one.")
    if parameters.shown != "estimated":
        return _("Decompose the fused image by an estimate first.")
    images = (parameters.firstEstimated, parameters.secondEstimated, parameters.firstSpread, parameters.secondSpread)
    if not all(node is not None and node.GetImageData() is not None for node in images):
        return _("The spread of this estimate is no longer in the scene: estimate again.")
    return ""
