"""The panel: what it shows, and one computation at a time. What each button does is in `actions.py`, what can be clicked in
`button_states.py`."""
import logging
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib.errors import FusionINNError
from FusionINNPanel import requirements, terms
from FusionINNPanel.actions import Actions
from FusionINNPanel.button_states import buttonStates
from FusionINNPanel.choices import Choices
from FusionINNPanel.comparison import Comparison
from FusionINNPanel.messages import stepText
from FusionINNPanel.parameters import FusionINNParameterNode
from FusionINNPanel.run import Run
from FusionINNPanel.tasks import Task


class Panel:
    """The widgets of the .ui file, given as attributes of `ui`, brought to life.

    parameters: the parameter node, None while there is no scene to work on.
    """

    def __init__(self, ui) -> None:
        self.ui = ui
        self.parameters: FusionINNParameterNode | None = None
        self.comparison = Comparison()
        self.actions = Actions(self)
        self.choices = Choices(self)
        self._run: Run | None = None
        self._waysKey, self._ways = None, None
        self._guessIsDue = False
        self._lacking = ""
        self._connect()
        self.lookForRequirements()
        self.ui.progressBar.visible = False

    # ---- what it shows ---------------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring everything that depends on the parameters up to date."""
        if self.parameters is None:
            return
        ways = self._waysBack()
        for name, state in buttonStates(self.parameters, ways, self.isRunning, self._lacking).items():
            button = getattr(self.ui, name)
            button.enabled, button.toolTip = state.enabled, state.toolTip
        self._showWays(ways)
        self._showPatientWarning()
        self.choices.refresh()
        self.ui.layoutButton.text = _("Back to the previous layout") if self.comparison.isShown else _("Show the comparison")
        self.ui.differenceOfComboBox.enabled = not self.isRunning  # its image is computed like everything else
        self.comparison.setOpacity(self.parameters.opacity)
        self.comparison.mark()

    def lookForRequirements(self) -> None:
        """Fill the set-up section; it folds away when nothing is missing."""
        needed = requirements.requirements()
        self._lacking = "\n".join(requirement.state for requirement in needed if not requirement.present)
        marks = {True: "\u2713 ", False: "\u2717 "}
        self.ui.setupLabel.text = "\n".join(marks[requirement.present] + requirement.state for requirement in needed)
        self.ui.setupCollapsibleButton.collapsed = not self._lacking

    def say(self, sentence: str) -> None:
        """Tell the user."""
        logging.info("FusionINN: %s", sentence)
        self.ui.statusLabel.text = sentence

    def showProblem(self, problem: Exception) -> None:
        """Tell the user what went wrong and what to do; what is no message for users goes to the log too."""
        if isinstance(problem, FusionINNError):
            self.say(str(problem))
            return
        self.say(_("This is a defect of FusionINN ({kind}): please report it with the application log.").format(
            kind=type(problem).__name__))
        logging.error("FusionINN: %s", problem)

    # ---- inputs ----------------------------------------------------------------------------------------------------------------------

    def guessInputs(self) -> None:
        """Choose inputs by their names where none is chosen yet."""
        from FusionINNLib import mrml

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
        if not self.isRunning:
            self.guessInputs()

    # ---- one computation at a time -----------------------------------------------------------------------------------------------------

    @property
    def isRunning(self) -> bool:
        """Whether something is being computed, or about to end after Cancel."""
        return self._run is not None

    def start(self, makeTask: Callable[[], Task], onDone: Callable, *, withModel: bool = True) -> None:
        """Start a task; `onDone` gets what it stored.

        Args:
            makeTask: reads from the scene; a FusionINNError is shown, everything else is a defect.
            withModel: whether the trained network is used, whose terms have to be agreed to.
        """
        if withModel and not terms.ask():
            self.say(_("Nothing was computed, as the terms of the model were not agreed to."))
            return
        with slicer.util.tryWithErrorDisplay(_("Failed to start the computation."), waitCursor=True):
            try:
                self._run = Run(makeTask(), onStep=self._onStep, onSaid=self.say, onDone=lambda stored: self._end(lambda: onDone(stored)),
                                onFailed=lambda problem: self._end(lambda: self.showProblem(problem)),
                                onCancelled=lambda: self._end(lambda: self.say(_("Stopped: nothing in the scene was changed."))))
            except FusionINNError as problem:
                self.showProblem(problem)
                return
            self.say(_("Starting ..."))
            self.ui.progressBar.setRange(0, 0)  # a bar that moves to and fro until the first step is reported
            self.ui.progressBar.visible = True
            self.refresh()

    def cancel(self) -> None:
        """Ask the computation to end."""
        if self.isRunning and not self._run.isCancelled:
            self._run.cancel()
            self.say(_("Stopping ..."))

    def stop(self, sentence: str) -> None:
        """End the computation at once: its scene goes away."""
        self.comparison.forget()
        self._waysKey = None
        if self.isRunning:
            self._run.abandon()
            self._end(lambda: self.say(sentence))

    def close(self) -> None:
        """The panel goes away."""
        self.stop("")
        self.choices.stop()
        self.parameters = None

    def _onStep(self, task: str, done: int, total: int) -> None:
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.value = done
        if not self._run.isCancelled:
            self.ui.statusLabel.text = stepText(task, done, total)

    def _end(self, tell: Callable[[], None]) -> None:
        self._run = None
        self.ui.progressBar.visible = False
        self._waysKey = None
        with slicer.util.tryWithErrorDisplay(_("Failed to show the results.")):
            try:
                tell()
            finally:  # whatever happened, the buttons are to say what is possible now
                self.refresh()

    # ---- details -----------------------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        actions = self.actions
        buttons = {"fuseButton": actions.fuse, "cancelButton": self.cancel, "decomposeButton": actions.decompose,
                   "numbersButton": actions.numbers, "exportButton": actions.export, "loadResultButton": actions.load,
                   "sampleButton": actions.loadSample, "layoutButton": actions.toggleLayout, "jumpButton": actions.jump,
                   "installButton": actions.install, "modelFolderButton": actions.showModelFolder, "termsButton": actions.showTerms}
        for name, action in buttons.items():
            getattr(self.ui, name).connect("clicked(bool)", lambda checked, action=action: action())
        self.ui.blinkButton.connect("toggled(bool)", actions.blink)
        self.ui.differenceOfComboBox.connect("activated(int)", lambda index: actions.showDifference())

    def _waysBack(self):
        """`mrml.waysBack` of the volume to decompose; asked again only when it, its latent image or the model is another or has changed."""
        from FusionINNLib import mrml

        fused = self.parameters.decomposedVolume
        if fused is None:
            return None
        latent = mrml.latentOf(fused)
        try:
            model = self.choices.modelForWayBack()
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
        lines = [(ways.exact, _("Exact: {reason}").format(reason=ways.exactReason)),
                 (ways.estimate, _("Estimated: {reason}").format(reason=ways.estimateReason))]
        self.ui.waysLabel.text = "\n".join(("\u2713 " if possible else "\u2717 ") + line for possible, line in lines)

    def _showPatientWarning(self) -> None:
        from FusionINNLib import mrml

        warning = mrml.patientWarning(self.parameters.firstVolume, self.parameters.secondVolume)
        self.ui.patientLabel.text = warning or ""
        self.ui.patientLabel.visible = bool(warning)


def _state(node) -> tuple:
    """Changes whenever a volume node, its attributes or its voxels do."""
    image = node.GetImageData()
    return node.GetID(), node.GetMTime(), image.GetMTime() if image is not None else 0
