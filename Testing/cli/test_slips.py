"""Slips of the hand and damaged records: said in one sentence before any work, and nothing of the user's is touched."""
import gzip
import json
import os
import shutil
import signal

import pytest
from command_line import everything_in

from FusionINNLib.cli import commands, sources
from FusionINNLib.cli import run as running
from FusionINNLib.cli.__main__ import main
from FusionINNLib.cli.view import undisturbed
from FusionINNLib.errors import InputError
from FusionINNLib.json_text import parsed
from FusionINNLib.phantom import case


@pytest.fixture
def pair(fused_case, tmp_path):
    """A folder of its own with both volumes, and what is in it."""
    for name in ("first.nii.gz", "second.nii.gz"):
        shutil.copy(fused_case / name, tmp_path / name)
    return tmp_path, everything_in(tmp_path)


def refused(capsys, words, *arguments):
    assert main([*map(str, arguments)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("fusioninn: ") and told.count("\n") == 1 and words in told, told


def test_a_log_is_not_added_to_what_is_no_log(pair, capsys):
    folder, before = pair
    fuse = ["fuse", folder / "first.nii.gz", folder / "second.nii.gz", "--method", "average", "--out", folder / "out", "--log"]
    refused(capsys, "is no log", *fuse, folder / "first.nii.gz")
    assert everything_in(folder) == before
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")  # which nobody reads
        refused(capsys, "cannot be written", *fuse, folder / "pipe")
        (folder / "pipe").unlink()
    refused(capsys, "inside the folder for the results", *fuse, folder / "out/log.jsonl")
    (folder / "out").mkdir()
    refused(capsys, "inside the folder for the results", *fuse, folder / "out/log.jsonl")
    assert list((folder / "out").iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_a_log_that_cannot_be_written_to_its_end(fused_case, tmp_path, tiny_model, capsys):
    assert main(["decompose", str(fused_case / "fused"), "--out", str(tmp_path / "out"), "--model", tiny_model, "--log", "/dev/full"]) == 0


@pytest.mark.parametrize("arguments", [["fuse", "a.nii", "b.nii", "--out", ""], ["fuse", "", "b.nii", "--out", "out"],
                                       ["fuse", "a.nii", "b.nii", "--out", "out", "--model", ""],
                                       ["decompose", "result", "--out", "out", "--samples", "9" * 30],
                                       ["decompose", "result", "--out", "out", "--samples", "0"],
                                       ["fuse", "a.nii", "b.nii", "--out", "out", "--seed", str(2 ** 63)], ["view", "--port", "65536"]])
def test_words_that_make_no_sense(arguments, capsys):
    """An empty path, as from a variable that is not set, would be the folder in which the user stands."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2 and "give a" in capsys.readouterr().err


def test_an_adc_map_does_not_take_the_place_of_its_series(pair, capsys):
    folder, before = pair
    (folder / "link.nii.gz").symlink_to(folder / "first.nii.gz")
    for name in ("first.nii.gz", "link.nii.gz"):
        refused(capsys, "is read by this run", "adc", folder / "first.nii.gz", "--out", folder / name, "--overwrite")
    (folder / "folder.nii.gz").mkdir()
    refused(capsys, "is a folder", "adc", folder / "first.nii.gz", "--out", folder / "folder.nii.gz", "--overwrite")
    assert before.items() <= everything_in(folder).items()


def test_a_folder_that_is_read_is_not_replaced(pair, capsys):
    folder, _ = pair
    (folder / "study").mkdir()
    (folder / "first.nii.gz").rename(folder / "study/fused.nii.gz")
    before = everything_in(folder)
    refused(capsys, "is read by this run", "fuse", folder / "study", folder / "second.nii.gz", "--out", folder / "study", "--overwrite",
            "--method", "average")
    assert everything_in(folder) == before


def test_records_nested_deeper_than_python_follows(fused_case, tmp_path, tiny_model, capsys):
    deep = "[" * 200_000
    with pytest.raises(ValueError, match="too deep"):
        parsed(deep)
    folder = shutil.copytree(fused_case / "fused", tmp_path / "fused")
    (folder / "fusion.json").write_text(deep)
    refused(capsys, "damaged", "decompose", folder, "--out", tmp_path / "out", "--model", tiny_model)
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / "card.json").write_text(deep)
    refused(capsys, "damaged", "decompose", fused_case / "fused", "--out", tmp_path / "out", "--model", model)


@pytest.mark.parametrize("problem", [RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
                                     ImportError("libtorch.so: failed to map segment from shared object"),
                                     RuntimeError("can't start new thread")])
def test_memory_that_runs_out_in_a_library(pair, problem, monkeypatch, capsys):
    def fail(*arguments, **choices):
        raise problem

    folder, _ = pair
    monkeypatch.setattr(sources, "read_scan", fail)
    refused(capsys, "not enough memory", "fuse", folder / "first.nii.gz", folder / "second.nii.gz", "--out", folder / "out")
    assert not running._is_memory(InputError("something else"))


def test_a_cohort_whose_records_are_damaged(tmp_path, capsys):
    state = tmp_path / ".fusioninn"
    state.mkdir()
    for content in ("", "[]", "{}", "[" * 200_000, json.dumps({"case": "a", "folder": "a"})):
        (state / "a.json").write_text(content)
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a/metrics.json").write_text('{"Q": "x"}')
        refused(capsys, "is damaged", "cohort", tmp_path / "data", tmp_path, "group")


@pytest.mark.parametrize("names, words", [(("a b", "a?b"), "would both have their results"), (("a", "cohort.json"), "cannot be called")])
def test_cases_whose_results_would_meet(tmp_path, capsys, names, words):
    (tmp_path / "cases.csv").write_text("case,first,second\n" + "".join(f"{name},x.nii,y.nii\n" for name in names))
    refused(capsys, words, "cohort", tmp_path / "cases.csv", tmp_path / "out", "participant")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_in_place_of_files_are_not_waited_for(fused_case, tmp_path, tiny_model, capsys):
    os.mkfifo(tmp_path / "pipe.img")
    for name in ("pipe.bval", "pipe.pt", "pipe.png"):
        os.mkfifo(tmp_path / name)
    with gzip.open(fused_case / "first.nii.gz") as file:
        header = file.read(348)
    (tmp_path / "pipe.hdr").write_bytes(header[:344] + b"ni1\0")
    folder = shutil.copytree(fused_case / "fused", tmp_path / "fused")
    (folder / "fusion.json").unlink()
    os.mkfifo(folder / "fusion.json")
    out = ("--out", tmp_path / "out")
    words = "neither a file nor a folder"
    refused(capsys, words, "fuse", tmp_path / "pipe.hdr", fused_case / "second.nii.gz", "--method", "average", *out)
    refused(capsys, words, "adc", fused_case / "first.nii.gz", "--bval", tmp_path / "pipe.bval", "--out", tmp_path / "adc.nii.gz")
    refused(capsys, words, "import-model", tmp_path / "pipe.pt", *out)
    refused(capsys, words, "evaluate", *[tmp_path / "pipe.png"] * 3)
    refused(capsys, "holds no fusion.json", "decompose", folder, *out)
    assert main(["decompose", str(folder / "fused.nii.gz"), "--estimate", "--samples", "1", "--model", tiny_model, "--dry-run",
                 *map(str, out)]) == 0


def test_names_that_give_orders_to_terminals(tmp_path, capsys):
    refused(capsys, r"a\nb\x1b[31m.nii.gz", "fuse", tmp_path / "a\nb\x1b[31m.nii.gz", tmp_path / "b.nii.gz", "--out", tmp_path / "out")


def test_an_option_that_would_count_for_nothing(pair, capsys):
    folder, _ = pair
    refused(capsys, "--bval is for --first-adc", "fuse", folder / "first.nii.gz", folder / "second.nii.gz", "--bval", folder / "x.bval",
            "--out", folder / "out")


def test_a_cohort_whose_results_cannot_be_written_is_refused_before_workers_start(pair, capsys):
    folder, _ = pair
    (folder / "cases.csv").write_text("case,first,second\n1,first.nii.gz,second.nii.gz\n")
    refused(capsys, "cannot be made", "cohort", folder / "cases.csv", folder / "cases.csv/out", "participant", "--method", "average")


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signals that wait")
def test_ctrl_c_waits_until_the_page_is_loaded():
    loaded = []
    with pytest.raises(KeyboardInterrupt), undisturbed():
        signal.raise_signal(signal.SIGINT)  # to this very thread: those of a test runner are not masked
        loaded.append(True)
    assert loaded


@pytest.mark.parametrize("there", [False, True])
def test_a_demonstration_that_is_stopped_leaves_nothing(tmp_path, tiny_model, monkeypatch, capsys, there):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(case, "write_sample_case", lambda folder: (folder.mkdir(parents=True), (folder / "adc.nii.gz").write_text("x")))
    monkeypatch.setattr(commands, "fuse", stop)
    if there:
        (tmp_path / "demo").mkdir()
    assert main(["demo", "--out", str(tmp_path / "demo"), "--model", tiny_model]) == 130
    assert "nothing was written" in capsys.readouterr().err and len(everything_in(tmp_path)) == there
