"""A real MRML scene without the Slicer application, for the tests in this folder.

They need slicer-core (see requirements.txt), which has an environment of its own: `make test-slicer`. Without it all of them are skipped.
The folder cannot be called `slicer`: slicer-core imports whatever lies in folders of that name beside `sys.path`.
"""
import functools
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAS_SLICER = importlib.util.find_spec("slicer") is not None and importlib.util.find_spec("slicer.util") is not None
REASON = "slicer-core is not installed here: run 'make test-slicer'"


class _Absent(pytest.Module):
    """A test file that cannot be imported here."""

    def collect(self):
        pytest.skip(REASON, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Without slicer-core every file of this folder is skipped, with the reason; CI fails on that skip."""
    return None if HAS_SLICER else _Absent.from_parent(parent, path=module_path)


if HAS_SLICER:
    import scenes
    import slicer


@pytest.fixture(scope="session")
def core():
    """One application core for all tests."""
    return scenes.start()


@pytest.fixture
def scene(core):
    """An empty scene, as the application has it: with colours, slice orientations and a subject hierarchy."""
    core.scene.Clear(1)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(core.scene)
    core.colors.AddDefaultColorNodes()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(core.scene, True)
    return core.scene


@pytest.fixture
def addVolume(scene):
    """Makes a scalar volume node as a reader would: addVolume(name, array (k, j, i), affine)."""
    return functools.partial(scenes.add_volume, scene)


@pytest.fixture
def reopened(core, scene, tmp_path):
    """Saves the scene to an .mrb, closes it and opens it again."""
    def reopen():
        path = str(tmp_path / "scene.mrb")
        assert scene.WriteToMRB(path)
        scene.Clear(1)
        core.colors.AddDefaultColorNodes()
        assert scene.ReadFromMRB(path)

    return reopen


@pytest.fixture
def case(scene, tiny_model):
    """Two volumes of one grid in the scene, fused by a small network: an object with `first`, `second`, `fusion`, `nodes`, `model`."""
    return scenes.fused_case(scene, tiny_model, "oblique")
