"""What the parts of the panel share: the parameters, one computation at a time, and the line that tells the user."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import logging
from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNLib.progress import TimeLeft
from FusionINNPanel import model_folders, terms
from FusionINNPanel.messages import stepText
from FusionINNPanel.parameters import FusionINNParameterNode
from FusionINNPanel.run import Run


class PanelState:
    """Each part of the panel is given this, and no part is given the panel.

    Args:
        progressBar, statusLabel: the widgets in which it shows how far a computation is.
        onChange: called when a computation began or ended, or a part asks for it: what is shown is to be brought up to date.

    parameters: the parameter node, None while there is no scene to work on.
    """

    def __init__(self, progressBar, statusLabel, onChange: Callable[[], None]) -> None:
        self.parameters: FusionINNParameterNode | None = None
        self._progressBar, self._statusLabel, self.changed = progressBar, statusLabel, onChange
        self._run: Run | None = None
        self._left = TimeLeft()
        self._progressBar.visible = False

    @property
    def chosen(self) -> FusionINNParameterNode:
        """The parameters, for what is only done while there are some. Raises RuntimeError where there are none."""
        if self.parameters is None:
            raise RuntimeError("there is no scene to work on")
        return self.parameters

    # ---- the line for the user -------------------------------------------------------------------------------------------------------

    def say(self, sentence: str) -> None:
        """Tell the user."""
        logging.info("FusionINN: %s", sentence)
        self._statusLabel.text = sentence

    def showProblem(self, problem: Exception) -> None:
        """Tell the user what went wrong and what to do; what is no message for users goes to the log too."""
        if isinstance(problem, FusionINNError):
            self.say(str(problem))
            return
        self.say(_("This is a defect of FusionINN ({kind}): please report it with the application log.").format(
            kind=type(problem).__name__))
        logging.error("FusionINN: %s", problem)

    # ---- the model -------------------------------------------------------------------------------------------------------------------

    def model(self) -> str | None:
        """The chosen model as the library calls it, None where the chosen method has none. Raises ModelError where it is not on this
        computer, InputError where the method is not."""
        from FusionINNLib.methods import registry

        if not registry.info(self.chosen.fusionMethod).capabilities.needs_training:
            return None
        return model_folders.find(self.chosen.model)

    def modelForWayBack(self) -> str | None:
        """The folder of a model that was chosen by its folder; None for the models of FusionINN, which a fused image names itself,
        and for a fused image that no model made. Raises as `model`."""
        row = mrml.methodOf(self.chosen.decomposedVolume)
        if row is not None and not row.capabilities.needs_training:
            return None
        return model_folders.find(self.chosen.model) if model_folders.isFolder(self.chosen.model) else None

    # ---- one computation at a time ---------------------------------------------------------------------------------------------------

    @property
    def isRunning(self) -> bool:
        """Whether something is being computed, or about to end after Cancel."""
        return self._run is not None

    def start(self, makeTask: Callable[[], mrml.Task], onDone: Callable, *, withModel: bool = True) -> None:
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
            self._left = TimeLeft()
            self.say(_("Starting ..."))
            self._progressBar.setRange(0, 0)  # a bar that moves to and fro until the first step is reported
            self._progressBar.visible = True
            self.changed()

    def cancel(self) -> None:
        """Ask the computation to end."""
        if self._run is not None and not self._run.isCancelled:
            self._run.cancel()
            self.say(_("Stopping ..."))

    def stop(self, sentence: str) -> None:
        """End the computation at once: its scene goes away."""
        if self._run is not None:
            self._run.abandon()
            self._end(lambda: self.say(sentence))

    def _onStep(self, task: str, done: int, total: int) -> None:
        self._progressBar.setRange(0, total)
        self._progressBar.value = done
        if self._run is not None and not self._run.isCancelled:
            self._statusLabel.text = stepText(task, done, total, self._left.words(task, done, total))

    def _end(self, tell: Callable[[], None]) -> None:
        self._run = None
        self._progressBar.visible = False
        with slicer.util.tryWithErrorDisplay(_("Failed to show the results.")):
            try:
                tell()
            finally:  # whatever happened, the buttons are to say what is possible now
                self.changed()
