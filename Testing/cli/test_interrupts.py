"""Stopped, killed or out of disk: no half-written result is ever taken for a whole one, and what was there before is still there."""
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from FusionINNLib.cli import commands, sources
from FusionINNLib.cli.__main__ import main
from FusionINNLib.progress import Progress
from FusionINNLib.reports import page as report_page
from FusionINNLib.results.folder import read_fusion
from FusionINNLib.volumes import nifti

ROOT = Path(__file__).resolve().parents[2]

# Runs the command in a process of its own, which tells when it is in the middle of the work and then waits to be stopped.
MIDDLE = """
import sys, time
import FusionINNLib.{module} as place
from FusionINNLib.cli import __main__ as cli
whole = place.{function}
calls = []
def stop_here(*arguments, **options):
    calls.append(1)
    if len(calls) == {call}:
        print("in the middle", flush=True)
        time.sleep(3)  # a worker thread, which ends what it is at, is not interrupted in it
    return whole(*arguments, **options)
place.{function} = stop_here
sys.exit(cli.main(sys.argv[1:]))
"""
PLACES = {"fusing": ("methods.fusioninn.inference", "Engine.fuse", 4), "writing": ("results.folder", "write_nifti", 2),
          "drawing": ("reports.report", "fusion_report", 1)}


def everything_in(folder):
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def arguments(fused_case, out, model):
    return ["fuse", str(fused_case / "first.nii.gz"), str(fused_case / "second.nii.gz"), "--out", str(out), "--model", model,
            "--device", "cpu", "--overwrite"]


def stopped(place, sent, fused_case, out, model):
    """The command, sent a signal in the middle; (exit code, stderr)."""
    module, function, call = PLACES[place]
    code = MIDDLE.format(module=module, function=function, call=call)
    process = subprocess.Popen([sys.executable, "-c", code, *arguments(fused_case, out, model)], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    try:
        assert process.stdout.readline() == "in the middle\n", process.stderr.read()
        time.sleep(0.1)
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return process.returncode, stderr


@pytest.fixture
def earlier(fused_case, tmp_path, tiny_model):
    """A folder with an earlier result, and what is in it."""
    out = tmp_path / "out"
    assert main(arguments(fused_case, out, tiny_model)) == 0
    return out, everything_in(tmp_path)


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_leaves_what_was_there(place, fused_case, tmp_path, tiny_model, earlier):
    out, before = earlier
    code, stderr = stopped(place, signal.SIGINT, fused_case, out, tiny_model)
    assert code == 130 and "Traceback" not in stderr
    assert stderr.strip().splitlines()[-1] == "fusioninn: Stopped: nothing was written."
    assert everything_in(tmp_path) == before


def test_ctrl_c_before_anything_was_there(fused_case, tmp_path, tiny_model):
    code, _ = stopped("writing", signal.SIGINT, fused_case, tmp_path / "new/out", tiny_model)
    assert code == 130 and list(tmp_path.iterdir()) == []


def test_terminated(fused_case, tmp_path, tiny_model, earlier):
    out, before = earlier
    code, stderr = stopped("writing", signal.SIGTERM, fused_case, out, tiny_model)
    assert code == 143 and "Traceback" not in stderr and everything_in(tmp_path) == before


def test_killed(fused_case, tmp_path, tiny_model, earlier):
    """Nothing can be cleared away after SIGKILL, but what is left does not look like a result, and the next run clears it away."""
    out, before = earlier
    code, _ = stopped("drawing", signal.SIGKILL, fused_case, out, tiny_model)
    assert code == -signal.SIGKILL
    after = everything_in(tmp_path)
    assert before.items() <= after.items() and all(path.parts[1].startswith(".out.") for path in after.keys() - before.keys())
    read_fusion(out)
    assert main(arguments(fused_case, out, tiny_model)) == 0 and everything_in(tmp_path).keys() == before.keys()
    assert stopped("drawing", signal.SIGKILL, fused_case, tmp_path / "new", tiny_model)[0] == -signal.SIGKILL
    assert not (tmp_path / "new").exists()
    assert main(arguments(fused_case, tmp_path / "new", tiny_model)) == 0
    read_fusion(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "out"]


@pytest.mark.parametrize("where", ["voxels", "record", "picture"])
def test_disk_full(where, fused_case, tmp_path, tiny_model, earlier, monkeypatch, capsys):
    out, before = earlier
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*arguments, **options):
        raise full

    if where == "voxels":
        monkeypatch.setattr(nifti, "_write_content", fail)
    elif where == "record":
        monkeypatch.setattr(Path, "write_text", fail)
    else:
        monkeypatch.setattr(report_page.Image.Image, "save", fail)
    capsys.readouterr()
    for folder in (out, tmp_path / "new/out"):
        code = main(arguments(fused_case, folder, tiny_model))
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fusioninn: ")]
        assert code == 2 and len(lines) == 1 and "No space left on device" in lines[0] and "free" in lines[0]
        assert everything_in(tmp_path) == before


def test_a_really_full_disk(fused_case, tmp_path, tiny_model, earlier, capsys):
    """Against the operating system's own limit: no file of this process may grow beyond some bytes."""
    out, before = earlier
    code = ("import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            "import FusionINNLib.cli.commands, FusionINNLib.reports.report; from FusionINNLib.cli import __main__ as cli; "
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); sys.exit(cli.main(sys.argv[1:]))")
    done = subprocess.run([sys.executable, "-c", code, *arguments(fused_case, out, tiny_model)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.strip().splitlines()[-1].startswith("fusioninn: ")
    assert everything_in(tmp_path) == before


def test_ways_back_are_stopped_too(fused_case, tmp_path, tiny_model, monkeypatch, capsys):
    """Progress is where commands are stopped from; a cancel there ends like Ctrl-C."""
    def stopping():
        progress = Progress()
        progress.cancel()
        return progress

    monkeypatch.setattr(commands, "_progress", stopping)
    for source, options in ((fused_case / "fused", []), (fused_case / "fused/fused.nii.gz", ["--estimate"])):
        assert main(["decompose", str(source), "--out", str(tmp_path / "out"), "--model", tiny_model, "--device", "cpu", *options]) == 130
        assert capsys.readouterr().err == "fusioninn: Stopped: nothing was written.\n" and list(tmp_path.iterdir()) == []


def test_memory_that_ran_out_is_said(fused_case, tmp_path, tiny_model, monkeypatch, capsys):
    def fail(*arguments, **choices):
        raise MemoryError

    monkeypatch.setattr(sources, "read_scan", fail)
    assert main(arguments(fused_case, tmp_path / "out", tiny_model)) == 2
    assert "not enough memory" in capsys.readouterr().err and list(tmp_path.iterdir()) == []
