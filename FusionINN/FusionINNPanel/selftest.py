"""The module's self-test: the real network on the sample case. It counts what it checked and fails when that was nothing."""
import time

import slicer

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNPanel import requirements


class SelfTest:
    """Tests for `FusionINNTest`, whose `assert...` methods, `logic` and `checks` are used."""

    def test_wayThereAndBack(self) -> None:
        """Fuse the sample case, take it apart exactly and as an estimate"""
        self.needPyTorch()
        first, second, segmentation = self.logic.loadSampleCase()
        before = slicer.util.arrayFromVolume(second).copy()
        nodes = self.logic.fuse(first, second)
        fused = slicer.util.arrayFromVolume(nodes.fused)
        self.check(fused.shape == before.shape and fused.std() > 0.05, "the fused image is on the second volume's grid and not empty")
        exact = self.logic.decompose(nodes.fused)
        self.check((slicer.util.arrayFromVolume(exact[1]) == before).all(), "the exact decomposition gives back every voxel")
        self.check((slicer.util.arrayFromVolume(second) == before).all(), "the input is untouched")
        guess = self.logic.estimate(nodes.fused, samples=2)
        self.check("ESTIMATED" in guess.first.GetName().upper(), "an estimate says so in its name")
        spread = slicer.util.arrayFromVolume(guess.secondSpread)
        self.check(spread.shape == before.shape and spread.max() > 0, "the estimate has a spread")

    def test_refusals(self) -> None:
        """Wrong input is refused in a sentence, and changes nothing"""
        first, second, segmentation = self.logic.loadSampleCase()
        count = slicer.mrmlScene.GetNumberOfNodes()
        for inputs in ((first, first), (first, None)):
            with self.assertRaises(FusionINNError):
                self.logic.fuse(*inputs)
            self.check(slicer.mrmlScene.GetNumberOfNodes() == count, "a refused fusion adds no node")

    def test_process(self) -> None:
        """The panel's way: in a process of its own, and cancelled"""
        from FusionINNLib.errors import Cancelled
        from FusionINNLib.jobs.job import Job
        from FusionINNLib.steps import finish

        self.needPyTorch()
        first, second, segmentation = self.logic.loadSampleCase()
        task = mrml.fuseTask(slicer.mrmlScene, first, second, alignment="header")
        arguments = finish(task.read())
        job, steps = Job(task.name, arguments), []
        while job.is_running():
            steps += job.poll()
            time.sleep(0.02)
        nodes = finish(task.store(job.result())).nodes
        self.check(nodes.fused.GetImageData() is not None and len(steps) > 2, "the process reports its progress and gives a result")
        job = Job(task.name, arguments)
        job.cancel()
        with self.assertRaises(Cancelled):
            job.result()
        self.check(not job.is_running(), "a cancelled process is gone")

    def needPyTorch(self) -> None:
        """Fail, and do not skip, where the network cannot run."""
        lacking = [requirement.state for requirement in requirements.missing() if requirement.name != "nibabel"]
        self.assertFalse(lacking, "Nothing was tested: " + " ".join(lacking))

    def check(self, holds: bool, what: str) -> None:
        """Assert, and count it."""
        self.assertTrue(holds, f"Not true: {what}")
        self.checks += 1
