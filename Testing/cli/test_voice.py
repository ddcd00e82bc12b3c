"""Quiet, verbose, a log for machines, what would be done; and the other ways to start the command."""
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from command_line import ROOT, everything_in, run

from FusionINNLib.cli import terminal
from FusionINNLib.cli.__main__ import main
from FusionINNLib.methods import registry
from FusionINNLib.methods.cost import Cost


def decompose(fused_case, out, model, *options):
    return main(["decompose", str(fused_case / "fused"), "--out", str(out), "--model", model, "--device", "cpu", *map(str, options)])


def test_quiet_says_only_what_ends_the_run(fused_case, tmp_path, tiny_model, capsys):
    assert decompose(fused_case, tmp_path / "a", tiny_model, "--quiet") == 0 and capsys.readouterr() == ("", "")
    assert decompose(fused_case, tmp_path / "a", tiny_model, "-q") == 2
    assert capsys.readouterr().err.count("already holds") == 1
    assert main(["methods", "--quiet"]) == 0 and "fusioninn" in capsys.readouterr().out


def test_verbose_says_how_long_each_step_took(fused_case, tmp_path, tiny_model, capsys):
    assert decompose(fused_case, tmp_path / "a", tiny_model, "--verbose") == 0
    assert "decomposing slices: 6 of 6 in " in capsys.readouterr().err


def test_a_log_for_machines(fused_case, tmp_path, tiny_model, capsys):
    log = tmp_path / "log.jsonl"
    assert decompose(fused_case, tmp_path / "a", tiny_model, "--log", log) == 0
    assert decompose(fused_case, tmp_path / "a", tiny_model, "--log", log) == 2
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    levels = [line["level"] for line in lines]
    assert levels[0] == "start" and levels[-2:] == ["start", "error"] and levels.count("end") == 1 and "progress" in levels
    assert lines[-1]["exit_code"] == 2 and "already holds" in lines[-1]["message"] and lines[0]["command"] == "decompose"
    assert {"task": "decomposing slices", "done": 6, "total": 6}.items() <= next(line for line in lines if line.get("done") == 6).items()
    capsys.readouterr()
    assert decompose(fused_case, tmp_path / "b", tiny_model, "--log", tmp_path / "no/log") == 2
    assert "log" in capsys.readouterr().err and not (tmp_path / "b").exists()


def test_a_fusion_that_takes_long_says_so_before(fused_case, tmp_path, capsys):
    """In one line where it is more than a minute, and in a dry run always."""
    command = ["fuse", str(fused_case / "first.nii.gz"), str(fused_case / "second.nii.gz"), "--no-report", "--out"]
    seconds = {"slow": 1e6, "quick": 1.0}
    for name, one in seconds.items():
        registry.register(replace(registry.info("average"), name=name, title=name, cost=Cost(one)))
    try:
        assert main([*command, str(tmp_path / "slow"), "--method", "slow"]) == 0
        told = capsys.readouterr().err
        assert "voxels takes about" in told and "on one core" in told
        assert main([*command, str(tmp_path / "quick"), "--method", "quick"]) == 0
        assert "takes" not in capsys.readouterr().err
        assert main([*command, str(tmp_path / "dry"), "--method", "quick", "--dry-run"]) == 0
        assert "voxels takes a few seconds." in capsys.readouterr().out
    finally:
        for name in seconds:
            registry.unregister(name)


def test_a_line_of_a_terminal_says_how_long_it_will_go_on(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(terminal.TimeLeft.__init__, "__defaults__", (lambda: now[0],))
    count = terminal.Count()
    for done in range(1, 11):
        count("fusing slices", done, 10)
        now[0] += 2
    lines = capsys.readouterr().err.split("\r")[1:]
    assert lines[0] == "fusing slices: 1 of 10 " and lines[4] == "fusing slices: 5 of 10, about 10 s left "
    assert lines[7].startswith("fusing slices: 8 of 10   ") and lines[9].endswith("\n"), "what stood there before is written over"


def test_a_dry_run_checks_and_does_nothing(fused_case, tmp_path, tiny_model, capsys):
    first, second, before = fused_case / "first.nii.gz", fused_case / "second.nii.gz", everything_in(fused_case)
    commands = {"fuse": ["fuse", first, second], "exactly": ["decompose", fused_case / "fused"],
                "estimate": ["decompose", fused_case / "fused/fused.nii.gz", "--estimate"]}
    for words, command in commands.items():
        assert main([*map(str, command), "--out", str(tmp_path / "out"), "--model", tiny_model, "--dry-run"]) == 0
        said = capsys.readouterr().out
        assert words in said and "Nothing was written" in said and "voxels of" in said
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("x")
    for command in commands.values():
        assert main([*map(str, command), "--out", str(tmp_path / "full"), "--model", tiny_model, "--dry-run"]) == 2
    assert everything_in(fused_case) == before and not (tmp_path / "out").exists()


def test_what_needs_no_network_is_refused_without_it(fused_case, tmp_path):
    """Mistyped paths, bad files, an occupied folder, and a dry run, in a process that has not loaded torch at its end."""
    code = ("import sys; from FusionINNLib.cli.__main__ import main; code = main(sys.argv[1:]); "
            "sys.exit(99 if 'torch' in sys.modules else code)")
    first, second = fused_case / "first.nii.gz", fused_case / "second.nii.gz"
    (tmp_path / "text.nii.gz").write_text("hello")
    for words, expected in ((["fuse", first, tmp_path / "none.nii.gz", "--out", tmp_path / "a"], 2),
                            (["fuse", first, tmp_path / "text.nii.gz", "--out", tmp_path / "a"], 2),
                            (["fuse", first, second, "--out", tmp_path / "a", "--dry-run"], 0),
                            (["fuse", first, second, "--out", tmp_path / "a", "--device", "tpu"], 2),
                            (["decompose", tmp_path, "--out", tmp_path / "a"], 2)):
        done = subprocess.run([sys.executable, "-c", code, *map(str, words)], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == expected, (words, done.stderr)


def test_a_picture_only_where_it_is_wanted(fused_case, tmp_path, tiny_model, capsys):
    fuse = ["fuse", str(fused_case / "first.nii.gz"), str(fused_case / "second.nii.gz"), "--model", tiny_model, "--no-report"]
    assert main([*fuse, "--out", str(tmp_path / "out")]) == 0 and "report.png" not in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["fused.nii.gz", "fusion.json", "latent.nii.gz"]
    assert (tmp_path / "out/fused.nii.gz").read_bytes() == (fused_case / "fused/fused.nii.gz").read_bytes()
    assert decompose(fused_case, tmp_path / "back", tiny_model, "--no-report") == 0
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == ["first_exact.nii.gz", "second_exact.nii.gz"]


def test_help_names_exit_codes_and_completion_is_there(capsys):
    for words in (["--help"], ["fuse", "--help"], ["cohort", "--help"]):
        with pytest.raises(SystemExit):
            main(words)
        assert "130 stopped with Ctrl-C" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit) as left:
        main(["--print-completion", "bash"])
    script = capsys.readouterr().out
    assert left.value.code == 0 and "--dry-run" in script and "participant" in script
    if shutil.which("bash"):
        assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


@pytest.mark.parametrize("module", ["FusionINNLib", "fusioninn"])
def test_started_as_a_module(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("fusioninn 0.")


def test_a_refusal_comes_soon(tmp_path):
    started = time.process_time()
    assert run("fuse", "a.nii.gz", "b.nii.gz", "--out", tmp_path / "out")[0] == 2 and time.process_time() - started < 1
