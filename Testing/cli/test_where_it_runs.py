"""Where people really run it: closed and broken outputs, encodings without letters, a broken connection, a folder that is gone."""
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ROOT, everything_in
from golden import HEAD

from FusionINNLib.cli import terminal
from FusionINNLib.cli.streams import Steady

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
COMMAND = [sys.executable, "-m", "FusionINNLib.cli"]


def shell(line, *words, cwd=None, **environment):
    """A line for the shell, in which "$@" is the command."""
    return subprocess.run(["bash", "-c", line, "bash", *COMMAND, *map(str, words)], capture_output=True, text=True, timeout=120, cwd=cwd,
                          errors="replace", env={**ENVIRONMENT, **environment})


def test_names_that_the_output_cannot_spell(fused_case, tmp_path, tiny_model):
    first, second = tmp_path / "脑 ADC.nii.gz", tmp_path / "žlutý Ω.nii.gz"
    shutil.copy(fused_case / "first.nii.gz", first)
    shutil.copy(fused_case / "second.nii.gz", second)
    done = shell('"$@"', "fuse", first, second, "--out", tmp_path / "výsledek", "--model", tiny_model, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0 and done.stderr.count("\n") == 2 and "Fused" in done.stdout, done.stderr
    assert (tmp_path / "výsledek/report.png").is_file()
    done = shell('"$@"', "fuse", first, tmp_path / "Ω.nii.gz", "--out", tmp_path / "new", "--model", tiny_model, PYTHONIOENCODING="ascii")
    assert done.returncode == 2 and "\\u03a9.nii.gz: there is no such file" in done.stderr and done.stderr.count("\n") == 1


def test_outputs_that_are_closed(fused_case, tmp_path, tiny_model):
    words = ("decompose", fused_case / "fused", "--out", tmp_path / "back", "--model", tiny_model)
    done = shell('"$@" <&- >&- 2>&-', *words)
    assert done.returncode == 0 and len(list((tmp_path / "back").iterdir())) == 3
    assert shell('"$@" <&- >&- 2>&-', *words).returncode == 2


@pytest.mark.parametrize("line", ['"$@" 2>&-',
                                  'set -o pipefail; "$@" 2>/dev/full | true',
                                  'set -o pipefail; { "$@" 2>&1 >/dev/null; } | true'])
def test_outputs_that_break(line):
    done = shell(line, "evaluate", *HEAD)
    assert done.returncode == 0 and done.stderr == ""


def test_a_result_that_cannot_be_printed():
    full = shell('"$@" >/dev/full', "evaluate", *HEAD)
    assert full.returncode == 2 and "No space left" in full.stderr and full.stderr.count("\n") == 1


def test_what_is_printed_by_others_goes_nowhere_near_a_file(tmp_path):
    """With standard error closed the first file that is opened would be number 2, into which libraries write."""
    code = ("import os, sys; from FusionINNLib.cli.streams import steady_streams\n"
            "with steady_streams():\n"
            "    file = open(sys.argv[1], 'w')\n    os.write(2, b'a warning of a library')\n    file.write('whole')")
    done = subprocess.run(["bash", "-c", '"$@" 2>&-', "bash", sys.executable, "-c", code, str(tmp_path / "a")], env=ENVIRONMENT)
    assert done.returncode == 0 and (tmp_path / "a").read_text() == "whole"


def test_steady_streams(capsys):
    steady = Steady(sys.stdout)
    assert steady.write("x") == 1 and steady.problem is None and not steady.isatty() and capsys.readouterr().out == "x"
    for broken in (Steady(None), Steady(open(os.devnull))):
        assert broken.write("x") == 1 and broken.problem is not None and broken.encoding
        broken.flush()


@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGTERM])
def test_a_broken_connection_leaves_nothing(fused_case, tmp_path, tiny_model, sent):
    process = subprocess.Popen([*COMMAND, "fuse", fused_case / "first.nii.gz", fused_case / "second.nii.gz", "--out", tmp_path / "out",
                                "--model", tiny_model], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*.part")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + sent and "Traceback" not in stderr and everything_in(tmp_path) == {}


@pytest.mark.parametrize("again", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_is_told_twice_does_not_break_off_the_clearing_away(again):
    """As `timeout`, `make` and schedulers tell it; one that comes much later counts."""
    code = ("import os, signal, sys, time\n"
            "from FusionINNLib.cli import run\n"
            "with run._stop_signals():\n"
            "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
            "    finally:\n"
            f"        os.kill(os.getpid(), {int(again)})\n        print('cleared')\n"
            "        run.time.monotonic = lambda now=time.monotonic(): now + run.AGAIN_S\n"
            f"        os.kill(os.getpid(), {int(again)})\n        print('never')\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stdout == "cleared\n" and done.returncode != 0


def test_a_run_that_is_to_survive_the_connection_does(fused_case, tmp_path, tiny_model):
    done = shell('trap "" HUP; "$@" & kill -HUP $!; sleep 1; kill -HUP $!; wait $!', "decompose", fused_case / "fused", "--out",
                 tmp_path / "back", "--model", tiny_model)
    assert done.returncode == 0 and (tmp_path / "back/report.png").is_file()


def test_ctrl_c_in_the_first_moment(fused_case, tmp_path, tiny_model):
    """At any time from when the program is loaded: its sentence, no traceback, exit code 130."""
    code = ("import os, signal, sys, threading\n"
            "from FusionINNLib.cli.__main__ import main\n"
            "timer = threading.Timer(float(sys.argv.pop(1)), os.kill, (os.getpid(), signal.SIGINT))\n"
            "threading.Thread(target=timer.run).start() or sys.exit(main())")
    for delay in (0.005, 0.05, 0.2, 0.5):
        done = subprocess.run([sys.executable, "-c", code, str(delay), "fuse", str(fused_case / "first.nii.gz"),
                               str(fused_case / "second.nii.gz"), "--out", str(tmp_path / "out"), "--model", tiny_model],
                              capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        assert done.returncode == 130, (delay, done.stderr)
        assert done.stderr.splitlines()[-1] == "fusioninn: Stopped: nothing was written." and "Traceback" not in done.stderr, delay
        assert everything_in(tmp_path) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="limits are counted otherwise elsewhere")
@pytest.mark.parametrize("kibibytes, words", [(80_000, "may take 78 MiB of memory here"), (120_000, "raise the limit (ulimit -v)"),
                                              (250_000, "no such file")])
def test_little_memory_is_said_in_one_sentence(kibibytes, words, tmp_path):
    done = shell(f'ulimit -v {kibibytes}; "$@"', "fuse", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", "--out", tmp_path / "out")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("fusioninn: ") and words in done.stderr


def test_a_working_folder_that_is_gone(fused_case, tmp_path, tiny_model):
    (tmp_path / "gone").mkdir()
    done = shell('rmdir ../gone; "$@"', "decompose", fused_case / "fused", "--out", tmp_path / "back", "--model", tiny_model,
                 cwd=tmp_path / "gone")
    assert done.returncode == 2 and done.stderr == ("fusioninn: The folder in which you stand does not exist any more: change to another "
                                                    "one, and try again.\n")


def test_results_right_here(fused_case, tmp_path, tiny_model):
    done = shell('"$@" && ls', "decompose", fused_case / "fused", "--out", ".", "--model", tiny_model, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.splitlines()[-3:] == ["first_exact.nii.gz", "report.png", "second_exact.nii.gz"]


def test_an_input_is_not_destroyed(fused_case, tmp_path, tiny_model):
    folder = Path(shutil.copytree(fused_case / "fused", tmp_path / "fused"))
    before = everything_in(tmp_path)
    done = shell('"$@"', "fuse", folder / "fused.nii.gz", fused_case / "second.nii.gz", "--out", folder, "--overwrite")
    assert done.returncode == 2 and "is read by this run" in done.stderr and everything_in(tmp_path) == before


def test_a_log_hears_of_long_work(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    log = terminal.Log()
    for done in range(1, 401):
        now[0] += 1
        log("fusing slices", done, 400)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7 and lines[0].endswith(" fusing slices: 10 of 400, about 6 min left") and lines[0][2] == ":"
    quick = terminal.Log()
    quick("fusing slices", 1, 1)
    assert capsys.readouterr().err == ""
