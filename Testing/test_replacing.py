"""A file is replaced whole or not at all, by everything in library and training that replaces one."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from FusionINNLib import atomic
from FusionINNLib.atomic import appearing, replacing
from FusionINNLib.errors import FusionINNError
from FusionINNLib.jobs import files as job_files
from FusionINNLib.reports import page
from FusionINNLib.steps import finish
from FusionINNLib.volumes.nifti import write_nifti
from FusionINNLib.volumes.volume import Volume
from training import cached
from training.ablation import train as ablation
from training.cli import commands, tables
from training.data import prepare
from training.loop import run_settings, trainer

BEFORE = b"what was there before"


def _copied_run(path: Path) -> None:
    begun = path.parent / "begun"
    begun.mkdir(exist_ok=True)
    for name in ("config.json", ablation.RECORD, "log.csv", "best.pt", "last.pt"):
        (begun / name).write_bytes(b"of the run")
    ablation._copy_run(begun, path.parent)


# Everything that replaces a file: the file's name, and what writes it.
WRITERS = {
    "volume": ("v.nii.gz", lambda path: write_nifti(Volume(np.zeros((2, 3, 4), np.int16), np.eye(4), "v"), path)),
    "page of pictures": ("report.png", lambda path: page.save(Image.new("L", (8, 8)), path)),
    "file of a job": ("answer", lambda path: finish(job_files.writing(path, np.arange(5)))),
    "checkpoint": ("last.pt", lambda path: trainer._save({"network": torch.zeros(3)}, path)),
    "results of an evaluation": ("results.md", lambda path: commands._write(path, b"text")),
    "tables": ("ablation.md", lambda path: tables.write_all(path.parent, "ablation", "text", "csv", "json", {})),
    "prepared case": ("case.npz", lambda path: prepare.save(prepare.PreparedCase(
        "case", ["t1"], np.zeros((1, 2, 3, 4), np.int16), np.zeros(1), np.ones(1), np.zeros((2, 3, 4), np.uint8)), path)),
    "kept figures": ("figures.json", lambda path: cached.cached(path, "key", lambda: {"one": 1})),
    "history of a run": (run_settings.HISTORY, lambda path: run_settings.record(path.parent, 5, {"steps": [1, 2]})),
    "copied run": ("last.pt", _copied_run),
}


@pytest.fixture(params=WRITERS)
def writer(request, tmp_path, monkeypatch):
    """(the file, already there; what replaces it)."""
    monkeypatch.setattr("builtins.print", lambda *words, **options: None)
    name, write = WRITERS[request.param]
    path = tmp_path / name
    path.write_bytes(json.dumps([]).encode() if name == run_settings.HISTORY else BEFORE)
    return path, lambda: write(path)


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".") or "part" in path.name]


def test_a_written_file_is_whole_and_alone(writer):
    path, write = writer
    before = path.read_bytes()
    write()
    assert path.read_bytes() != before and hidden(path.parent) == []


@pytest.mark.parametrize("problem", [KeyboardInterrupt, SystemExit, OSError], ids=lambda kind: kind.__name__)
def test_none_leaves_a_part_behind(writer, problem, monkeypatch):
    """Interrupted with all bytes written and only the name missing: the file of before stays, and nothing beside it."""
    path, write = writer
    before, seen = path.read_bytes(), []

    def interrupted(source, target):
        seen.append((Path(source).exists(), Path(target)))
        raise problem

    monkeypatch.setattr(atomic.os, "replace", interrupted)
    with pytest.raises(BaseException) as raised:
        write()
    assert isinstance(raised.value, (problem, FusionINNError) if problem is OSError else problem), "some say it in a sentence"
    assert seen == [(True, path)] and path.read_bytes() == before and hidden(path.parent) == []


@pytest.mark.parametrize("function", [replacing, appearing])
def test_interrupted_while_writing(function, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(BEFORE)
    with pytest.raises(KeyboardInterrupt), function(path) as file:
        file.write(b"half")
        assert len(list(tmp_path.iterdir())) == 2 and path.read_bytes() == BEFORE
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == BEFORE


def test_two_that_write_at_once_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as first, replacing(path) as second:
        first.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first" and list(tmp_path.iterdir()) == [path]


def test_a_job_file_that_is_given_up_goes(tmp_path):
    """Its steps are left half way, as when a job is cancelled."""
    writing = job_files.writing(tmp_path / "file", np.zeros(20 * 2 ** 20, np.uint8))
    next(writing)
    assert len(list(tmp_path.iterdir())) == 1
    writing.close()
    assert list(tmp_path.iterdir()) == []


def test_the_disk_is_waited_for_only_where_a_file_is_kept(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(atomic.os, "fsync", waited.append)
    with replacing(tmp_path / "kept"):
        pass
    assert len(waited) == 1
    with appearing(tmp_path / "passed on"):
        pass
    assert len(waited) == 1
