"""How cohorts scale: figures from runs as they were, and nothing that was lost or done twice goes unsaid."""
import json
import os

import pytest

from training import __main__ as command
from training.scale.cohorts import Run, done, make_patients
from training.scale.measure import Scale, Stubs, Survival, survival
from training.scale.page import page


def run(wall_s, seconds):
    return Run(wall_s, seconds, 300.0)


def scale(busy=0.0):
    return Scale(10, 2, busy, run(6.0, (2.0,)), {1: run(24.5, (2.0,) * 10), 2: run(16.0, (2.1,) * 10)},
                 [Survival("a worker", 4, 2, 4, 4, 0)], [Stubs(100, 1, 100, 80.0, 60.0, 62.0)])


def test_the_start_of_the_command_counts_for_neither():
    found = scale()
    assert found.efficiency == pytest.approx((24.5 - 6) / (2 * (16 - 6)))
    assert found.overhead_s == pytest.approx((24.5 - 20 - (6 - 2)) / 10)


def test_a_busy_machine_is_said():
    assert "not idle" in page(scale(busy=3.0), "x", "today") and "not idle" not in page(scale(), "x", "today")


def test_what_was_lost_changed_or_done_twice_is_counted(tmp_path):
    def write(out, case, checksum):
        folder = tmp_path / out / ".fusioninn"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{case}.json").write_text(json.dumps({"case": case, "files": {"fused.nii.gz": checksum}}))

    for case in "abc":
        write("undisturbed", case, case)
    write("out", "a", "a")
    write("out", "b", "b")
    before = done(tmp_path / "out")
    write("out", "b", "other")
    os.utime(tmp_path / "out/.fusioninn/b.json", ns=(0, before["b"] + 1))
    found = survival("x", tmp_path / "undisturbed", tmp_path / "out", before)
    assert found == Survival("x", cases=3, before=2, done=2, equal=1, repeated=1)


def test_patients_differ(tmp_path):
    folder = make_patients(tmp_path, 6)
    contents = {path.read_bytes() for path in folder.glob("*/flair.nii.gz")}
    assert len(contents) == 6


@pytest.mark.slow
def test_the_command(tmp_path):
    assert command.main(["scale", "--out", str(tmp_path), "--quick"]) == 0
    found = json.loads((tmp_path / "scale.json").read_text())
    assert all(one["done"] == one["equal"] == one["cases"] and one["repeated"] == 0 for one in found["survivals"])
    assert [one["done"] for one in found["stubs"]] == [20, 20] and "cases a minute" in (tmp_path / "scale.md").read_text()
