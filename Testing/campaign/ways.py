"""Ways in which a run ends before its time."""
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT, "SIGHUP": signal.SIGHUP}
LIMIT, CLOSED, RENAME = "file size limit", "read-only folder", "death at a rename"
WAYS = (*SIGNALS, LIMIT, CLOSED, RENAME)
HARD = ("SIGKILL", RENAME)
"""These leave no time to clear away."""

Work = Callable[[], int]


def ending(way: str, work: Work, seconds: float, rng: random.Random, places: tuple[Path, ...]) -> tuple[Work, Callable[[int], None]]:
    """(what a child does in place of `work`, what is done to it, by its number).

    Args:
        seconds: that the work takes when it is left alone.
        places: folders that are read-only where the way says so.
    """
    if way in SIGNALS:
        moment = rng.uniform(0, 1.1 * seconds)

        def send(pid: int) -> None:
            time.sleep(moment)
            os.kill(pid, SIGNALS[way])
        return work, send
    if way == LIMIT:
        most = rng.randrange(0, 60_000)
        return lambda: _limited(most, work), _nothing
    if way == CLOSED:
        return lambda: _as_another(work, places), _nothing
    number = rng.randrange(1, 16)
    return lambda: _dying(number, work), _nothing


def open_again(places: tuple[Path, ...]) -> None:
    """What CLOSED did, undone."""
    for folder in places:
        if folder.exists():
            folder.chmod(0o755)


def _nothing(_: int) -> None:
    pass


def _limited(most: int, work: Work) -> int:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return work()


def _as_another(work: Work, places: tuple[Path, ...]) -> int:
    """Into folders that are closed, by somebody whom that stops."""
    for one in places:
        if one.exists():
            one.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(65534)
    return work()


def _dying(number: int, work: Work) -> int:
    calls = []

    def deadly(function):
        def one(*words, **options):
            calls.append(1)
            if len(calls) == number:
                os._exit(9)
            return function(*words, **options)
        return one

    os.rename, os.replace = deadly(os.rename), deadly(os.replace)
    return work()
