"""Device and model: lists that depend on the machine, and therefore are filled here and not by the parameter node."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNLib.steps import in_one_step
from FusionINNPanel import model_folders, requirements
from FusionINNPanel.run import Run
from FusionINNPanel.state import PanelState

OTHER_FOLDER = "<folder>"


class Choices:
    """Keeps the two lists and the parameters `device` and `model` in agreement."""

    def __init__(self, state: PanelState, ui) -> None:
        self._state, self._ui = state, ui
        self._devices = [("auto", _("Automatic: a GPU where there is one")), ("cpu", _("CPU"))]
        self._looking: Run | None = None
        self._looked = False
        self._filling = False
        self._ui.deviceComboBox.connect("activated(int)", self._onDevice)
        self._ui.modelComboBox.connect("activated(int)", self._onModel)
        self._ui.advancedCollapsibleButton.connect("contentsCollapsed(bool)", self._onAdvanced)

    def refresh(self) -> None:
        """Show what the parameters say."""
        from FusionINNLib.methods import model_card

        parameters = self._state.parameters
        ids = model_card.available()
        self._fill(self._ui.deviceComboBox, self._devices, parameters.device)
        self._fill(self._ui.modelComboBox, [*((name, name) for name in ids), (OTHER_FOLDER, _("Another folder ..."))], parameters.model)
        try:
            self._ui.modelLabel.text = model_card.find(self._state.model()).description
        except FusionINNError as problem:
            self._ui.modelLabel.text = str(problem)

    def stop(self) -> None:
        """The panel goes away."""
        if self._looking is not None:
            self._looking.abandon()
        self._looking = None

    def _fill(self, comboBox, entries: list[tuple[str, str]], chosen: str) -> None:
        """entries: (value, text). A chosen value that is none of them (a scene from another machine) is shown as it is."""
        if chosen not in [value for value, text in entries]:
            entries = [*entries, (chosen, model_folders.label(chosen))]
        if [comboBox.itemData(n) for n in range(comboBox.count)] != [value for value, text in entries]:
            comboBox.clear()
            for value, text in entries:
                comboBox.addItem(text, value)
        comboBox.currentIndex = [value for value, text in entries].index(chosen)

    def _onDevice(self, index: int) -> None:
        self._state.parameters.device = self._ui.deviceComboBox.itemData(index)

    def _onModel(self, index: int) -> None:
        model = self._ui.modelComboBox.itemData(index)
        if model == OTHER_FOLDER:
            folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Choose a folder with card.json and weights.pt"))
            model = self._remembered(folder) if folder else None
        if model:
            self._state.parameters.model = model
        self.refresh()

    def _remembered(self, folder: str) -> str | None:
        try:
            return model_folders.remember(folder)
        except FusionINNError as problem:
            self._state.showProblem(problem)
            return None

    def _onAdvanced(self, collapsed: bool) -> None:
        """Look for GPUs when the list is seen for the first time: it takes PyTorch seconds to tell, in a process of its own."""
        if collapsed or self._looked or any(requirement.name == "PyTorch" for requirement in requirements.missing()):
            return
        self._looked = True
        self._looking = Run(mrml.Task("devices", in_one_step(dict), in_one_step(list)), onStep=lambda *step: None,
                            onSaid=self._state.say, onDone=self._onFound, onFailed=self._state.showProblem, onCancelled=lambda: None)

    def _onFound(self, found: list[tuple[str, str]]) -> None:
        self._looking = None
        self._devices = [self._devices[0], *found]
        if self._state.parameters is not None:
            self.refresh()
