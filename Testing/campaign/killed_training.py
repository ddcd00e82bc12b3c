"""Kills of a training run: its checkpoint stays whole, and the same command ends with the weights of a run that nobody disturbed."""
import csv
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import children
from kills import hidden
from ways import WAYS, Work

SETTINGS = {"settings": {"half_before": 1, "quarter": 1, "half_after": 1, "half_width": 8, "quarter_width": 8}, "steps": 6, "batch": 2,
            "crop": 32, "validate_every": 2, "warm_up": 2}
OTHER_WEIGHTS, BROKEN_LOG = 90, 91


class Training:
    """`python -m training fit` of six steps, half of the runs going on after the second one. See `kills.Kind`."""

    name, ways, is_deaf, limit_s = "training", WAYS, True, children.LIMIT_S

    def __init__(self, folder: Path):
        self.place = folder / "training"
        self._run, self._data = self.place / "run", folder / "training-data"
        self._whole, self._begun = folder / "training-whole", folder / "training-begun"
        self.closed = self.place, self._run
        self.place.mkdir(parents=True)
        children.prepare(lambda: self._make_data() or self._begin_only(), folder)
        self.seconds = children.timed(lambda: self._fit(self._whole), folder)

    def begin(self, rng: random.Random) -> Work:
        """A new run, or one with a checkpoint."""
        shutil.rmtree(self.place)
        self.place.mkdir()
        if rng.random() < 0.5:
            shutil.copytree(self._begun, self._run)
        return lambda: self._fit(self._run)

    def after(self, rng: random.Random) -> Iterator[str]:
        """The same command goes on, to the end."""
        ended = children.run(self._end, self.place.parent)
        if ended.code:
            yield {OTHER_WEIGHTS: "a resumed training with other weights", BROKEN_LOG: "a broken log of a training"}.get(
                ended.code, f"a training that cannot be resumed ({ended.stderr.strip()[-200:]})")
        if hidden(self.place):
            yield "something hidden after the next run"

    def _make_data(self) -> int:
        from training_data import write_place

        write_place(self._data)
        (self._data / "settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        return 0

    def _fit(self, run: Path) -> int:
        from training.__main__ import main

        return main(["fit", "--prepared", str(self._data / "prepared"), "--splits", str(self._data / "splits.json"), "--run", str(run),
                     "--config", str(self._data / "settings.json"), "--device", "cpu"])

    def _begin_only(self) -> int:
        """Until there is a checkpoint."""
        from training.loop import trainer

        save = trainer.Trainer.save

        def save_and_stop(self) -> None:
            save(self)
            raise KeyboardInterrupt

        trainer.Trainer.save = save_and_stop
        return 0 if self._fit(self._begun) == 130 else 1

    def _end(self) -> int:
        """Go on, and compare with the undisturbed run."""
        import torch

        if code := self._fit(self._run):
            return code
        for name in ("last.pt", "best.pt"):
            ours, theirs = (torch.load(run / name, weights_only=True) for run in (self._run, self._whole))
            for part in (("network", "averaged") if name == "last.pt" else (None,)):
                one, other = (ours, theirs) if part is None else (ours[part], theirs[part])
                if one.keys() != other.keys() or not all(torch.equal(one[key], other[key]) for key in one):
                    return OTHER_WEIGHTS
        return 0 if _steps(self._run) == _steps(self._whole) else BROKEN_LOG


def _steps(run: Path) -> list[dict[str, str]]:
    """The rows of the log, without what differs from run to run."""
    with open(run / "log.csv", newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
