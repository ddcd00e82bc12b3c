"""The tutorial as steps of a run inside Slicer: what a user clicks, and what must be true afterwards."""
import shutil
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

import numpy as np
import slicer

from FusionINNLib import mrml
from in_slicer.report import Step
from in_slicer.user import User


def selfTests(tester: type[unittest.TestCase]) -> list[tuple[str, Callable[[Step], None]]]:
    """Each of the module's self-tests as a step of its own."""
    return [(f"self-test {name}", lambda step, name=name: _selfTest(tester, name, step))
            for name in unittest.defaultTestLoader.getTestCaseNames(tester)]


def tutorial(user: User) -> list[tuple[str, Callable[[Step], None]]]:
    """The steps of docs/tutorial.md in their order, on the sample case."""
    def exact(step: Step) -> None:
        step.said = user.compute("decomposeButton", "Decomposed exactly")
        back, scan = (slicer.util.arrayFromVolume(node) for node in (user.parameters.secondExact, user.parameters.secondVolume))
        _need(np.array_equal(back, scan), "the exact decomposition is not the scan")

    def estimate(step: Step) -> None:
        user.choose("methodComboBox", 1)
        step.said = user.compute("decomposeButton", "ESTIMATED")
        marked = [view for view, shown in mrml.estimatedViews(slicer.mrmlScene).items() if shown]
        _need(not user.widget.panel.comparison.isPossible or "decomposedFirst" in marked, "no view says ESTIMATED")

    def sure(step: Step) -> None:
        user.click("intervalCheckBox")
        step.said = user.status
        _need(user.parameters.intervalShown and user.widget.ui.intervalCheckBox.checked, "the interval is not shown")

    def cancel(step: Step) -> None:
        before = slicer.mrmlScene.GetNumberOfNodes()
        user.click("fuseButton")
        user.click("cancelButton")
        user.wait(lambda: not user.widget.panel.state.isRunning)
        step.said = user.status
        _need(slicer.mrmlScene.GetNumberOfNodes() == before, "a cancelled fusion left nodes behind")

    steps = [
        ("load the sample case", lambda step: _say(step, user.compute("sampleButton", "The sample case"))),
        ("fuse", lambda step: _say(step, user.compute("fuseButton", "Fused"))),
        ("decompose exactly", exact), ("decompose, estimated", estimate),
        ("how sure the estimate is", sure),
        *((f"views: {name}", lambda step, index=index: _arrange(user, index))
          for index, name in ((1, "with 3-D"), (2, "lightbox"), (0, "six views"))),
        ("jump to the segmentation", lambda step: user.click("jumpButton")), ("blink", lambda step: _blink(user)),
        ("numbers", lambda step: _say(step, user.compute("numbersButton", "The numbers"))),
        ("numbers in segments", lambda step: _say(step, user.compute("segmentNumbersButton", "The numbers"))),
        ("copy as CSV", lambda step: _copy(user, step)), ("follow-up", lambda step: _followUp(user, step)), ("cancel", cancel),
        ("export, save, open again", lambda step: _files(user, step)), ("leave and enter the module", lambda step: _leave(user))]
    return [(name, lambda step, do=do, name=name: _withPictures(user, name, do, step)) for name, do in steps]


def _withPictures(user: User, name: str, do: Callable[[Step], None], step: Step) -> None:
    try:
        do(step)
    finally:
        step.pictures += user.pictures("".join(letter if letter.isalnum() else "_" for letter in name))


def _selfTest(tester: type[unittest.TestCase], name: str, step: Step) -> None:
    result = unittest.TestResult()
    tester(name).run(result)
    problems = [text for _, text in result.failures + result.errors]
    _need(not problems, problems[0].strip().splitlines()[-1] if problems else "")
    step.said = f"{result.testsRun} test"
    _need(result.testsRun == 1 and not result.skipped, "nothing was tested")


def _arrange(user: User, index: int) -> None:
    user.choose("arrangementComboBox", index)
    user.widget.panel.actions.rearrange()  # what the list does when somebody chooses in it
    user.settle()


def _blink(user: User) -> None:
    user.click("blinkButton")
    user.settle()
    user.click("blinkButton")


def _copy(user: User, step: Step) -> None:
    user.click("copyButton")
    lines = slicer.app.clipboard().text().splitlines()
    _need(len(lines) > 3 and lines[0].startswith("segment,"), "the clipboard does not hold the numbers")
    step.said = f"{len(lines)} lines"


def _followUp(user: User, step: Step) -> None:
    """The sample FLAIR as the earlier time point, and the same with its brightest places gone dark as the later one."""
    scan = user.parameters.secondVolume
    volume = mrml.volumeFromNode(scan)
    array = volume.array.copy()
    array[array > np.percentile(array, 99)] = 0
    nodes = [mrml.addVolumeNode(slicer.mrmlScene, name) for name in ("FLAIR pre-op", "FLAIR post-op")]
    mrml.updateVolumeNode(nodes[0], volume)
    mrml.updateVolumeNode(nodes[1], type(volume)(array, volume.affine, volume.name))
    user.parameters.firstVolume, user.parameters.secondVolume = nodes
    user.settle()
    user.compute("fuseButton", "Fused")
    step.said = user.compute("changeButton", "Shown: FLAIR post-op minus FLAIR pre-op")
    _need(float(slicer.util.arrayFromVolume(user.parameters.change)[array == 0].min()) < 0, "what went dark is not shown as darker")


def _files(user: User, step: Step) -> None:
    folder = Path(tempfile.mkdtemp(prefix="FusionINN-run-"))
    try:
        user.export(folder / "result")
        _need((folder / "result" / "fused.nii.gz").is_file(), "nothing was exported")
        step.said = user.save(folder)
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(folder / "scene.mrb"))
        user.settle()
        user.widget.enter()
        _need(user.parameters.fusedVolume is not None and user.parameters.changeShown, "the scene does not bring back what was chosen")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _leave(user: User) -> None:
    user.widget.exit()
    user.settle()
    user.widget.enter()


def _say(step: Step, said: str) -> None:
    step.said = said


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
