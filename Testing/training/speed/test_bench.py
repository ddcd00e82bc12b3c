"""The benchmark runs and says what it has to say. How fast is for `make bench`: here nothing is timed in earnest."""
import re
import sys

import numpy as np
import pytest

from FusionINNLib.volumes.io import read_volume
from training.speed import bench
from training.speed import child as bench_child


def test_what_is_timed_is_there_under_its_name():
    """A function that moved would be found missing only after minutes of a benchmark."""
    for module, name, _ in bench_child.timed_functions():
        assert callable(getattr(module, name)), name


@pytest.mark.slow
def test_quick_benchmark_fills_its_page(tmp_path, capsys):
    pytest.importorskip("FrEIA", reason="FrEIA is a test dependency: install the extra 'test'")
    page_file = tmp_path / "docs" / "speed.md"
    assert bench.main(["--quick", "--threads", "1", "--out", str(page_file)]) == 0
    page = page_file.read_text()
    assert page.strip() == capsys.readouterr().out.strip()
    assert "1 thread(s)" in page and "PyTorch" in page and "say nothing about speed" in page and str(tmp_path) not in page
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    targets = [row[3] for row in rows if len(row) == 5 and row[3].startswith("at ")]
    assert targets == ["at least 2.5", "at most 1.5", "at most 3", "at most 0.5", "at most 0.5", "at least 2.5"]
    assert all(row[4] in ("yes", "**no**") for row in rows if len(row) == 5 and row[3].startswith("at "))
    assert float(re.search(r"first losses within ([0-9e.-]+)", page)[1]) < 1e-5
    steps = {row[0]: float(row[1].removesuffix(" steps/s")) for row in rows if len(row) == 5 and row[1].endswith(" steps/s")}
    assert len(steps) == 5 and min(steps.values()) > 0 and "4 whole slices of 32x32" in page
    parts = {row[0]: float(row[1].removesuffix(" s")) for row in rows if len(row) == 2 and row[1].endswith(" s")}
    assert list(parts) == ["start-up and imports", "reading", "alignment", "network", "writing", "report", "other"]
    assert all(parts[name] > 0 for name in ("start-up and imports", "report"))
    assert float(re.search(r"inside the head within ([0-9e.-]+)", page)[1]) < 1e-5


def test_made_up_pair_fills_as_much_as_a_skull_stripped_head(tmp_path):
    first, second = (read_volume(path) for path in bench.write_made_up_pair((16, 90, 83), tmp_path))
    assert first.shape == second.shape == (16, 90, 83) and first.same_grid(second) and first.array.dtype == np.int16
    assert 0.08 < np.count_nonzero(second.array) / second.array.size < 0.5
    assert not second.array[:, :5].any() and not second.array[:, :, :5].any()


def test_launch_measures_a_command():
    found = bench_child.launch([sys.executable, "-c", "print('hello')"])
    assert found["output"].strip() == "hello" and found["wall"] > 0 and found["peak_mib"] > 1
    with pytest.raises(SystemExit, match="broken"):
        bench_child.launch([sys.executable, "-c", "import sys; sys.exit('broken')"])
