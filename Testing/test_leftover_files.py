"""Hidden files that a killed run leaves beside a single file are cleared away by the next run that writes this file, and no others."""
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command_line import ROOT
from making import head, volume

from FusionINNLib import leftovers
from FusionINNLib.atomic import check_file
from FusionINNLib.cli.__main__ import main
from FusionINNLib.volumes.nifti import write_nifti

HANGING = """
import os, signal, sys
from pathlib import Path
from FusionINNLib import leftovers
path = leftovers.draw_file_name(Path(sys.argv[1]))
file = open(path, "xb")
leftovers.hold(file)
file.write(b"half")
file.flush()
print(path.name, flush=True)
sys.stdin.read()
"""
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed so there")


@pytest.fixture
def hanging():
    """Starts processes that are in the middle of writing a file; ends them."""
    running = []

    def start(path):
        child = subprocess.Popen([sys.executable, "-c", HANGING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "PYTHONPATH": str(ROOT)})
        running.append(child)
        return child, path.parent / child.stdout.readline().strip()

    yield start
    for child in running:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def test_what_a_killed_run_left_is_cleared_by_the_next_of_the_same_name(tmp_path, hanging):
    child, left = hanging(tmp_path / "adc.nii.gz")
    other, elsewhere = hanging(tmp_path / "other.nii.gz")
    assert left.read_bytes() == elsewhere.read_bytes() == b"half"
    check_file(tmp_path / "adc.nii.gz", False)
    assert left.exists(), "its run lives"
    for one in (child, other):
        one.kill()
        one.wait()
    check_file(tmp_path / "adc.nii.gz", False)
    assert not left.exists() and elsewhere.exists()
    leftovers.clear_files(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_clears_too(tmp_path, hanging, capsys):
    array = head(shape=(6, 40, 44)).astype(np.float32)
    write_nifti(volume(array, "series"), tmp_path / "series.nii.gz")
    child, left = hanging(tmp_path / "adc.nii.gz")
    child.kill()
    child.wait()
    assert main(["adc", str(tmp_path / "series.nii.gz"), "--out", str(tmp_path / "adc.nii.gz")]) == 2  # no b-values: refused after that
    assert not left.exists()


def test_files_of_other_machines_and_of_others_stay(tmp_path, monkeypatch):
    left = leftovers.draw_file_name(tmp_path / "adc.nii.gz")
    left.write_bytes(b"half")
    mine = [tmp_path / ".adc.nii.gz.partial", tmp_path / ".adc.nii.gz.0123abcd.part"]
    for path in mine:
        path.write_bytes(b"mine")
    (tmp_path / ".adc.nii.gz.0123abcd.partial").symlink_to(mine[0])
    monkeypatch.setattr(leftovers, "_machine", lambda: "none")
    check_file(tmp_path / "adc.nii.gz", False)
    assert left.exists(), "its lock may not be seen here"
    os.utime(left, (time.time() - 2 * 24 * 3600,) * 2)
    check_file(tmp_path / "adc.nii.gz", False)
    assert not left.exists() and all(path.exists() for path in mine) and len(list(tmp_path.iterdir())) == 3
