"""What leaves the page of a case: its numbers, and a result folder that is read again."""
import asyncio
import json

from cases import run
from trame.app import get_server

from FusionINNLib.results.scene_folder import read
from FusionINNLib.viewer import computations
from FusionINNLib.viewer.app import Opening, Viewer
from FusionINNLib.viewer.case import Case
from FusionINNLib.viewer.inputs import read_input
from FusionINNLib.viewer.state import INITIAL


def test_numbers_of_regions_and_estimate(fused, back, apart):
    run(computations.numbers(fused, **back))
    assert {row.region for row in fused.rows} == {"whole volume", "segmentation", "10 mm margin"} and fused.estimate_rows == ()
    run(computations.estimate(fused, samples=2, seed=0, **apart))
    run(computations.numbers(fused, **back))
    assert {row.measure.split()[0] for row in fused.estimate_rows} == {"spread", "cycle"}
    fused.remove_segmentation()
    assert fused.rows == ()


def test_a_result_folder_and_back(fused, back, apart, tmp_path, views, files):
    run(computations.decompose(fused, **apart))
    run(computations.export(fused, tmp_path / "result", **back))
    record = json.loads((tmp_path / "result/fusion.json").read_text())
    assert [record["inputs"][role]["file"] for role in ("first", "second")] == ["adc.nii.gz", "flair.nii.gz"]
    assert read(tmp_path / "result").segments is not None

    alone = Case(views.scene)
    run(computations.load(alone, tmp_path / "result"))
    assert alone.exact is not None and alone.shown("exact", "second")["difference"] is None and "segmentation" in alone.nodes
    alone.set_input("second", read_input("second", files["second"]))
    run(computations.difference(alone, "exact", "second"))
    assert alone.shown("exact", "second")["difference"] is not None and alone.is_identical("exact", "second")
    alone.clear()

    async def open_beside_another_file() -> None:
        state = get_server("swapped").state
        state.update(INITIAL)
        viewer = Viewer(state, views, None, "cpu")
        await viewer.open(Opening({"first": read_input("first", files["second"])}, tmp_path / "result"))
        assert "is not the file that this result was fused from" in state.problem
        assert viewer.case.fusion is None and "first" in viewer.case.nodes
        viewer.case.clear()
        viewer.close()

    asyncio.run(open_beside_another_file())
