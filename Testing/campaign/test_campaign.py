"""A small campaign, so that it works whenever it is wanted, and finds what it is there for."""
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from mutations import Mutations, Target, mutate_bytes, mutate_json, mutate_packed

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


def test_mutations_change_what_they_are_given():
    rng = random.Random(0)
    record = json.dumps({"checksum": "", "grid": {"shape": [1, 2, 3]}, "name": "x"}).encode()
    import gzip

    for mutate, whole in ((mutate_bytes, bytes(400)), (mutate_json, record), (mutate_packed, gzip.compress(bytes(400)))):
        changed = [mutate(whole, rng) for _ in range(50)]
        assert sum(one != whole for one in changed) > 45 and len(set(changed)) > 20
