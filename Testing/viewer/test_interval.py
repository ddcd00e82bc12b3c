"""The interval of an estimate over it: off until somebody wants it, never over exact sources, and gone with its estimate."""
import numpy as np
from cases import run
from trame.app import get_server

from FusionINNLib import mrml
from FusionINNLib.mrml.nodes import voxelsOfNode
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.controls import Controls
from FusionINNLib.viewer.inputs import read_input
from FusionINNLib.viewer.state import INITIAL

BELOW = ("decomposedFirst", "decomposedSecond")


def over(scene) -> list:
    """What lies over the sources that the fused image was taken apart into, None for nothing."""
    identifiers = [mrml.compositeNodeOf(scene, view).GetForegroundVolumeID() for view in BELOW]
    return [scene.GetNodeByID(one) if one else None for one in identifiers]


def test_it_is_wanted_for_estimates_and_never_lies_over_exact_sources(views, files, apart, back):
    state = get_server("interval").state
    state.update(INITIAL)
    viewer = Viewer(state, views, back["model"], "cpu")
    controls, case = Controls(viewer), viewer.case
    for slot, path in files.items():
        case.set_input(slot, read_input(slot, path))
    run(computations.fuse(case, alignment="auto", reference="second", method="fusioninn", **back))
    viewer.show()
    assert state.why["interval"] == "Decompose the fused image by an estimate first."
    run(computations.decompose(case, **apart))
    viewer.show()
    assert state.why["interval"].startswith("Exact sources have no interval")
    run(computations.estimate(case, samples=2, seed=0, **apart))
    state.method = "estimated"
    controls._on_method()
    assert state.why["interval"] == "" and over(views.scene) == [None, None]
    state.interval = True
    controls._on_interval(True)
    shown, names = over(views.scene), [case.estimate.first.GetName(), case.estimate.second.GetName()]
    assert [node.GetName() for node in shown] == [f"{name} 90 % interval" for name in names]
    for way, expected in (("exact", [None, None]), ("estimated", shown)):
        state.method = way
        controls._on_method()
        assert over(views.scene) == expected
    state.interval = False
    controls._on_interval(False)
    assert over(views.scene) == [None, None] and viewer.look.estimated["decomposedFirst"]
    case.clear()
    viewer.close()


def test_another_estimate_has_its_own_and_none_is_left_behind(fused, look, apart):
    def count() -> int:
        return sum(fused.scene.GetNumberOfNodesByClass(kind) for kind in ("vtkMRMLDisplayableNode", "vtkMRMLDisplayNode"))

    before = count()
    look.method, look.interval = "estimated", True
    found = []
    for seed in (0, 1):
        run(computations.estimate(fused, samples=2, seed=seed, **apart))
        look.update()
        found.append(np.array(voxelsOfNode(over(fused.scene)[0])))
        np.testing.assert_allclose(found[-1], 1.645 * voxelsOfNode(fused.estimate.firstSpread), rtol=1e-5)
    assert (found[0] != found[1]).any()
    fused.forget_decompositions()
    look.update()
    assert over(fused.scene) == [None, None] and count() == before
