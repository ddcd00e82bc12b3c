"""The panel: puts its parts together, and shows what they and the parameters say. What each button does is in `actions.py`, what can be
clicked in `button_states.py`, the computation under way in `state.py`."""
from collections.abc import Callable
from functools import partial

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNPanel import requirements
from FusionINNPanel.actions import Actions
from FusionINNPanel.button_states import Lacks, buttonStates
from FusionINNPanel.choices import Choices
from FusionINNPanel.comparison import Comparison
from FusionINNPanel.follow_up import FollowUpView, followUpSentence
from FusionINNPanel.interval import IntervalView
from FusionINNPanel.pairs import Pairs
from FusionINNPanel.parameters import Arrangement, FusionINNParameterNode
from FusionINNPanel.results import ResultActions
from FusionINNPanel.shortcuts import Shortcuts
from FusionINNPanel.state import PanelState
from FusionINNPanel.suggestion import SuggestionAction


class Panel:
    """The widgets of the .ui file, given as attributes of `ui`, brought to life."""

    def __init__(self, ui) -> None:
        self.ui = ui
        self.state = PanelState(ui.progressBar, ui.statusLabel, self._onChange)
        self.comparison = Comparison(self._onLayout)
        self.actions = Actions(self.state, ui, self.comparison)
        self.results = ResultActions(self.state, self.comparison, ui.patientCheckBox)
        self.pairs = Pairs(self.state, ui.pairsTable, self.actions.fuse, self.comparison)
        self.followUp = FollowUpView(self.state, ui.changeButton, self.comparison)
        self.interval = IntervalView(self.state, ui.intervalCheckBox, self.comparison)
        self.choices = Choices(self.state, ui)
        self.suggestion = SuggestionAction(self.state, self.comparison)
        self._waysKey, self._ways = None, None
        self._guessIsDue = False
        self._lacking = Lacks([])
        self.shortcuts = Shortcuts(self._keys())
        self._connect()
        self.lookForRequirements()

    @property
    def parameters(self) -> FusionINNParameterNode | None:
        """The parameter node, None while there is no scene to work on."""
        return self.state.parameters

    @parameters.setter
    def parameters(self, parameters: FusionINNParameterNode | None) -> None:
        self.state.parameters = parameters

    # ---- what it shows ---------------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring everything that depends on the parameters up to date."""
        if self.parameters is None:
            return
        ways = self._waysBack()
        for name, state in buttonStates(self.parameters, ways, self.state.isRunning, self._lacking, self.comparison.isPossible).items():
            button = getattr(self.ui, name)
            button.enabled, button.toolTip = state.enabled, state.toolTip
        self._showWays(ways)
        self._showWarnings()
        self.choices.refresh()
        self.ui.layoutButton.text = _("Back to the previous layout") if self.comparison.isShown else _("Show the comparison")
        self.ui.differenceOfComboBox.enabled = not self.state.isRunning  # its image is computed like everything else
        self.pairs.refresh(self._lacking)
        self.followUp.refresh()
        self.interval.refresh()
        self.comparison.setOpacity(self.parameters.opacity)
        self.comparison.mark()

    def lookForRequirements(self) -> None:
        """Fill the set-up section; it folds away when nothing is missing."""
        needed = requirements.requirements()
        self._lacking = Lacks([requirement for requirement in needed if not requirement.present])
        marks = {True: "\u2713 ", False: "\u2717 "}
        self.ui.setupLabel.text = "\n".join(marks[requirement.present] + requirement.state for requirement in needed)
        self.ui.setupCollapsibleButton.collapsed = not self._lacking.forAll()

    # ---- inputs ----------------------------------------------------------------------------------------------------------------------

    def guessInputs(self) -> None:
        """Choose inputs by their names where none is chosen yet."""
        parameters = self.parameters
        if parameters is None:
            return
        first, second = mrml.guessInputs(slicer.mrmlScene)
        if not parameters.firstVolume and first is not parameters.secondVolume:
            parameters.firstVolume = first
        if not parameters.secondVolume and second is not parameters.firstVolume:
            parameters.secondVolume = second
        if not parameters.segmentation:
            parameters.segmentation = mrml.guessSegmentation(slicer.mrmlScene)

    def guessSoon(self) -> None:
        """As `guessInputs`, when whatever is loading now has been loaded."""
        if not self._guessIsDue:
            self._guessIsDue = True
            qt.QTimer.singleShot(200, self._guessIfDue)

    def _guessIfDue(self) -> None:
        self._guessIsDue = False
        if not self.state.isRunning:
            self.guessInputs()
            self.refresh()

    # ---- its life -----------------------------------------------------------------------------------------------------------------------

    def stop(self, sentence: str) -> None:
        """End the computation at once: its scene goes away."""
        self.comparison.forget()
        self._waysKey = None
        self.state.stop(sentence)

    def restore(self, parameters: FusionINNParameterNode) -> None:
        """A scene was opened, or the panel was made for one: it may have the comparison on screen, with estimates in it."""
        self.comparison.restore(parameters)
        self.refresh()

    def enter(self) -> None:
        """The module is on screen: its keys work."""
        self.shortcuts.install()

    def leave(self) -> None:
        """Another module is opened: a computation goes on, blinking and the keys do not."""
        self.shortcuts.remove()
        self.ui.blinkButton.checked = False
        self.comparison.stopBlinking()

    def close(self) -> None:
        """The panel goes away."""
        self.stop("")
        self.shortcuts.remove()
        self.choices.stop()
        self.comparison.close()
        self.parameters = None

    # ---- details -----------------------------------------------------------------------------------------------------------------------

    def _onChange(self) -> None:
        """A computation began or ended, or a part did something that is to be seen."""
        self._waysKey = None
        self.refresh()

    def _onLayout(self) -> None:
        """Another layout is on screen."""
        if self.parameters is not None:
            self.parameters.comparisonShown = self.comparison.isShown
            self.refresh()

    def _install(self) -> None:
        self.actions.install()
        self.lookForRequirements()
        self.refresh()

    def _connect(self) -> None:
        actions, results = self.actions, self.results
        buttons = {"fuseButton": actions.fuse, "cancelButton": self.state.cancel, "decomposeButton": actions.decompose,
                   "numbersButton": results.numbers, "segmentNumbersButton": results.segmentNumbers, "copyButton": results.copy,
                   "pictureButton": results.picture, "windowsButton": actions.resetWindows,
                   "exportButton": results.export, "exportDicomButton": results.exportDicom,
                   "loadResultButton": results.load,
                   "sampleButton": actions.loadSample, "layoutButton": actions.toggleLayout, "jumpButton": actions.jump,
                   "suggestButton": self.suggestion.suggest, "suggestDicomButton": self.suggestion.save, "installButton": self._install,
                   "modelFolderButton": actions.showModelFolder, "termsButton": actions.showTerms}
        for name, action in buttons.items():
            getattr(self.ui, name).connect("clicked(bool)", lambda checked, action=action: action())
        self.ui.blinkButton.connect("toggled(bool)", actions.blink)
        self.ui.arrangementComboBox.connect("activated(int)", lambda index: actions.rearrange())
        self.ui.differenceOfComboBox.connect("activated(int)", lambda index: actions.showDifference())

    def _keys(self) -> dict[str, Callable[[], None]]:
        """What each key does. Without a scene to work on it does nothing."""
        actions, arrangements = self.actions, dict(zip("1234", Arrangement))
        does: dict[str, Callable[[], None]] = {
            "Space": lambda: self.ui.blinkButton.click(), "Q": lambda: actions.jumpToSegment(-1),
            "W": lambda: actions.jumpToSegment(1)} | {key: partial(actions.arrange, chosen) for key, chosen in arrangements.items()}
        return {key: partial(self._ifPossible, action) for key, action in does.items()}

    def _ifPossible(self, action: Callable[[], None]) -> None:
        if self.parameters is not None and self.comparison.isPossible:
            action()

    def _waysBack(self):
        """`mrml.waysBack` of the volume to decompose; asked again only when it, its latent image or the model is another or has changed."""
        fused = self.state.chosen.decomposedVolume
        if fused is None:
            return None
        latent = mrml.latentOf(fused)
        try:
            model = self.state.modelForWayBack()
        except FusionINNError as problem:
            return mrml.WaysBack(False, str(problem), False, str(problem))
        key = (model, *(_state(node) for node in (fused, latent) if node is not None))
        if key != self._waysKey:
            self._waysKey, self._ways = key, mrml.waysBack(fused, latent, model)
        return self._ways

    def _showWays(self, ways) -> None:
        if ways is None:
            self.ui.waysLabel.text = _("Fuse two volumes, or choose a fused image here.")
            return
        self.ui.methodComboBox.enabled = not ways.onlyFuses
        if ways.onlyFuses:
            self.ui.waysLabel.text = "\u2717 " + ways.exactReason
            return
        lines = [(ways.exact, _("Exact: {reason}").format(reason=ways.exactReason)),
                 (ways.estimate, _("Estimated: {reason}").format(reason=ways.estimateReason))]
        self.ui.waysLabel.text = "\n".join(("\u2713 " if possible else "\u2717 ") + line for possible, line in lines)

    def _showWarnings(self) -> None:
        chosen = self.state.chosen
        warnings = [followUpSentence(chosen) or mrml.patientWarning(chosen.firstVolume, chosen.secondVolume),
                    mrml.orderWarning(chosen.firstVolume, chosen.fusionMethod)]
        self.ui.patientLabel.text = "\n".join(filter(None, warnings))
        self.ui.patientLabel.visible = any(warnings)


def _state(node) -> tuple:
    """Changes whenever a volume node, its attributes or its voxels do."""
    image = node.GetImageData()
    return node.GetID(), node.GetMTime(), image.GetMTime() if image is not None else 0
