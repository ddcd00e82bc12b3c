"""What the page says and which buttons can be clicked, from plain data. Needs neither slicer nor a browser."""
import math
from pathlib import Path

import pytest

from FusionINNLib.cli import __main__ as cli
from FusionINNLib.cli.view import check_libraries, check_result, split
from FusionINNLib.errors import FusionINNError, InputError, ResultError
from FusionINNLib.evaluation.case_metrics import Row
from FusionINNLib.jobs.job import Step
from FusionINNLib.phantom.case import small_case
from FusionINNLib.viewer import messages
from FusionINNLib.viewer.inputs import Input, labels_of, read_input
from FusionINNLib.viewer.state import INITIAL, Facts, reasons

BOTH = frozenset({"first", "second"})


def why(**facts) -> dict[str, str]:
    method, pair = facts.pop("method", "exact"), facts.pop("pair", "inputs")
    return reasons(Facts(**facts), method, pair)


def test_at_first_only_files_can_be_chosen():
    assert {name for name, reason in why().items() if not reason} == {"choose", "sample"}


def test_what_can_be_done_when():
    assert why(inputs=frozenset({"first"}))["fuse"] and not why(inputs=BOTH)["fuse"]
    fused = why(inputs=BOTH, fused=True)
    assert not fused["decompose"] and not fused["download"] and not fused["numbers"]
    changed = {"inputs": BOTH, "fused": True, "exact_problem": "Not possible: changed."}
    assert why(**changed)["decompose"] == "Not possible: changed." == why(**changed)["download"]
    assert not why(**changed, method="estimated")["decompose"]


def test_while_computing_only_cancel_can_be_clicked():
    running = why(inputs=BOTH | {"segmentation"}, fused=True, running=True, shown=BOTH)
    assert {name for name, reason in running.items() if not reason} == {"cancel", "blink", "segmentation"}


@pytest.mark.parametrize(("pair", "shown", "possible"), [
    ("inputs", BOTH, True), ("firstFused", BOTH, False), ("firstFused", BOTH | {"fused"}, True),
    ("firstDecomposed", BOTH | {"fused"}, False)])
def test_blinking_needs_both(pair, shown, possible):
    assert (not why(pair=pair, shown=shown)["blink"]) is possible


@pytest.mark.parametrize(("facts", "method", "words"), [
    ({}, "estimated", "by an estimate first"), ({"shown": BOTH | {"decomposedFirst"}}, "exact", "nothing in them is guessed"),
    ({"shown": BOTH | {"decomposedFirst"}}, "estimated", ""), ({"only_fuses": "It only fuses."}, "exact", "It only fuses.")])
def test_only_estimates_have_an_interval(facts, method, words):
    reason = why(method=method, **facts)["interval"]
    assert words in reason and bool(reason) == bool(words)


def test_the_page_starts_with_every_word_it_uses():
    assert set(INITIAL["views"]["first"]) == {"title", "estimated", "filled", "empty"}
    assert INITIAL["method"] == "exact" and INITIAL["reference"] == "second" and INITIAL["samples"] == 8 and INITIAL["seed"] == 0


@pytest.mark.parametrize(("step", "words"), [
    (Step("fusing slices", 3, 46), "Fusing slice 3 of 46"), (Step("estimating slices", 1, 8), "Estimating slice 1 of 8"),
    (Step("measuring", 0, 1), "Measuring ..."), (Step("writing files", 1, 3), "Writing files: 33 %")])
def test_steps_in_words(step, words):
    assert messages.step_text(step) == words
    assert messages.step_text(step, "2 min") == (f"{words}, about 2 min left" if step.total > 1 else words)


def test_an_estimate_is_called_so():
    names = {"first": "adc", "second": "flair"}
    exact = messages.view("decomposedFirst", names, True, False, "exact", "second", True, False)
    guess = messages.view("decomposedFirst", names, True, True, "estimated", "second", True, False)
    assert exact["title"] == "Exact adc" and guess["title"] == "Estimated adc" and guess["estimated"]
    assert messages.view("difference", names, True, True, "estimated", "first", True, False)["title"] == "Estimated − adc"
    empty = messages.view("difference", names, False, False, "exact", "first", False, False)
    assert empty["title"] == "Difference" and empty["empty"] == "Not decomposed yet"
    assert messages.view("difference", names, False, False, "exact", "first", True, False)["empty"] == "The source is not loaded"
    assert messages.view("difference", names, False, False, "exact", "first", True, True)["empty"] == "Not compared yet"


def test_what_was_moved_in_words():
    rigid = {"mode": "rigid", "resampled": True, "moved": "adc", "shift_mm": 3.42, "rotation_deg": 2.31, "similarity_before": 0.766,
             "similarity_after": 1.059}
    assert messages.moved(rigid) == "adc was moved by 3.4 mm on average and 2.3° (mutual information 0.766 → 1.059 bits)."
    assert "by the headers alone" in messages.moved(rigid | {"mode": "header"})
    assert messages.moved({"mode": "none", "resampled": False}) == "Both volumes lie on one grid; nothing was moved."
    assert messages.moved({}) == ""


def test_the_table_of_numbers():
    rows = (Row("q_ssim", "whole volume", 0.5678), Row("q_ssim", "segmentation", math.nan), Row("mi", "whole volume", 2.0),
            Row("first_spread_mean", "whole volume", 12345.6, "um2/s"))
    table = messages.table(rows)
    assert table["columns"] == ["whole volume", "segmentation"]
    assert [line["cells"] for line in table["lines"]] == [["0.568", "not defined"], ["2.000", ""], ["12346", ""]]
    assert table["lines"][0]["name"] == "Q SSIM" and "SSIM" in table["lines"][0]["words"]
    assert table["lines"][2]["name"] == "first: spread, mean [um2/s]"


def test_a_window_in_words():
    assert messages.window({"low": 0.0, "high": 3100.0, "least": -5.0, "most": 4000.0})["words"] == ["0", "3100"]
    small = messages.window({"low": 0.0, "high": 1.0, "least": -0.1, "most": 1.2})
    assert small["words"] == ["0.000", "1.000"] and small["step"] == pytest.approx(0.001)


def test_labels_keep_their_names():
    case = small_case()
    found = labels_of(case.segmentation, {1: "cavity"})
    assert set(found) == {1, 2, 4} and found[1][0] == "cavity" and found[4][0] == "label 4"
    assert len({color for _, color in found.values()}) == 3
    words = messages.described(Input(case.segmentation, "tumour.nii.gz", "", found))
    assert [label["name"] for label in words["labels"]] == ["cavity", "label 2", "label 4"] and words["grid"].startswith("60 × 64 × 24, ")


# ---- the command line ------------------------------------------------------------------------------------------------------------------


def paths(*names):
    return [Path(name) for name in names]


def test_which_path_is_what():
    assert split([], None) == ({}, None)
    assert split(paths("result"), None) == ({}, Path("result"))
    assert split(paths("a", "b"), Path("s")) == ({"first": Path("a"), "second": Path("b"), "segmentation": Path("s")}, None)
    assert split(paths("a", "b", "result"), None) == ({"first": Path("a"), "second": Path("b")}, Path("result"))
    with pytest.raises(InputError, match="more than three"):
        split(paths("a", "b", "c", "d"), None)
    with pytest.raises(InputError, match="segmentation alone"):
        split([], Path("s"))


@pytest.mark.parametrize("given", [["a", "b", "--segmentation", "s", "result"], ["--segmentation", "s", "a", "b", "result"],
                                   ["a", "--port", "0", "b", "result", "--segmentation", "s"]])
def test_paths_may_stand_on_both_sides_of_an_option(given, monkeypatch):
    seen = []
    monkeypatch.setattr("FusionINNLib.cli.view.view", seen.append)
    assert cli.main(["view", *given]) == 0
    assert seen[0].paths == paths("a", "b", "result") and seen[0].segmentation == Path("s")


@pytest.mark.parametrize("given", [["view", "a", "b", "--nonsense"], ["fuse", "a", "b", "c", "--out", "d"]])
def test_what_nobody_knows_is_refused(given, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(given)
    assert stopped.value.code == 2 and "unrecognized arguments" in capsys.readouterr().err


def test_bad_files_are_refused_before_the_page_opens(tmp_path, capsys):
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    for given in ([tmp_path / "bad.nii.gz", tmp_path / "bad.nii.gz"], [tmp_path / "absent"], [tmp_path], [tmp_path / "bad.nii.gz"]):
        assert cli.main(["view", "--no-browser", *map(str, given)]) == 2
        said = capsys.readouterr().err
        assert said.startswith("fusioninn: ") and len(said.strip().splitlines()) == 1
    with pytest.raises(ResultError, match="no fusion.json"):
        check_result(tmp_path)


def test_without_trame_slicer_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["view"]) == 2
    assert "make view" in capsys.readouterr().err


def test_a_segmentation_is_read_as_one(files):
    assert set(read_input("segmentation", files["segmentation"]).labels) == {1, 2, 4}
    assert read_input("first", files["first"]).labels == {} and read_input("first", files["first"]).file == "adc.nii.gz"


def test_missing_libraries_are_said(monkeypatch):
    monkeypatch.setattr("FusionINNLib.cli.view._has", lambda library: library != "libEGL.so.1" and library != "libOSMesa.so.8")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(FusionINNError, match="apt-get install libx11-6 libegl1"):
        check_libraries()
    monkeypatch.setattr("FusionINNLib.cli.view._has", lambda library: True)
    check_libraries()
