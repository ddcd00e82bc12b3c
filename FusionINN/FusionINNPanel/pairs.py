"""The table of pairs: each is fused with one click, its results are kept apart, and a click on it shows them again."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from collections.abc import Callable
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNPanel.comparison import Comparison
from FusionINNPanel.parameters import OUTPUTS_OF_DECOMPOSITION, FusionINNParameterNode
from FusionINNPanel.state import PanelState

if TYPE_CHECKING:
    from FusionINNPanel.button_states import Lacks


class Pairs:
    """Keeps the table in agreement with the scene.

    Args:
        table: QTableWidget of three columns: the pair, what it is, its button.
        onFuse: fuses what is chosen.

    Nodes are held by their IDs alone: the scene may go at any time.
    """

    def __init__(self, state: PanelState, table, onFuse: Callable[[], None], comparison: Comparison) -> None:
        self._state, self._table, self._onFuse, self._comparison = state, table, onFuse, comparison
        self._pairs: list[tuple[str, str]] = []
        self._buttons: list = []
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        for column in (1, 2):
            table.horizontalHeader().setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        table.connect("cellClicked(int,int)", lambda row, column: self.choose(row))

    def refresh(self, lacking: Lacks) -> None:
        """Read the scene again."""
        pairs, chosen = mrml.pairsOf(slicer.mrmlScene), self._state.chosen
        self._pairs = [(pair.first.GetID(), pair.second.GetID()) for pair in pairs]
        self._table.visible = bool(pairs)
        self._table.setRowCount(len(pairs))
        del self._buttons[len(pairs):]  # the table has deleted them
        whyNot = _("Wait until the computation is over, or cancel it.") if self._state.isRunning else \
            lacking.forMethod(chosen.fusionMethod, chosen.model)
        for row, pair in enumerate(pairs):
            isFused = mrml.fusedOf(slicer.mrmlScene, pair.first, pair.second, chosen.fusionMethod) is not None
            isChosen = (pair.first, pair.second) == (chosen.firstVolume, chosen.secondVolume)
            self._show(row, 0, ("\u25b8 " if isChosen else "") + pair.name)
            self._show(row, 1, " ".join(([_("follow-up")] if pair.followUp else []) + ([_("fused")] if isFused else [])))
            button = self._button(row)
            button.enabled, button.toolTip = not whyNot, whyNot or _("Fuse these two; what other pairs were fused to stays.")

    def choose(self, row: int) -> None:
        """Make a pair the one that everything is about, with the results that it has."""
        nodes = [slicer.mrmlScene.GetNodeByID(identifier) for identifier in self._pairs[row]]
        if self._state.isRunning or None in nodes:
            return
        choosePair(self._state.chosen, *nodes)
        if self._comparison.isShown:
            self._comparison.update(self._state.chosen)
        self._state.changed()

    def fuse(self, row: int) -> None:
        """Choose a pair and fuse it."""
        self.choose(row)
        self._onFuse()

    def _show(self, row: int, column: int, text: str) -> None:
        item = self._table.item(row, column)
        if item is None:
            item = qt.QTableWidgetItem()
            self._table.setItem(row, column, item)
        item.setText(text)
        item.setToolTip(text)

    def _button(self, row: int):
        """The button of a row; it stays as long as the row does, for it may be the one that is being clicked."""
        if row == len(self._buttons):
            button = qt.QPushButton(_("Fuse"))
            button.connect("clicked(bool)", lambda checked, row=row: self.fuse(row))
            self._table.setCellWidget(row, 2, button)
            self._buttons.append(button)
        return self._buttons[row]


def choosePair(parameters: FusionINNParameterNode, first, second) -> None:
    """Two volumes as inputs, and as outputs what they were fused to by the chosen method, if they were."""
    fused = mrml.fusedOf(slicer.mrmlScene, first, second, parameters.fusionMethod)
    found = mrml.decompositionsOf(slicer.mrmlScene, fused) if fused is not None else {}
    with slicer.util.NodeModify(parameters):
        parameters.firstVolume, parameters.secondVolume = first, second
        parameters.fusedVolume = parameters.decomposedVolume = parameters.outputsOf = fused
        parameters.latentVolume = mrml.latentOf(fused)
        for name in OUTPUTS_OF_DECOMPOSITION:
            setattr(parameters, name, found.get(name))
        parameters.changeShown = False
        parameters.shown = "exact" if "firstExact" in found else "estimated" if "firstEstimated" in found else ""


def isOfOtherInputs(parameters: FusionINNParameterNode) -> bool:
    """Whether the chosen output of Fuse holds what two other volumes were fused to."""
    inputs = mrml.inputsOf(parameters.fusedVolume)
    return None not in inputs and inputs != (parameters.firstVolume, parameters.secondVolume)
