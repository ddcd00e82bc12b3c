"""Numbers and files: what the buttons of that section do."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from collections.abc import Callable
from functools import partial
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNPanel.comparison import Comparison
from FusionINNPanel.dicom_database import fileOf
from FusionINNPanel.parameters import (
    ESTIMATE_OUTPUTS,
    EXACT_OUTPUTS,
    OUTPUTS_OF_DECOMPOSITION,
    Arrangement,
    FusionINNParameterNode,
    forgetOutputs,
    parametersOf,
)
from FusionINNPanel.state import PanelState


class ResultActions:
    """One method for each button; arguments as those of `Actions`."""

    def __init__(self, state: PanelState, comparison: Comparison, patientCheckBox) -> None:
        self._state, self._comparison, self._patientCheckBox = state, comparison, patientCheckBox

    @property
    def _parameters(self) -> FusionINNParameterNode:
        return self._state.chosen

    def numbers(self) -> None:
        """Metrics as a table."""
        chosen = self._parameters
        if chosen.outputsOf is not chosen.decomposedVolume:
            forgetOutputs(self._parameters)
        self._state.start(lambda: mrml.numbersTableTask(
            slicer.mrmlScene, chosen.decomposedVolume, segmentation=chosen.segmentation, estimateNodes=self._wholeEstimate(),
            table=chosen.numbers, model=self._state.modelForWayBack(), device=chosen.device),
            self._onNumbers, withModel=self._usesNetwork())

    def _onNumbers(self, table) -> None:
        with slicer.util.NodeModify(self._parameters):
            self._parameters.numbers, self._parameters.outputsOf = table, self._parameters.decomposedVolume
        self._showTable(table)
        self._state.say(_("The numbers are in the table {name}; the module Tables shows it.").format(name=table.GetName()))

    def _usesNetwork(self) -> bool:
        """Whether the method of the chosen fused image is a trained one."""
        row = mrml.methodOf(self._parameters.decomposedVolume)
        return row is None or row.capabilities.needs_training

    def _upToDate(self, names: tuple[str, ...]) -> list:
        """Decomposed volumes of the chosen fused image as it is now; None for what is missing or was made before it was fused again."""
        fused = self._parameters.decomposedVolume
        nodes = [getattr(self._parameters, name) for name in names]
        return [node if node is not None and mrml.isOfFusion(node, fused) else None for node in nodes]

    def _wholeEstimate(self):
        """The estimate of the chosen fused image, if all of it is there."""
        nodes = self._upToDate(ESTIMATE_OUTPUTS)
        return mrml.EstimateNodes(*nodes) if all(nodes) else None

    def segmentNumbers(self) -> None:
        """Numbers and histograms inside each segment."""
        chosen = self._parameters
        if chosen.outputsOf is not chosen.decomposedVolume:
            forgetOutputs(chosen)
        self._state.start(lambda: mrml.segmentNumbersTask(
            slicer.mrmlScene, chosen.decomposedVolume, chosen.segmentation, table=chosen.segmentNumbers,
            model=self._state.modelForWayBack(), device=chosen.device), self._onSegmentNumbers, withModel=self._usesNetwork())

    def _onSegmentNumbers(self, plots: mrml.SegmentPlots) -> None:
        chosen = self._parameters
        with slicer.util.NodeModify(chosen):
            chosen.segmentNumbers, chosen.outputsOf = plots.table, chosen.decomposedVolume
            if chosen.showWhenDone:
                chosen.arrangement = Arrangement.HISTOGRAMS
        self._showTable(plots.table)
        self._comparison.showResults(chosen)
        self._state.say(_("The numbers of each segment are in the table {name}; Copy as CSV takes them to another program.").format(
            name=plots.table.GetName()))

    def copy(self) -> None:
        """The numbers inside the segments, or else those of the fusion, as CSV to the clipboard."""
        table = self._parameters.segmentNumbers or self._parameters.numbers
        slicer.app.clipboard().setText(mrml.tableAsCSV(table))
        self._state.say(_("Copied as CSV: {name}.").format(name=table.GetName()))

    def picture(self) -> None:
        """The comparison as PNG, twice as large as on screen."""
        path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), _("Save the comparison as a picture"), self._lastFolder(),
                                              _("Pictures (*.png)"))
        if not path:
            return
        path = Path(path) if path.lower().endswith(".png") else Path(f"{path}.png")
        try:
            mrml.savePNG(self._comparison.picture(), path)
        except FusionINNError as problem:
            self._state.showProblem(problem)
            return
        self._state.say(_("Saved: {name}, twice as large as on screen.").format(name=path.name))

    def _showTable(self, table) -> None:
        slicer.app.applicationLogic().GetSelectionNode().SetActiveTableID(table.GetID())
        slicer.app.applicationLogic().PropagateTableSelection()

    def export(self) -> None:
        """Write a result folder."""
        self._exportWith(lambda: mrml.exportTask, "", self._onExported)

    def exportDicom(self) -> None:
        """Write DICOM series of the fused image and of what it was taken apart into. The patient is in them where that is asked for, and
        once: the box is unticked with it."""
        named = self._patientCheckBox.checked and self._patientCheckBox.enabled
        self._patientCheckBox.checked = False
        fused = self._parameters.decomposedVolume
        self._exportWith(lambda: partial(mrml.exportDicomTask, whose=mrml.whoseOf(fused, fileOf) if named else None), "_DICOM",
                         partial(self._onExportedDicom, named))

    def _exportWith(self, task: Callable[[], Callable[..., mrml.Task]], ending: str, onDone: Callable[[Path], None]) -> None:
        """Ask for a folder, and have a new one in it written. task: loads its file when it is called, and not before."""
        chosen = self._parameters
        parent = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Export into a new folder inside of"), self._lastFolder())
        if not parent:
            return
        self._rememberFolder(parent)
        self._state.start(lambda: task()(
            freeFolder(Path(parent), chosen.decomposedVolume.GetName() + ending), chosen.decomposedVolume, segmentation=chosen.segmentation,
            exactNodes=tuple(self._upToDate(EXACT_OUTPUTS)), estimateNodes=self._wholeEstimate(),
            model=self._state.modelForWayBack(), device=chosen.device), onDone, withModel=self._usesNetwork())

    def _onExported(self, folder: Path) -> None:
        self._state.say(_("Exported to {folder}.").format(folder=folder))

    def _onExportedDicom(self, named: bool, folder: Path) -> None:
        said = [_("Exported to {folder}.").format(folder=folder)]
        if named:
            said.append(_("The series name the patient and the study of the source."))
        if mrml.isOfColor(self._parameters.decomposedVolume):
            said.append(_("DICOM holds the fused brightness in grey; the images in colour are in what Export ... writes."))
        self._state.say(" ".join(said))

    def load(self) -> None:
        """Read a result folder."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Load a result folder"), self._lastFolder())
        if folder:
            self._rememberFolder(str(Path(folder).parent))
            self._state.start(lambda: mrml.loadTask(slicer.mrmlScene, Path(folder)), self._onLoaded, withModel=False)

    def _onLoaded(self, loaded: mrml.Loaded) -> None:
        nodes = loaded.nodes
        forgetOutputs(self._parameters)
        with slicer.util.NodeModify(self._parameters):
            self._parameters.fusedVolume, self._parameters.latentVolume = nodes.fused, nodes.latent
            self._parameters.decomposedVolume = self._parameters.outputsOf = nodes.fused
            for name, node in parametersOf(loaded).items():
                if name in OUTPUTS_OF_DECOMPOSITION or name == "segmentation":
                    setattr(self._parameters, name, node)
            self._parameters.shown = "exact" if self._parameters.firstExact else "estimated" if self._parameters.firstEstimated else ""
        self._state.say(" ".join([_("Loaded: {name}.").format(name=nodes.fused.GetName()), *loaded.export.notes]))
        self._comparison.showResults(self._parameters)

    def _lastFolder(self) -> str:
        return qt.QSettings().value("FusionINN/ResultFolder", "") or ""

    def _rememberFolder(self, folder: str) -> None:
        qt.QSettings().setValue("FusionINN/ResultFolder", folder)


def freeFolder(parent: Path, name: str) -> Path:
    """A folder in `parent` that is not there yet, named after the fused image."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name).strip("_") or "FusionINN"
    folders = (parent / (plain if number == 1 else f"{plain}_{number}") for number in range(1, 10000))
    return next(folder for folder in folders if not folder.exists())
