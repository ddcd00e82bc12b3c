"""Cases on Dask: in any number and order, with workers that die, with others at the same case; memory does not grow with their number."""
import os
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from FusionINNLib import __version__
from FusionINNLib.cohort import runner
from FusionINNLib.cohort.case import Case, Outcome
from FusionINNLib.errors import InputError


def cases(count):
    return [Case(f"case-{number}", Path("a"), Path("b"), None, f"case-{number}") for number in range(count)]


def test_many_cases_a_few_at_a_time():
    def work(case, fixed):
        return Outcome(case.name, "done", fixed)

    told = []
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster, Client(cluster) as client:
        outcomes = runner.run_all(client, cases(300), work, "x", say=lambda done, outcome: told.append((done, outcome)))
    assert sorted(one.case for one in outcomes) == sorted(case.name for case in cases(300)) and {one.sentence for one in outcomes} == {"x"}
    assert [done for done, _ in told] == list(range(1, 301))


def test_a_worker_that_dies_is_replaced_and_its_case_repeated(tmp_path):
    def work(case, folder):
        tries = folder / case.name
        with open(tries, "a") as file:
            file.write("x")
        if (case.name == "case-1" and tries.stat().st_size < 2) or case.name == "case-2":
            os._exit(1)
        return Outcome(case.name, "done")

    with runner.local(1) as client:
        outcomes = {one.case: one for one in runner.run_all(client, cases(4), work, tmp_path, say=lambda *_: None)}
    assert [outcomes[f"case-{n}"].state for n in range(4)] == ["done", "done", "failed", "done"]
    assert outcomes["case-2"].sentence.startswith("Its worker died 3 times") and (tmp_path / "case-2").stat().st_size in (2, 3)
    # The scheduler counts a worker that held the case and died before it began, too.
    assert (tmp_path / "case-1").stat().st_size >= 2, "what a dead worker still held is asked for again, and then found done"


def test_schedulers_and_workers_that_do_not_fit(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "CONNECT_S", 1)
    with pytest.raises(InputError, match="No Dask scheduler answers at tcp://127.0.0.1:9"):
        with runner.connected("tcp://127.0.0.1:9"):
            pass
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        monkeypatch.setattr(runner, "__version__", "99")
        with pytest.raises(InputError, match=f"Workers have FusionINN {__version__} and this is 99"):
            with runner.connected(cluster.scheduler_address):
                pass
    (tmp_path / "bad.yaml").write_text("queue: cray\njobs: 3\n")
    for name, words in (("bad.yaml", "describes no cluster"), ("none.yaml", "there is no such file")):
        with pytest.raises(InputError, match=words), runner.queued(tmp_path / name):
            pass


def test_a_file_for_a_queue(tmp_path):
    """Slurm's own commands are not there: what would be handed in is looked at."""
    import dask_jobqueue
    import yaml

    example = Path(runner.__file__).parents[2] / "docs/clusters.md"
    text = example.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    wanted = yaml.safe_load(text)
    assert wanted.pop("queue") == "slurm" and wanted.pop("jobs") > 0
    script = dask_jobqueue.slurm.SLURMJob(scheduler="tcp://host:1", name="x", **wanted).job_script()
    assert "#SBATCH" in script and "--nthreads 1" in script and "OMP_NUM_THREADS=1" in script
