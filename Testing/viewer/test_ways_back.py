"""Both ways back in the scene: exact and identical, or ESTIMATED, with their differences and warnings."""
import asyncio
from dataclasses import replace

import numpy as np
import pytest
from cases import run
from trame.app import get_server

from FusionINNLib import mrml
from FusionINNLib.jobs import tasks as job_tasks
from FusionINNLib.mrml.nodes import voxelsOfNode
from FusionINNLib.results.trust import Trust
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.state import INITIAL


def test_exact_is_identical(fused, apart):
    run(computations.decompose(fused, **apart))
    assert not fused.lacks_difference("exact", "second") and fused.lacks_difference("exact", "first")
    run(computations.difference(fused, "exact", "first"))
    for difference_of in ("first", "second"):
        assert fused.shown("exact", difference_of)["difference"] is not None and fused.is_identical("exact", difference_of)
    assert fused.shown("estimated", "second")["difference"] is None


def test_estimates_are_marked(fused, look, apart):
    run(computations.decompose(fused, **apart))
    look.update()
    assert not any(look.estimated.values())
    run(computations.estimate(fused, samples=2, seed=0, **apart))
    look.method = "estimated"
    look.update()
    assert {view for view, estimated in look.estimated.items() if estimated} == {"decomposedFirst", "decomposedSecond", "difference"}


def test_what_an_estimate_warns_of_is_told(fused, apart, monkeypatch):
    whole = job_tasks.estimate
    monkeypatch.setattr(job_tasks, "estimate", lambda *place, **given: replace(whole(*place, **given), warnings=("It was changed.",),
                                                                                         trust=Trust.DAMAGED))
    assert run(computations.estimate(fused, samples=1, seed=0, **apart)).endswith(
        "not a scan. State of the fused image: damaged. It was changed.")


def test_an_estimate_of_a_changed_fused_volume_keeps_saying_so(fused, apart):
    voxelsOfNode(fused.fusion.fused)[2, 20, 20] += 0.5
    assert "was changed since it was fused" in run(computations.estimate(fused, samples=1, seed=0, **apart))
    assert any("was changed since it was fused" in sentence for sentence in mrml.warningsOf(fused.estimate.first))


def test_a_new_estimate_has_a_new_difference(fused, apart):
    run(computations.estimate(fused, samples=1, seed=0, **apart))
    one = np.array(voxelsOfNode(fused.shown("estimated", "second")["difference"]))
    run(computations.estimate(fused, samples=1, seed=1, **apart))
    assert (one != voxelsOfNode(fused.shown("estimated", "second")["difference"])).any()


@pytest.mark.parametrize(("samples", "seed"), [(0, 0), ("", 0), (65, 0), (8, -1), (8, None), (2.5, 0)])
def test_nonsense_for_an_estimate_is_refused(views, samples, seed):
    state = get_server("nonsense").state
    state.update(INITIAL | {"method": "estimated", "samples": samples, "seed": seed})
    viewer = Viewer(state, views, "default", "cpu")
    asyncio.run(viewer.decompose())
    assert "whole number" in state.problem and not viewer.is_busy
    viewer.close()


def test_the_page_has_the_difference_computed_that_is_to_be_shown(views, files, tiny_model):
    """By a worker: with the decomposition, and when the other source or the other way back is looked at."""
    async def use() -> list:
        state = get_server("differences").state
        state.update(INITIAL | {"samples": 1})
        viewer = Viewer(state, views, tiny_model, "cpu")
        for slot in ("first", "second"):
            await viewer.load(slot, files[slot])
        await viewer.fuse()
        await viewer.decompose()
        said = [state.said, "difference" if viewer.look.volumes["difference"] is not None else state.problem]
        state.difference_of = "first"
        viewer.show()
        assert state.views["difference"]["empty"] == "Not compared yet"
        await viewer._comparing
        assert viewer.look.volumes["difference"] is viewer.case.differences["exact", "first"] and state.said == said[0]
        viewer.case.clear()
        viewer.close()
        return said

    assert asyncio.run(use()) == ["Decomposed exactly, with the saved latent image.", "difference"]
