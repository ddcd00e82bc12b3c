"""FusionINN in 3D Slicer: two volumes into one fused image, and back. Its parts are in FusionINNPanel; FusionINNLib does the work."""
import importlib.util
import logging
import sys
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


def findLibrary() -> None:
    """Make FusionINNLib importable: a package has it beside this file, an unbuilt checkout beside this file's folder."""
    if importlib.util.find_spec("FusionINNLib") is None:
        sys.path.append(str(Path(__file__).resolve().parents[1]))


findLibrary()

from FusionINNLib import mrml  # noqa: E402
from FusionINNLib.errors import FusionINNError  # noqa: E402
from FusionINNPanel import sample, shortcuts, startup  # noqa: E402
from FusionINNPanel.panel import Panel  # noqa: E402
from FusionINNPanel.parameters import FusionINNParameterNode, parametersOf  # noqa: E402
from FusionINNPanel.selftest import SelfTest  # noqa: E402


class FusionINN(ScriptedLoadableModule):
    """What Slicer knows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("FusionINN")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = []
        self.parent.contributors = ["The FusionINN for 3D Slicer developers"]
        self.parent.helpText = _("""
Fuse two MR volumes of one patient, such as ADC and FLAIR, into one image with an invertible neural network, and take that image apart
again: exactly, with the latent image that was saved beside it, or estimated, from the fused image alone. An estimate is not a scan.
Research use only. Not for diagnosis.
See the <a href="https://github.com/fusioninn/SlicerFusionINN/blob/main/docs/tutorial.md">tutorial</a>.
""") + shortcuts.helpText()
        self.parent.acknowledgementText = _("""
The method is FusionINN: Kumar et al. 2024, <a href="https://arxiv.org/abs/2403.15769">arXiv:2403.15769</a>. Please cite it.
""")
        slicer.app.connect("startupCompleted()", startup.onStartup)


class FusionINNWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The life of the panel: made, entered, left, scene closed, reloaded. What it does is in FusionINNPanel/panel.py."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: FusionINNLogic | None = None  # until `setup`, as the panel
        self.panel: Panel | None = None
        self._parameterNode: FusionINNParameterNode | None = None
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        """Called when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/FusionINN.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = FusionINNLogic()
        self.panel = Panel(self.ui)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodeAdded)
        self.initializeParameterNode()
        if self._parameterNode is not None:
            self.panel.restore(self._parameterNode)

    def cleanup(self) -> None:
        """Called when the application closes or the module is reloaded."""
        if self.panel is not None:
            self.panel.close()
            self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens the module."""
        self.initializeParameterNode()
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Called each time the user opens another module. A computation goes on."""
        if self.panel is not None:
            self.panel.leave()
        self._disconnect()

    def onSceneStartClose(self, caller, event) -> None:
        """The scene is about to go: so does what is computed for it."""
        if self.panel is not None:
            self.panel.stop(_("The scene was closed: the computation was stopped."))
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event) -> None:
        """The scene is empty now."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event) -> None:
        """A scene was opened: it may have the comparison on screen, with estimates in it."""
        if self.parent.isEntered:
            self.initializeParameterNode()
        if self.panel is not None and self.logic is not None:
            self.panel.restore(self.logic.getParameterNode())

    def onNodeAdded(self, caller, event) -> None:
        """Something was loaded: it may be an input. Asked later, when it has its name and voxels."""
        if self.panel is not None:
            self.panel.guessSoon()

    def initializeParameterNode(self) -> None:
        """Ensure that there is a parameter node, observed, with inputs in it."""
        if self.panel is not None and self.logic is not None:
            self.setParameterNode(self.logic.getParameterNode())
            self.panel.guessInputs()

    def setParameterNode(self, parameterNode: FusionINNParameterNode | None) -> None:
        """Connect the panel to a parameter node, None for none."""
        self._disconnect()
        self._parameterNode = parameterNode
        if self.panel is not None:
            self.panel.parameters = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
        self._checkCanApply()

    def _disconnect(self) -> None:
        """The panel no longer follows the parameter node, if it did."""
        if self._parameterNode and self._parameterNodeGuiTag is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self._parameterNodeGuiTag = None
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)

    def _checkCanApply(self, caller=None, event=None) -> None:
        if self.panel is not None:
            self.panel.refresh()

    def onReload(self) -> None:
        """Slicer's Reload takes this file alone; the parts and the library are to be new as well. What is being computed is stopped
        before, by the code that started it. Where the new code has a mistake, the old one goes on working."""
        if self.panel is not None:
            self.panel.stop(_("The module was reloaded: the computation was stopped."))
        before = {name: module for name, module in sys.modules.items() if _isOurs(name)}
        for name in before.keys() - {self.moduleName}:
            del sys.modules[name]
        try:
            ScriptedLoadableModuleWidget.onReload(self)
        except Exception:
            for name in [name for name in sys.modules if _isOurs(name)]:
                del sys.modules[name]
            sys.modules.update(before)
            raise


def _isOurs(moduleName: str) -> bool:
    return moduleName.split(".")[0] in ("FusionINN", "FusionINNPanel", "FusionINNLib")


class FusionINNLogic(ScriptedLoadableModuleLogic):
    """FusionINN without a panel. Each call returns when it is done.

        logic = FusionINNLogic()
        nodes = logic.fuse(adcNode, flairNode)                     # nodes.fused, nodes.latent
        first, second = logic.decompose(nodes.fused)               # exact
        guess = logic.estimate(nodes.fused)                        # guess.first, guess.firstSpread, ...: ESTIMATED, no scans
        logic.export("/folder/of/results", nodes.fused)

    Raises FusionINNLib.errors.FusionINNError with a sentence for the user. The terms of the model's weights (MODEL_LICENSE) hold here too.
    """

    def getParameterNode(self) -> FusionINNParameterNode:
        return FusionINNParameterNode(super().getParameterNode())  # pyright: ignore[reportCallIssue] - Slicer's wrapper takes the node

    def loadSampleCase(self) -> tuple:
        """The made-up case: nodes of ADC, FLAIR and segmentation."""
        return sample.loadSample()

    def fuse(self, firstVolume, secondVolume, **choices):
        """Fuse two scalar volume nodes; `mrml.FusionNodes`. choices: reference ("first", "second"), alignment ("auto", "none", "header",
        "rigid"), method, settings (of it, name -> value), seed, model, device ("auto", "cpu", "cuda:0"), fusedVolume and latentVolume
        (nodes to update)."""
        return mrml.fuseTask(slicer.mrmlScene, firstVolume, secondVolume, **choices).run().nodes

    def decompose(self, fusedVolume, latentVolume=None, **choices) -> tuple:
        """Exact decomposition: nodes of both sources. choices: model, device, firstVolume and secondVolume (nodes to update)."""
        return mrml.decomposeTask(slicer.mrmlScene, fusedVolume, latentVolume, **choices).run().nodes

    def estimate(self, fusedVolume, **choices):
        """Estimated decomposition; `mrml.EstimateNodes`. choices: samples, seed, model, device, outputs (nodes to update)."""
        return mrml.estimateTask(slicer.mrmlScene, fusedVolume, **choices).run().nodes

    def numbers(self, fusedVolume, segmentation=None, **choices):
        """Fusion metrics as a table node. choices: latentVolume, estimateNodes, model, device, table (node to update)."""
        return mrml.numbersTableTask(slicer.mrmlScene, fusedVolume, segmentation=segmentation, **choices).run()

    def export(self, folder, fusedVolume, **choices) -> Path:
        """Write a result folder. choices: latentVolume, segmentation, exactNodes, estimateNodes, model, device, overwrite."""
        return mrml.exportTask(folder, fusedVolume, **choices).run()

    def loadResult(self, folder) -> tuple:
        """Read a result folder: (`mrml.FusionNodes`, {name: node}); names are those of the parameters, such as firstExact.
        What was left out is in the log."""
        loaded = mrml.loadTask(slicer.mrmlScene, folder).run()
        for note in loaded.export.notes:
            logging.warning("FusionINN: %s", note)
        return loaded.nodes, parametersOf(loaded)


class FusionINNTest(SelfTest, ScriptedLoadableModuleTest):
    """Runs the real network on the sample case. Fails where it could not."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.logic, self.checks = FusionINNLogic(), 0

    def tearDown(self) -> None:
        self.assertGreater(self.checks, 0, "a self-test ended without having tested anything")
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All tests, as Slicer's base class finds them."""
        self.assertGreaterEqual(len(self.moduleTestNames), 3, "the self-tests were not found")
        ScriptedLoadableModuleTest.runTest(self)
        self.delayDisplay(_("Test passed"))


__all__ = ["FusionINN", "FusionINNError", "FusionINNLogic", "FusionINNParameterNode", "FusionINNTest", "FusionINNWidget"]
