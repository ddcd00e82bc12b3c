"""Fusion methods on the page: which are offered, and what can be done with one that only fuses."""
import asyncio
import json

import pytest
from cases import run
from trame.app import get_server

from FusionINNLib.errors import ResultError
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.controls import Controls
from FusionINNLib.viewer.state import INITIAL


def test_a_method_that_only_fuses(case, tmp_path):
    """Numbers and a result folder without a latent; no way back is offered."""
    none = {"model": None, "device": "cpu"}
    run(computations.fuse(case, alignment="auto", reference="second", method="average", **none))
    assert case.fusion.latent is None and case.method.name == "average" and case.sources is not None
    with pytest.raises(ResultError, match="only fuses"):
        run(computations.decompose(case, difference_of="second", **none))
    run(computations.numbers(case, **none))
    assert case.rows and not case.estimate_rows
    run(computations.export(case, tmp_path / "result", **none))
    assert not (tmp_path / "result/latent.nii.gz").exists() and (tmp_path / "result/report.png").is_file()
    case.forget_fusion()
    run(computations.load(case, tmp_path / "result"))
    assert case.fusion.latent is None and case.method.name == "average"
    run(computations.numbers(case, **none))


def test_the_page_offers_what_the_method_can_do(views, files, tiny_model):
    """A model that the page was started with is for its own method alone."""
    async def use() -> None:
        state = get_server("methods").state
        state.update(INITIAL | {"fusion_method": "average"})
        viewer = Viewer(state, views, tiny_model, "cpu")
        for slot in ("first", "second"):
            await viewer.load(slot, files[slot])
        assert "only fuses" in state.about_method and state.only_fuses == ""
        await viewer.fuse()
        assert "only fuses" in state.only_fuses and state.why["decompose"] == state.only_fuses, state.problem
        assert state.why["download"] == state.why["numbers"] == ""
        await viewer.numbers()
        assert state.numbers and not state.problem
        state.fusion_method = "fusioninn"
        await viewer.fuse()
        assert state.only_fuses == "" == state.why["decompose"] and not state.problem
        viewer.case.clear()
        viewer.close()

    asyncio.run(use())


def test_settings_and_seed_are_checked_and_recorded(views, files, tmp_path):
    """As the panel and the command line do it."""
    async def use() -> None:
        state = get_server("settings").state
        state.update(INITIAL | {"fusion_method": "ddfm"})
        viewer = Viewer(state, views, None, "cpu")
        controls = Controls(viewer)
        viewer.refresh()
        assert "about" in state.cost and "155" in state.cost, "of a head, while no volume is chosen"
        for slot in ("first", "second"):
            await viewer.load(slot, files[slot])
        assert state.draws and "steps=100" in state.settings_example and any("of the diffusion's" in one for one in state.settings_offered)
        assert "155" not in state.cost and "voxels takes" in state.cost
        for typed, seed, words in (("steps=1", 0, "steps takes a whole number from 2"), ("pace=1", 0, "no setting 'pace'"),
                                   ("steps", 0, "write NAME=VALUE"), ("", -1, "seed"), ("", "", "seed")):
            state.method_settings, state.fusion_seed = typed, seed
            await viewer.fuse()
            assert words in state.problem and viewer.case.fusion is None
        state.method_settings, state.fusion_seed = "steps=2 em=paper", 7
        await viewer.fuse()
        assert not state.problem
        assert await viewer.export(tmp_path / "result")
        record = json.loads((tmp_path / "result/fusion.json").read_text())
        assert record["settings"]["seed"] == 7 and record["settings"]["method_settings"]["steps"] == 2
        assert record["settings"]["method_settings"]["em"] == "paper" and record["recipe"]["record"]["seed"] == 7
        state.fusion_method = "average"
        controls._on_fusion_method()  # as the page's list calls it
        assert state.method_settings == "" and state.settings_offered == [] and not state.draws
        viewer.case.clear()
        viewer.close()

    asyncio.run(use())


def test_a_method_that_wants_the_other_order_says_so_before_the_work():
    from FusionINNLib.methods import registry
    from FusionINNLib.viewer import messages

    def said(name, first_in_color):
        return messages.method(registry.info(name), registry.Ready(), first_in_color)

    assert "give them in the other order" in said("lagn", True)
    assert all("other order" not in said(*one) for one in (("lagn", False), ("fusioninn", True)))


def test_a_method_that_is_registered_is_offered(views):
    from FusionINNLib.methods import registry
    from FusionINNLib.methods.base import MethodInfo
    from FusionINNLib.viewer import messages
    from FusionINNLib.viewer.sidebar import methods_offered

    row = MethodInfo("mine", "My method", "Fuses as I like it.", "Me 2026: My method", "10.1/mine", "nobody.has:This",
                     requires=("nobody_has_this",))
    registry.register(row)
    try:
        assert ("mine", "My method") in methods_offered() and [name for name, _ in methods_offered()] == registry.names()
        assert "cannot be used here: the package nobody_has_this" in messages.method(row, registry.state("mine"))
    finally:
        registry.unregister("mine")
