"""Cases on Dask: on this machine, on a scheduler that runs, or on a cluster's own queue."""
import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from FusionINNLib import __version__
from FusionINNLib.cohort.case import Case, Outcome
from FusionINNLib.errors import InputError

GIB_A_WORKER = 3.0  # of memory, for a volume of 240 x 240 x 155; see docs/clusters.md
REPEATS = 2  # of a case whose worker died
CONNECT_S = 30
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
_QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}


@contextmanager
def local(workers: int | None) -> Iterator["object"]:
    """A client of workers on this machine, as many as cores and memory allow unless it is said."""
    from distributed import Client, LocalCluster

    _configure()
    count = workers or _workers_here()
    os.environ.update({key: os.environ.get(key, value) for key, value in _ENVIRONMENT.items()})  # the workers inherit it
    with LocalCluster(n_workers=count, threads_per_worker=1, processes=True, memory_limit=0, silence_logs=50,
                      dashboard_address=None  # pyright: ignore[reportArgumentType] - the way to have none
                      ) as cluster, Client(cluster) as client:
        yield client


@contextmanager
def connected(address: str) -> Iterator["object"]:
    """A client of a scheduler that runs. Raises InputError where none answers, or where workers have another version."""
    from distributed import Client

    _configure()
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError, TimeoutError) as problem:
        raise InputError(f"No Dask scheduler answers at {address}: start one (dask scheduler), or check the address.") from problem
    with client:
        _check_versions(client)
        yield client


@contextmanager
def queued(path: Path) -> Iterator["object"]:
    """A client of workers that a cluster's queue starts, as the file says. Raises InputError for a file that cannot be used."""
    try:
        import dask_jobqueue
        import yaml
    except ImportError as problem:
        raise InputError(f"A cluster needs dask-jobqueue, which is not installed here: {EXTRA}.") from problem
    from distributed import Client

    _configure()
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; check the path.")
    try:
        wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind, jobs = wanted.pop("queue"), int(wanted.pop("jobs"))
        cluster = getattr(dask_jobqueue, _QUEUES[kind.lower()])(**wanted)
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} describes no cluster ({problem}): it needs 'queue' ({', '.join(_QUEUES)}), 'jobs', and what "
                         "dask-jobqueue takes; see docs/clusters.md.") from problem
    with cluster, Client(cluster) as client:
        cluster.scale(jobs=jobs)
        yield client


EXTRA = "say pip install 'fusioninn[cohort]'"


def run_all(client, cases: list[Case], work: Callable[..., Outcome], *fixed, say: Callable[[int, Outcome], None]) -> list[Outcome]:
    """`work(case, *fixed)` for each case, in any order; told of each as it ends. A worker that dies costs nothing but time.

    Only some cases are with the scheduler at a time, so that the memory here does not grow with their number.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    outcomes: list[Outcome] = []
    waiting = iter(cases)
    names: dict[str, str] = {}

    def submit(case: Case):
        future = client.submit(work, case, *fixed, pure=False)
        names[future.key] = case.name
        return future

    ahead = max(16, 3 * sum(client.ncores().values()))
    under_way = as_completed([submit(case) for case in itertools.islice(waiting, ahead)])
    for future in under_way:
        name = names.pop(future.key)
        try:
            outcome = future.result()
        except KilledWorker:
            outcome = Outcome(name, "failed", f"Its worker died {REPEATS + 1} times, as when memory runs out: use fewer workers.")
        except Exception as problem:
            outcome = Outcome(name, "failed", f"Its worker could not run it ({type(problem).__name__}: {problem}): check the "
                                              "installation there.")
        future.release()
        outcomes.append(outcome)
        say(len(outcomes), outcome)
        for case in waiting:
            under_way.add(submit(case))
            break
    return outcomes


class Clock:
    """How long the rest will take, from how long it took so far."""

    def __init__(self, total: int):
        self._total, self._began = total, time.monotonic()

    def left(self, done: int) -> float:
        """Seconds."""
        return (time.monotonic() - self._began) / done * (self._total - done)


def _workers_here() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        import psutil  # comes with distributed

        memory = psutil.virtual_memory().available / 2 ** 30
    except ImportError:
        return cores
    return max(1, min(cores, int(memory // GIB_A_WORKER)))


def _configure() -> None:
    from dask.config import set as configure

    configure({"distributed.scheduler.allowed-failures": REPEATS, "distributed.comm.timeouts.connect": f"{CONNECT_S}s"})


def _check_versions(client) -> None:
    try:
        found = set(client.run(_version).values())
    except Exception as problem:
        raise InputError(f"The workers cannot load FusionINN ({problem}): install FusionINN {__version__} there.") from problem
    if others := found - {__version__}:
        raise InputError(f"Workers have FusionINN {', '.join(sorted(others))} and this is {__version__}: install the same version "
                         "everywhere.")


def _version() -> str:
    import FusionINNLib

    return FusionINNLib.__version__
