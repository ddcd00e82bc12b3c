"""Method, model and device: lists that depend on the machine, and therefore are filled here and not by the parameter node."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNLib.steps import in_one_step
from FusionINNPanel import model_folders, requirements
from FusionINNPanel.messages import methodSettingsToolTip, methodToolTip, whyNotUsable
from FusionINNPanel.parameters import Reference
from FusionINNPanel.run import Run
from FusionINNPanel.state import PanelState

if TYPE_CHECKING:
    from FusionINNLib.methods.base import MethodInfo

OTHER_FOLDER = "<folder>"


class Choices:
    """Keeps the three lists and the parameters `fusionMethod`, `model` and `device` in agreement."""

    def __init__(self, state: PanelState, ui) -> None:
        self._state, self._ui = state, ui
        self._devices = [("auto", _("Automatic: a GPU where there is one")), ("cpu", _("CPU"))]
        self._looking: Run | None = None
        self._looked = False
        self._filling = False
        self._ui.deviceComboBox.connect("activated(int)", self._onDevice)
        self._ui.modelComboBox.connect("activated(int)", self._onModel)
        self._ui.fusionMethodComboBox.connect("activated(int)", self._onMethod)
        self._ui.advancedCollapsibleButton.connect("contentsCollapsed(bool)", self._onAdvanced)

    def refresh(self) -> None:
        """Show what the parameters say."""
        from FusionINNLib.methods import registry

        parameters = self._state.chosen
        self._fill(self._ui.deviceComboBox, self._devices, parameters.device)
        methods = [registry.info(name) for name in registry.names()]
        self._fill(self._ui.fusionMethodComboBox, [(row.name, row.title) for row in methods], parameters.fusionMethod)
        for index, row in enumerate(methods):
            self._ui.fusionMethodComboBox.setItemData(index, methodToolTip(row, registry.state(row.name)), qt.Qt.ToolTipRole)
        try:
            self._showSettings(registry.info(parameters.fusionMethod))
            self._showModels(registry.info(parameters.fusionMethod))
        except FusionINNError as problem:
            self._ui.modelLabel.text = self._ui.fusionMethodComboBox.toolTip = str(problem)
        self._showCost()

    def _showSettings(self, row: MethodInfo) -> None:
        """What may be written as settings of the chosen method."""
        from FusionINNLib.methods import registry

        box, values = self._ui.methodSettingsLineEdit, registry.usual_settings(row.name, self._modelIfHere())
        box.enabled = bool(row.settings)
        box.placeholderText = " ".join(setting.written(values[setting.name]) for setting in row.settings)
        box.toolTip = methodSettingsToolTip(row, values)

    def _showCost(self) -> None:
        """How long Fuse will take about, before somebody clicks."""
        from FusionINNLib.methods import registry

        chosen = self._state.chosen
        node = chosen.firstVolume if chosen.reference is Reference.FIRST else chosen.secondVolume
        image = node.GetImageData() if node is not None else None
        shape = image.GetDimensions()[::-1] if image is not None else None
        self._ui.costLabel.text = registry.cost_in_words(chosen.fusionMethod, shape, self._modelIfHere(), chosen.methodSettings)
        self._ui.costLabel.visible = bool(self._ui.costLabel.text)

    def _modelIfHere(self) -> str | None:
        """As `PanelState.model`; None also where the chosen one is not here, which is said elsewhere."""
        try:
            return self._state.model()
        except FusionINNError:
            return None

    def _showModels(self, row: MethodInfo) -> None:
        """The models of the chosen method, of which it may have none. Raises ModelError where the chosen one is not here."""
        from FusionINNLib.methods import model_card, registry

        state = registry.state(row.name, model_folders.folderOf(self._state.chosen.model))
        self._ui.fusionMethodComboBox.toolTip = methodToolTip(row, state)
        self._ui.modelComboBox.enabled = row.capabilities.needs_training
        if not row.capabilities.needs_training:
            self._fill(self._ui.modelComboBox, [("", _("none is needed"))], "")
            self._ui.modelLabel.text = _("{title} needs no trained model.").format(title=row.title)
            return
        entries = [*((name, name) for name in registry.models_of(row.name)), (OTHER_FOLDER, _("Another folder ..."))]
        self._fill(self._ui.modelComboBox, entries, self._state.chosen.model)
        lacks = whyNotUsable(row, state)
        model = None if lacks else self._state.model()
        self._ui.modelLabel.text = lacks or "" if model is None else model_card.find(model).description

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
        self._state.chosen.device = self._ui.deviceComboBox.itemData(index)

    def _onMethod(self, index: int) -> None:
        from FusionINNLib.methods import registry

        row = registry.info(self._ui.fusionMethodComboBox.itemData(index))
        with slicer.util.NodeModify(self._state.chosen):
            self._state.chosen.fusionMethod = row.name
            self._state.chosen.methodSettings = ""  # another method has other ones
            if row.default_model is not None:
                self._state.chosen.model = row.default_model
        self._state.changed()

    def _onModel(self, index: int) -> None:
        model = self._ui.modelComboBox.itemData(index)
        if model == OTHER_FOLDER:
            folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Choose a folder with card.json and weights.pt"))
            model = self._remembered(folder) if folder else None
        if model:
            self._state.chosen.model = model
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
