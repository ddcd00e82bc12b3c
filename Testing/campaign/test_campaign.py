"""A small campaign, so that it works whenever it is wanted, and finds what it is there for."""
import base64
import gzip
import json
import os
import random
import resource
import struct
import subprocess
import sys
from pathlib import Path

import children
import kills
import pytest
import ways
from killed_results import Results
from kills import Campaign, Share
from mutations import Mutations, Target
from mutators import mutate_bytes, mutate_json, mutate_packed, mutate_recipe, mutate_upload

from FusionINNLib import leftovers
from FusionINNLib.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_lost(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "Testing/campaign/run.py", "--kills", "4", "--mutations", "60", "--seed", "1", "--json",
                           "--out", tmp_path / "page.md"], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout)
    assert counts["kills"] == 4 and counts["read"] + counts["refused"] == 60 and counts["read"] > 6 and counts["refused"] > 6
    assert "**Faults: 0.**" in (tmp_path / "page.md").read_text()


def test_faults_are_found(tmp_path):
    """A reader that fails, is killed, or gives a traceback on some inputs is told on."""
    (tmp_path / "a").write_bytes(bytes(range(256)))

    def read(path):
        first = path.read_bytes()[0]
        if first > 170:
            raise ValueError("a defect")
        if first > 85:
            os._exit(3)
        raise InputError("a: two\nlines")

    campaign = Mutations([Target("a", tmp_path / "a", (), lambda content, rng: bytes([rng.randrange(256)]), read)], tmp_path / "work", 0)
    campaign.run(60)
    assert campaign.faults["a traceback"] > 20 and campaign.faults["a crash (3)"] > 5 and sum(campaign.faults.values()) == 60
    assert any("ValueError: a defect" in line for line in campaign.examples) and any("no sentence" in line for line in campaign.examples)


def test_a_child_without_space_for_its_words_ends_alone(tmp_path):
    """It must not unwind what the parent has begun."""
    def work() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        print("words", file=sys.stderr)
        return 2

    parent, unwound = os.getpid(), tmp_path / "unwound"
    try:
        ended = children.run(work, tmp_path)
    finally:
        if os.getpid() != parent:
            unwound.mkdir()
            os._exit(0)
    assert ended.code == 2 and not unwound.exists()


@pytest.mark.parametrize("leaves, fault", [("hidden", "something hidden after SIGTERM"), ("half", "a lost or broken result"),
                                           ("trace", "a traceback"), ("code", "exit code 7 after SIGTERM"), ("all", None)])
def test_what_kills_leave_is_told(tmp_path, monkeypatch, leaves, fault):
    """A run that is told to end and ends badly."""
    monkeypatch.setattr(ways, "ending", lambda way, work, *_: (work, lambda pid: None))
    monkeypatch.setattr(kills, "ending", ways.ending)
    calls = tmp_path / "calls"

    def write(out: Path, overwrite: bool) -> int:
        out.mkdir(exist_ok=True)
        (out / "a").write_text("whole")
        if not calls.exists():  # the undisturbed one
            calls.touch()
            return 0
        if leaves == "hidden":
            leftovers.draw_name(out.parent, out.name).mkdir()
        if leaves == "half":
            (out / "a").write_text("wh")
        if leaves == "trace":
            raise RuntimeError("a defect")
        return 7 if leaves == "code" else 0

    (tmp_path / "work").mkdir()
    kind = Results("fake", write, tmp_path / "work")
    kind.ways = ("SIGTERM",)
    campaign = Campaign([Share(1, lambda: kind)], tmp_path / "work", 0)
    campaign.run(3)
    assert campaign.runs["fake", "SIGTERM"] == 3
    assert campaign.faults[fault] == 3 if fault else not campaign.faults


def test_mutations_change_what_they_are_given():
    rng = random.Random(0)
    record = json.dumps({"checksum": "", "grid": {"shape": [1, 2, 3]}, "name": "x"}).encode()
    upload = json.dumps([[f"{n}.dcm", base64.b64encode(bytes(400)).decode()] for n in range(3)]).encode()
    with_recipe = bytes(352) + struct.pack("<ii", 16 * 8, 6) + record + bytes(16 * 8 - 8 - len(record)) + bytes(400)
    for mutate, whole in ((mutate_bytes, bytes(400)), (mutate_json, record), (mutate_packed, gzip.compress(bytes(400))),
                          (mutate_upload, upload), (mutate_recipe, with_recipe)):
        changed = [mutate(whole, rng) for _ in range(50)]
        assert sum(one != whole for one in changed) > 40 and len(set(changed)) > 20
