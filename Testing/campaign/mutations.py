"""Damaged and hostile inputs, each read in a child: it must be taken or be refused with one sentence, soon and in bounded memory."""
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import children

from FusionINNLib.errors import FusionINNError

BATCH = 50  # inputs a child; the one at which it ends is named
MEMORY_MIB = 1024  # that reading a small input may take beyond what the program has when it is loaded


@dataclass(frozen=True)
class Target:
    """A kind of input: its whole form, a file or a folder, which of its files are changed, how, and what reads it."""

    name: str
    whole: Path
    files: tuple[str, ...]
    mutate: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], object]


class Mutations:
    """Mutated inputs, counted.

    Args:
        folder: to work in; what is in it goes away.
    """

    def __init__(self, targets: list[Target], folder: Path, seed: int):
        self._targets, self._folder, self._seed = targets, folder, seed
        self.read, self.refused, self.faults, self.peak_mib = Counter(), Counter(), Counter(), 0.0
        self.slowest_s = 0.0
        self.examples: list[str] = []

    def run(self, count: int, say: Callable[[int], None] = lambda done: None) -> None:
        """So many inputs, the kinds in turn."""
        for start in range(0, count, BATCH):
            numbers, journal = range(start, min(start + BATCH, count)), self._folder / "journal"
            while numbers:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(parents=True)
                batch = numbers
                ended = children.run(lambda batch=batch: self._child(batch, journal), self._folder)
                self.peak_mib = max(self.peak_mib, ended.peak_mib)
                last = self._count(journal, numbers.start - 1)
                if ended.code == 0:
                    break
                kind = "hung for a minute" if ended.hung else f"a crash ({ended.code})"
                self._fault(kind, last + 1, ended.stderr.strip()[-300:])
                numbers = range(last + 2, numbers.stop)
            say(min(start + BATCH, count))

    def _child(self, numbers: range, journal: Path) -> int:
        children.limit_memory(MEMORY_MIB)
        with open(journal, "a", encoding="utf-8") as file:
            for number in numbers:
                target = self._targets[number % len(self._targets)]
                started = time.monotonic()
                outcome, words = _read(target, self._folder / f"{number}", random.Random(f"{self._seed} {number}"))
                file.write(json.dumps([number, target.name, outcome, words, time.monotonic() - started]) + "\n")
                file.flush()
        return 0

    def _count(self, journal: Path, last: int) -> int:
        """What a child wrote down; gives the number of the last input that it came to an end with."""
        if not journal.exists():
            return last
        for line in journal.read_text(encoding="utf-8").splitlines():
            last, name, outcome, words, seconds = json.loads(line)
            self.slowest_s = max(self.slowest_s, seconds)
            if outcome == "fault":
                self._fault("a traceback", last, words)
            else:
                (self.read if outcome == "read" else self.refused)[name] += 1
        journal.unlink()
        return last

    def _fault(self, kind: str, number: int, words: str) -> None:
        self.faults[kind] += 1
        if len(self.examples) < 50:
            self.examples.append(f"{kind} at input {number} ({self._targets[number % len(self._targets)].name}): {words}")
            print(self.examples[-1], file=sys.stderr, flush=True)


def _read(target: Target, folder: Path, rng: random.Random) -> tuple[str, str]:
    folder.mkdir()
    path = folder / target.whole.name
    (shutil.copytree if target.whole.is_dir() else shutil.copy)(target.whole, path)
    chosen = path / rng.choice(target.files) if target.files else path
    chosen.write_bytes(target.mutate(chosen.read_bytes(), rng))
    try:
        target.read(path)
        return "read", ""
    except FusionINNError as problem:
        sentence = str(problem)
        whole = sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence
        return ("refused", "") if whole else ("fault", f"no sentence: {sentence[:200]!r}")
    except MemoryError:  # the command says so in a sentence of its own
        return "refused", ""
    except Exception as problem:
        import traceback

        place = traceback.extract_tb(problem.__traceback__)
        own = [f"{os.path.basename(one.filename)}:{one.lineno}" for one in place if "FusionINNLib" in one.filename]
        return "fault", f"{type(problem).__name__}: {str(problem)[:150]} at {' > '.join(own[-3:])}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
