"""Work in forked children that may be killed, hang, crash or run out of memory without harm to whoever counts it.

The parent imports everything beforehand and computes nothing itself, so that a child starts in milliseconds.
"""
import contextlib
import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 60.0
"""A child that takes longer hangs."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, or minus the signal; what it wrote to standard error; its largest memory in MiB."""

    code: int
    stderr: str
    peak_mib: float
    hung: bool
    seconds: float


def run(work: Callable[[], int], folder: Path, then: Callable[[int], None] = lambda pid: None, limit_s: float = LIMIT_S) -> Ended:
    """`work` in a child, which leaves with what it returns; `then` may send it signals meanwhile. It hangs after `limit_s`."""
    errors = folder / "stderr.txt"
    sys.stdout.flush()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _child(work, errors)
    then(pid)
    hung = False
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() - started > limit_s:
            hung = True
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
    text = errors.read_text(encoding="utf-8", errors="replace") if errors.exists() else ""
    errors.unlink(missing_ok=True)
    return Ended(os.waitstatus_to_exitcode(status), text, usage.ru_maxrss / 1024, hung, time.monotonic() - started)


def _child(work: Callable[[], int], errors: Path) -> None:
    code = 70
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the work begins nobody listens
    try:
        handle = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, 2)
        os.dup2(nowhere, 1)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = work()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stderr.flush()
        finally:  # whatever cannot be written: nothing of the parent's is to be ended here, such as the folder it works in
            os._exit(code)


def prepare(work: Callable[[], int], folder: Path) -> None:
    """`work` in a child, and what it loads loaded here, once for all that follow: each would load it when it first needs it, for seconds.

    Raises RuntimeError where it fails.
    """
    names = folder / "modules.txt"

    def work_and_tell() -> int:
        code = work()
        names.write_text("\n".join(sys.modules), encoding="utf-8")
        return code

    ended = run(work_and_tell, folder, limit_s=10 * LIMIT_S)  # nothing is loaded yet, and the machine may be busy
    if ended.code:
        raise RuntimeError(f"This fails by itself, without harm: {ended.stderr}")
    for name in names.read_text(encoding="utf-8").splitlines():
        if name not in sys.modules:
            with contextlib.suppress(Exception):  # some are only made by others
                importlib.import_module(name)


def timed(work: Callable[[], int], folder: Path) -> float:
    """Seconds that `work` takes in a child. Raises RuntimeError where it fails."""
    ended = run(work, folder, limit_s=10 * LIMIT_S)
    if ended.code:
        raise RuntimeError(f"This fails by itself, without harm: {ended.stderr}")
    return ended.seconds


def limit_memory(extra_mib: int) -> None:
    """Let this process take so much more address space than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + extra_mib * 2 ** 20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
