"""Runs of the program, ended at random moments: what is left must be all of the earlier result, all of the new one, or nothing."""
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import children
from ways import HARD, SIGNALS, Work, ending, open_again

from FusionINNLib import leftovers

STOPPED = (0, 2, 129, 130, 143)
"""Exit codes of a run that ended by itself or was asked to."""


class Kind(Protocol):
    """A kind of run.

    name: on the page. ways: in which it may be ended. is_deaf: a signal may leave something hidden, as SIGKILL does. seconds: what it
    takes. limit_s: after which it hangs. place: all of its results lie in it. closed: folders to be read-only.
    """

    name: str
    ways: tuple[str, ...]
    is_deaf: bool
    seconds: float
    limit_s: float
    place: Path
    closed: tuple[Path, ...]

    def begin(self, rng: random.Random) -> Work:
        """A fresh place, and what is to be done in it."""
        ...

    def after(self, rng: random.Random) -> Iterator[str]:
        """What is wrong with what is left, and with what the next run makes of it."""
        ...


@dataclass(frozen=True)
class Share:
    """A kind, made when it is first drawn. weight: how often that is, beside others."""

    weight: int
    make: Callable[[], Kind]


class Campaign:
    """Kills, counted.

    Args:
        folder: to work in.
    """

    def __init__(self, shares: list[Share], folder: Path, seed: int):
        self._shares, self._made, self._folder, self._random = shares, {}, folder, random.Random(seed)
        self.runs, self.faults, self.peak_mib, self.examples = Counter(), Counter(), 0.0, []

    def run(self, count: int, say: Callable[[int], None] = lambda done: None) -> None:
        """So many runs; the kind, a way to end it and the moment are drawn from the seed."""
        for number in range(count):
            [which] = self._random.choices(range(len(self._shares)), [share.weight for share in self._shares])
            if which not in self._made:
                self._made[which] = self._shares[which].make()
            kind: Kind = self._made[which]
            self._one(number, kind, self._random.choice(kind.ways))
            say(number + 1)

    def _one(self, number: int, kind: Kind, way: str) -> None:
        work, then = ending(way, kind.begin(self._random), kind.seconds, self._random, kind.closed)
        ended = children.run(work, self._folder, then, kind.limit_s)
        open_again(kind.closed)
        self.runs[kind.name, way] += 1
        self.peak_mib = max(self.peak_mib, ended.peak_mib)
        found = [*_of_the_end(kind, way, ended), *_of_hidden(kind, way)]
        self.runs["left something hidden"] += bool(hidden(kind.place))
        found += kind.after(self._random)
        self.faults.update(found)
        for fault in found[:50 - len(self.examples)]:
            self.examples.append(f"{fault}: run {number}, {kind.name}, {way}. {ended.stderr.strip()[-900:]}")
            print(self.examples[-1], file=sys.stderr, flush=True)


def hidden(folder: Path) -> list[Path]:
    """What runs that are gone left in a folder and in those in it."""
    return [path for path in folder.rglob(".*") if leftovers.is_hidden(path.name)]


def _of_the_end(kind: Kind, way: str, ended: children.Ended) -> Iterator[str]:
    if ended.hung:
        yield "hung for a minute"
    if "Traceback" in ended.stderr:
        yield "a traceback"
    unheard = -SIGNALS.get(way, 0)  # before anybody listened
    if way not in HARD and ended.code not in (*STOPPED, unheard):
        yield f"exit code {ended.code} after {way}"


def _of_hidden(kind: Kind, way: str) -> Iterator[str]:
    if way not in HARD and not (kind.is_deaf and way in SIGNALS) and hidden(kind.place):
        yield f"something hidden after {way}"
