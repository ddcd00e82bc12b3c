"""What each button of the panel does."""
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib.errors import FusionINNError
from FusionINNPanel import requirements, tasks, terms
from FusionINNPanel.comparison import volumesOfViews
from FusionINNPanel.parameters import OUTPUTS_OF_DECOMPOSITION, Method, Reference
from FusionINNPanel.sample import sampleTask

ESTIMATE_OUTPUTS = ("firstEstimated", "secondEstimated", "firstSpread", "secondSpread", "cycleError")


class Actions:
    """One method for each button. `panel` has the widgets, the parameters and `start`."""

    def __init__(self, panel) -> None:
        self._panel = panel

    @property
    def _parameters(self):
        return self._panel.parameters

    # ---- fuse, decompose ---------------------------------------------------------------------------------------------------------------

    def fuse(self) -> None:
        """Fuse the two inputs."""
        chosen = self._parameters
        self._panel.start(lambda: tasks.fuseTask(
            chosen.firstVolume, chosen.secondVolume, reference=chosen.reference.value, alignment=chosen.alignment.value,
            model=self._panel.choices.model(), device=chosen.device, fusedVolume=chosen.fusedVolume,
            latentVolume=chosen.latentVolume), self._onFused)

    def _onFused(self, stored: tuple) -> None:
        nodes, sentences = stored
        with slicer.util.NodeModify(self._parameters):
            self._parameters.fusedVolume, self._parameters.latentVolume = nodes.fused, nodes.latent
            self._parameters.decomposedVolume, self._parameters.shown = nodes.fused, ""
        self._panel.say(" ".join([_("Fused: {name}.").format(name=nodes.fused.GetName()), *sentences]))
        self._show()

    def decompose(self) -> None:
        """Take the chosen fused image apart, in the chosen way."""
        chosen = self._parameters
        if chosen.outputsOf is not chosen.decomposedVolume:  # what was made from another image is not to be overwritten
            self._forgetOutputs()
        self._panel.start(lambda: self._decomposition(chosen), self._onExact if chosen.method is Method.EXACT else self._onEstimated)

    def _decomposition(self, chosen) -> tasks.Task:
        common = {"model": self._panel.choices.modelForWayBack(), "device": chosen.device, "compare": self._compare()}
        if chosen.method is Method.EXACT:
            return tasks.decomposeTask(chosen.decomposedVolume, firstVolume=chosen.firstExact, secondVolume=chosen.secondExact, **common)
        return tasks.estimateTask(chosen.decomposedVolume, samples=chosen.samples, seed=chosen.seed, outputs=self._estimateNodes(),
                                  **common)

    def _onExact(self, stored: tuple) -> None:
        nodes, difference = stored
        with slicer.util.NodeModify(self._parameters):
            self._parameters.firstExact, self._parameters.secondExact = nodes
            self._afterDecomposition("exact", difference)
        self._panel.say(_("Decomposed exactly: {first}, {second}.").format(first=nodes[0].GetName(), second=nodes[1].GetName()))
        self._show()

    def _onEstimated(self, stored: tuple) -> None:
        nodes, notes, difference = stored
        with slicer.util.NodeModify(self._parameters):
            for name, node in zip(ESTIMATE_OUTPUTS, (nodes.first, nodes.second, nodes.firstSpread, nodes.secondSpread, nodes.cycleError)):
                setattr(self._parameters, name, node)
            self._afterDecomposition("estimated", difference)
        self._panel.say(" ".join([_("ESTIMATED from the fused image alone: what the network believes, not a scan."), *notes]))
        self._show()

    def _afterDecomposition(self, shown: str, difference) -> None:
        self._parameters.outputsOf, self._parameters.shown = self._parameters.decomposedVolume, shown
        self._parameters.difference = difference

    def _compare(self) -> tasks.Compare:
        """Decomposed minus source, of the chosen one of the two sources."""
        return tasks.Compare(0 if self._parameters.differenceOf is Reference.FIRST else 1, self._parameters.difference)

    def showDifference(self) -> None:
        """The other source was chosen for the difference."""
        chosen = self._parameters
        decomposed = volumesOfViews(chosen)["decomposedFirst" if chosen.differenceOf is Reference.FIRST else "decomposedSecond"]
        if decomposed is not None and not self._panel.isRunning:
            self._panel.start(lambda: tasks.differenceTask(decomposed, chosen.outputsOf, self._compare()), self._onDifference,
                              withModel=False)

    def _onDifference(self, difference) -> None:
        self._parameters.difference = difference
        self._panel.say(_("Shown: {name}.").format(name=difference.GetName()) if difference is not None else
                        _("The source of this fused image is not in the scene: there is no difference to show."))
        self._panel.comparison.update(self._parameters)

    def _estimateNodes(self):
        """The nodes of an earlier estimate, None where there is none."""
        from FusionINNLib import mrml

        nodes = [getattr(self._parameters, name) for name in ESTIMATE_OUTPUTS]
        return mrml.EstimateNodes(*nodes) if any(nodes) else None

    def _forgetOutputs(self) -> None:
        with slicer.util.NodeModify(self._parameters):
            for name in OUTPUTS_OF_DECOMPOSITION:
                setattr(self._parameters, name, None)
            self._parameters.shown = ""

    # ---- comparison --------------------------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Bring results on screen."""
        if self._parameters.showWhenDone:
            self._panel.comparison.show(self._parameters)
        elif self._panel.comparison.isShown:
            self._panel.comparison.update(self._parameters)
        else:
            slicer.util.setSliceViewerLayers(background=self._parameters.decomposedVolume, fit=True)

    def toggleLayout(self) -> None:
        """To the comparison, or back from it."""
        if self._panel.comparison.isShown:
            self._panel.ui.blinkButton.checked = False
            self._panel.comparison.hide()
        else:
            self._panel.comparison.show(self._parameters)
        self._panel.refresh()

    def jump(self) -> None:
        """All views of the comparison to the segmentation."""
        if self._panel.comparison.isShown:
            self._jump()
            return
        self._panel.comparison.show(self._parameters)
        qt.QTimer.singleShot(0, self._jump)  # after the views have been fitted, which moves them to the middle
        self._panel.refresh()

    def _jump(self) -> None:
        if self._parameters is None or self._parameters.segmentation is None:
            return
        try:
            self._panel.comparison.jumpTo(self._parameters.segmentation)
        except FusionINNError as problem:
            self._panel.showProblem(problem)

    def blink(self, on: bool) -> None:
        """Begin or end to blink."""
        if not on:
            self._panel.comparison.stopBlinking()
            return
        if not self._panel.comparison.isShown:
            self._panel.comparison.show(self._parameters)
        if not self._panel.comparison.startBlinking(self._parameters):
            self._panel.ui.blinkButton.checked = False
        self._panel.refresh()

    # ---- numbers, files ------------------------------------------------------------------------------------------------------------------

    def numbers(self) -> None:
        """Metrics as a table."""
        chosen = self._parameters
        if chosen.outputsOf is not chosen.decomposedVolume:
            self._forgetOutputs()
        self._panel.start(lambda: tasks.numbersTask(
            chosen.decomposedVolume, segmentation=chosen.segmentation, estimateNodes=self._wholeEstimate(), table=chosen.numbers,
            model=self._panel.choices.modelForWayBack(), device=chosen.device), self._onNumbers)

    def _onNumbers(self, table) -> None:
        with slicer.util.NodeModify(self._parameters):
            self._parameters.numbers, self._parameters.outputsOf = table, self._parameters.decomposedVolume
        slicer.app.applicationLogic().GetSelectionNode().SetActiveTableID(table.GetID())
        slicer.app.applicationLogic().PropagateTableSelection()
        self._panel.say(_("The numbers are in the table {name}; the module Tables shows it.").format(name=table.GetName()))

    def _upToDate(self, names: tuple[str, ...]) -> list:
        """Decomposed volumes of the chosen fused image as it is now; None for what is missing or was made before it was fused again."""
        from FusionINNLib import mrml

        fused = self._parameters.decomposedVolume
        nodes = [getattr(self._parameters, name) for name in names]
        return [node if node is not None and mrml.isOfFusion(node, fused) else None for node in nodes]

    def _wholeEstimate(self):
        """The estimate of the chosen fused image, if all of it is there."""
        from FusionINNLib import mrml

        nodes = self._upToDate(ESTIMATE_OUTPUTS)
        return mrml.EstimateNodes(*nodes) if all(nodes) else None

    def export(self) -> None:
        """Write a result folder."""
        chosen = self._parameters
        parent = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Export into a new folder inside of"), self._lastFolder())
        if not parent:
            return
        self._rememberFolder(parent)
        self._panel.start(lambda: tasks.exportTask(
            freeFolder(Path(parent), chosen.decomposedVolume.GetName()), chosen.decomposedVolume, segmentation=chosen.segmentation,
            exactNodes=tuple(self._upToDate(("firstExact", "secondExact"))), estimateNodes=self._wholeEstimate(),
            model=self._panel.choices.modelForWayBack(), device=chosen.device), self._onExported)

    def _onExported(self, folder: Path) -> None:
        self._panel.say(_("Exported to {folder}.").format(folder=folder))

    def load(self) -> None:
        """Read a result folder."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Load a result folder"), self._lastFolder())
        if folder:
            self._rememberFolder(str(Path(folder).parent))
            self._panel.start(lambda: tasks.loadTask(Path(folder)), self._onLoaded, withModel=False)

    def _onLoaded(self, stored: tuple) -> None:
        nodes, others, notes = stored
        self._forgetOutputs()
        with slicer.util.NodeModify(self._parameters):
            self._parameters.fusedVolume, self._parameters.latentVolume = nodes.fused, nodes.latent
            self._parameters.decomposedVolume = self._parameters.outputsOf = nodes.fused
            for name, node in others.items():
                if name in OUTPUTS_OF_DECOMPOSITION or name == "segmentation":
                    setattr(self._parameters, name, node)
            self._parameters.shown = "exact" if self._parameters.firstExact else "estimated" if self._parameters.firstEstimated else ""
        self._panel.say(" ".join([_("Loaded: {name}.").format(name=nodes.fused.GetName()), *notes]))
        self._show()

    def _lastFolder(self) -> str:
        return qt.QSettings().value("FusionINN/ResultFolder", "") or ""

    def _rememberFolder(self, folder: str) -> None:
        qt.QSettings().setValue("FusionINN/ResultFolder", folder)

    # ---- sample case, set-up -----------------------------------------------------------------------------------------------------------

    def loadSample(self) -> None:
        """Make the sample case and choose it."""
        self._panel.start(sampleTask, self._onSample, withModel=False)

    def _onSample(self, nodes: tuple) -> None:
        with slicer.util.NodeModify(self._parameters):
            self._parameters.firstVolume, self._parameters.secondVolume, self._parameters.segmentation = nodes
            self._parameters.fusedVolume = self._parameters.latentVolume = self._parameters.decomposedVolume = None
            self._parameters.shown = ""
        slicer.util.setSliceViewerLayers(background=nodes[1], fit=True)
        self._panel.say(_("The sample case is loaded and chosen: a head made by code, no patient. Click Fuse."))

    def install(self) -> None:
        """Install what is missing."""
        with slicer.util.tryWithErrorDisplay(_("The installation did not succeed.")):
            try:
                requirements.install()
            except RuntimeError as problem:
                self._panel.say(str(problem))
        self._panel.lookForRequirements()
        self._panel.refresh()

    def showModelFolder(self) -> None:
        """Open the folder with the weights in the system's file browser."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(terms.folderOfModels())))

    def showTerms(self) -> None:
        """The terms of the weights."""
        slicer.util.infoDisplay(terms.text(), windowTitle=_("FusionINN: terms of the model"))


def freeFolder(parent: Path, name: str) -> Path:
    """A folder in `parent` that is not there yet, named after the fused image."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name).strip("_") or "FusionINN"
    folders = (parent / (plain if number == 1 else f"{plain}_{number}") for number in range(1, 10000))
    return next(folder for folder in folders if not folder.exists())
