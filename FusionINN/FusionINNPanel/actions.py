"""What the buttons of the panel do, but for those of numbers and files (`results.py`)."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES
from FusionINNPanel import requirements, terms
from FusionINNPanel.comparison import Comparison, volumesOfViews
from FusionINNPanel.follow_up import alignmentOf
from FusionINNPanel.messages import fusionSentences, lostColorSentences
from FusionINNPanel.pairs import choosePair, isOfOtherInputs
from FusionINNPanel.parameters import ESTIMATE_OUTPUTS, Arrangement, FusionINNParameterNode, Method, Reference, forgetOutputs
from FusionINNPanel.sample import sampleTask
from FusionINNPanel.state import PanelState


class Actions:
    """One method for each button.

    Args:
        state: parameters, and the computation that a button starts.
        ui: the widgets.
        comparison: what is shown of the results.
    """

    def __init__(self, state: PanelState, ui, comparison: Comparison) -> None:
        self._state, self._ui, self._comparison = state, ui, comparison

    @property
    def _parameters(self) -> FusionINNParameterNode:
        return self._state.chosen

    # ---- fuse, decompose ---------------------------------------------------------------------------------------------------------------

    def fuse(self) -> None:
        """Fuse the two inputs."""
        from FusionINNLib.methods import registry
        from FusionINNLib.methods.settings import from_text

        chosen = self._parameters
        if isOfOtherInputs(chosen):  # the result of one pair is not overwritten by that of another
            choosePair(chosen, chosen.firstVolume, chosen.secondVolume)
        self._state.start(lambda: mrml.fuseTask(
            slicer.mrmlScene, chosen.firstVolume, chosen.secondVolume, reference=chosen.reference.value, alignment=alignmentOf(chosen),
            method=chosen.fusionMethod, model=self._state.model(), device=chosen.device, fusedVolume=chosen.fusedVolume,
            latentVolume=chosen.latentVolume, settings=from_text(chosen.methodSettings), seed=chosen.seed), self._onFused,
            withModel=registry.info(chosen.fusionMethod).capabilities.needs_training)

    def _onFused(self, fused: mrml.Fused) -> None:
        nodes = fused.nodes
        with slicer.util.NodeModify(self._parameters):
            self._parameters.fusedVolume, self._parameters.latentVolume = nodes.fused, nodes.latent
            self._parameters.decomposedVolume, self._parameters.shown, self._parameters.changeShown = nodes.fused, "", False
        self._state.say(" ".join([_("Fused: {name}.").format(name=nodes.fused.GetName()), *fusionSentences(fused)]))
        self._comparison.showResults(self._parameters)

    def decompose(self) -> None:
        """Take the chosen fused image apart, in the chosen way."""
        chosen = self._parameters
        if chosen.outputsOf is not chosen.decomposedVolume:  # what was made from another image is not to be overwritten
            forgetOutputs(self._parameters)
        self._state.start(lambda: self._decomposition(chosen), self._onExact if chosen.method is Method.EXACT else self._onEstimated)

    def _decomposition(self, chosen) -> mrml.Task:
        common = {"model": self._state.modelForWayBack(), "device": chosen.device, "compare": self._compare()}
        if chosen.method is Method.EXACT:
            return mrml.decomposeTask(slicer.mrmlScene, chosen.decomposedVolume, firstVolume=chosen.firstExact,
                                      secondVolume=chosen.secondExact, **common)
        return mrml.estimateTask(slicer.mrmlScene, chosen.decomposedVolume, samples=chosen.samples, seed=chosen.seed,
                                 outputs=self._estimateNodes(), **common)

    def _onExact(self, exact: mrml.Exact) -> None:
        nodes = exact.nodes
        with slicer.util.NodeModify(self._parameters):
            self._parameters.firstExact, self._parameters.secondExact = nodes
            self._afterDecomposition("exact", exact.difference)
        said = _("Decomposed exactly: {first}, {second}.").format(first=nodes[0].GetName(), second=nodes[1].GetName())
        self._state.say(" ".join([said, *lostColorSentences(self._parameters.decomposedVolume)]))
        self._comparison.showResults(self._parameters)

    def _onEstimated(self, estimated: mrml.Estimated) -> None:
        nodes = estimated.nodes
        with slicer.util.NodeModify(self._parameters):
            for image in ESTIMATE_IMAGES:
                setattr(self._parameters, image.parameter, getattr(nodes, image.node_field))
            self._afterDecomposition("estimated", estimated.difference)
        said = _("ESTIMATED from the fused image alone: a computed guess, not a scan.")
        lost = lostColorSentences(self._parameters.decomposedVolume)
        self._state.say(" ".join([said, estimated.trust.sentence, *estimated.warnings, *lost]))
        self._comparison.showResults(self._parameters)

    def _afterDecomposition(self, shown: str, difference) -> None:
        self._parameters.outputsOf, self._parameters.shown = self._parameters.decomposedVolume, shown
        self._parameters.difference = difference

    def _compare(self) -> mrml.Compare:
        """Decomposed minus source, of the chosen one of the two sources."""
        return mrml.Compare(0 if self._parameters.differenceOf is Reference.FIRST else 1, self._parameters.difference)

    def showDifference(self) -> None:
        """The other source was chosen for the difference."""
        chosen = self._parameters
        decomposed = volumesOfViews(chosen)["decomposedFirst" if chosen.differenceOf is Reference.FIRST else "decomposedSecond"]
        if decomposed is not None and not self._state.isRunning:
            self._state.start(lambda: mrml.differenceTask(slicer.mrmlScene, decomposed, chosen.outputsOf, self._compare()),
                              self._onDifference, withModel=False)

    def _onDifference(self, difference) -> None:
        self._parameters.difference = difference
        self._state.say(_("Shown: {name}.").format(name=difference.GetName()) if difference is not None else
                        _("The source of this fused image is not in the scene: there is no difference to show."))
        self._comparison.update(self._parameters)

    def _estimateNodes(self):
        """The nodes of an earlier estimate, None where there is none."""
        nodes = [getattr(self._parameters, name) for name in ESTIMATE_OUTPUTS]
        return mrml.EstimateNodes(*nodes) if any(nodes) else None

    # ---- comparison --------------------------------------------------------------------------------------------------------------------

    def toggleLayout(self) -> None:
        """To the comparison, or back from it."""
        if self._comparison.isShown:
            self._ui.blinkButton.checked = False
            self._comparison.hide()
        else:
            self._comparison.show(self._parameters)
        self._state.changed()

    def jump(self) -> None:
        """All views of the comparison to the segmentation."""
        if self._comparison.isShown:
            self._jump()
            return
        self._comparison.show(self._parameters)
        qt.QTimer.singleShot(0, self._jump)  # after the views have been fitted, which moves them to the middle
        self._state.changed()

    def _jump(self) -> None:
        if self._state.parameters is None or self._parameters.segmentation is None:
            return
        try:
            self._comparison.jumpTo(self._parameters.segmentation)
        except FusionINNError as problem:
            self._state.showProblem(problem)

    def jumpToSegment(self, step: int) -> None:
        """All views of the comparison to the next segment (1) or the previous one (-1)."""
        if not self._comparison.isShown or self._parameters.segmentation is None:
            return
        try:
            self._state.say(_("Segment: {name}").format(name=self._comparison.jumpToSegment(self._parameters.segmentation, step)))
        except FusionINNError as problem:
            self._state.showProblem(problem)

    def arrange(self, arrangement: Arrangement) -> None:
        """Show the comparison as these views."""
        self._parameters.arrangement = arrangement
        self._comparison.show(self._parameters)
        self._state.changed()

    def rearrange(self) -> None:
        """Another arrangement was chosen in the list: shown if the comparison is."""
        self._comparison.update(self._parameters)
        self._state.changed()

    def resetWindows(self) -> None:
        """Window and level of both columns as they were."""
        self._comparison.resetWindows(self._parameters)

    def blink(self, on: bool) -> None:
        """Begin or end to blink."""
        if not on:
            self._comparison.stopBlinking()
            return
        if not self._comparison.isShown:
            self._comparison.show(self._parameters)
        if not self._comparison.startBlinking(self._parameters):
            self._ui.blinkButton.checked = False
        self._state.changed()

    # ---- sample case, set-up -----------------------------------------------------------------------------------------------------------

    def loadSample(self) -> None:
        """Make the sample case and choose it."""
        self._state.start(sampleTask, self._onSample, withModel=False)

    def _onSample(self, nodes: tuple) -> None:
        with slicer.util.NodeModify(self._parameters):
            self._parameters.firstVolume, self._parameters.secondVolume, self._parameters.segmentation = nodes
            self._parameters.fusedVolume = self._parameters.latentVolume = self._parameters.decomposedVolume = None
            self._parameters.shown = ""
        if self._comparison.isShown:
            self._comparison.update(self._parameters)
        mrml.showInSliceViews(slicer.app.applicationLogic(), nodes[1])
        self._state.say(_("The sample case is loaded and chosen: a head made by code, no patient. Click Fuse."))

    def install(self) -> None:
        """Install what is missing."""
        with slicer.util.tryWithErrorDisplay(_("The installation did not succeed.")):
            try:
                requirements.install()
            except RuntimeError as problem:
                self._state.say(str(problem))

    def showModelFolder(self) -> None:
        """Open the folder with the weights in the system's file browser."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(terms.folderOfModels())))

    def showTerms(self) -> None:
        """The terms of the weights."""
        slicer.util.infoDisplay(terms.text(), windowTitle=_("FusionINN: terms of the model"))
