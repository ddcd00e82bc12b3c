"""What a run of training that was killed leaves behind, and what the next one makes of it."""
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_data import RUN, SETTINGS, TINY, write_place

from FusionINNLib import leftovers
from training.loop import log
from training.trainers.fusioninn import FusionInnTrainer

ROOT = Path(__file__).resolve().parents[3]
NAMES = "step,seconds,loss\r\n"


@pytest.mark.parametrize("left, kept", [
    (NAMES + "3,1,.5\r\n6,2,.4\r\n", NAMES + "3,1,.5\r\n"),  # logged, and killed before it was saved
    (NAMES + "3,1,.5\r\n6,2", NAMES + "3,1,.5\r\n"),  # the disk was full
    (NAMES + "3,1,.5\r\n6,2,.4", NAMES + "3,1,.5\r\n"), (NAMES + "3,1,.5\r\nx,2,.4\r\n", NAMES + "3,1,.5\r\n"),
    (NAMES + "3,1,.5\r\n", NAMES + "3,1,.5\r\n"), (NAMES, NAMES), (NAMES[:8], None), ("", None)])
def test_the_log_is_cut_to_what_was_saved(tmp_path, left, kept):
    path = tmp_path / "log.csv"
    path.write_bytes(left.encode())
    log.cut(path, 3)
    assert (path.read_bytes().decode() if path.exists() else None) == kept
    assert [one.name for one in tmp_path.iterdir()] == ([] if kept is None else ["log.csv"])


def test_a_run_killed_before_it_was_saved_logs_each_step_once(tmp_path, monkeypatch):
    place = write_place(tmp_path / "place")
    run = tmp_path / "run"

    def trainer() -> FusionInnTrainer:
        return FusionInnTrainer(RUN, place / "prepared", place / "splits.json", run)

    save = FusionInnTrainer.save

    def killed_at_the_second_time(self):
        if self.step == 6:
            hidden = leftovers.draw_file_name(run / "last.pt")
            hidden.write_bytes(b"half of a checkpoint")
            raise KeyboardInterrupt
        save(self)

    monkeypatch.setattr(FusionInnTrainer, "save", killed_at_the_second_time)
    with pytest.raises(KeyboardInterrupt):
        trainer().run(lambda line: None)
    monkeypatch.undo()
    trainer().run(lambda line: None)
    assert [line.split(",")[0] for line in (run / "log.csv").read_text().splitlines()] == ["step", "3", "6"]
    assert sorted(os.listdir(run)) == ["best.pt", "config.json", "last.pt", "log.csv"]
    assert torch.load(run / "last.pt", weights_only=True)["step"] == 6


def test_a_full_disk_is_said_in_a_sentence(tmp_path):
    """A checkpoint that does not fit; in a process of its own, since the limit cannot be taken back."""
    place = write_place(tmp_path / "place")
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS | {"settings": TINY, "steps": 1}))
    code = ("import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000)); "
            "from training.__main__ import main; sys.exit(main(sys.argv[1:]))")
    words = ["fit", "--prepared", place / "prepared", "--splits", place / "splits.json", "--run", tmp_path / "run", "--config",
             tmp_path / "settings.json", "--device", "cpu"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr == "training: A file cannot be read or written (File too large): check the path and the free space.\n"
    assert sorted(os.listdir(tmp_path / "run")) == ["config.json", "log.csv"]


def test_settings_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A full disk leaves those that were there."""
    RUN.save(tmp_path / "config.json")
    before = (tmp_path / "config.json").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        replace(RUN, seed=7).save(tmp_path / "config.json")
    assert (tmp_path / "config.json").read_bytes() == before and os.listdir(tmp_path) == ["config.json"]
