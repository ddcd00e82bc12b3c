"""Training steps of this program against those of the released one, on the same batch, for `speed/bench.py`.

The batch is small, or a step would take a minute on a CPU; it is the same for both. The program's steps are those of `fit`: batch drawn
and normalised, gradients clipped, weights averaged. The released one gets its batch as a ready tensor.
"""
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from FusionINNLib.methods.fusioninn.released_checkpoint import from_freia
from FusionINNLib.preprocessing.normalization import fit_volume
from training.data.crops import VALIDATED_SET
from training.data.prepare import PreparedCase, save
from training.loop.config import TrainingConfig
from training.loop.trainer import Trainer
from training.speed.reference import freia_network
from training.speed.reference_training import ReleasedTraining
from training.trainers.fusioninn import FusionInnConfig, FusionInnTrainer
from training.trainers.paper import PaperTrainer, PublishedConfig

BATCH = 4
LEAST = 2.5  # times the released steps per second
CONTRASTS = ["t1ce", "t2", "flair"]


class TrainingBench:
    """Steps by name: "released", "paper", "paper_low" (bfloat16), "default", "default_low". Each call trains on.

    Args:
        pair: stored numbers of both sources (2, K, J, I).
        side: of the whole slices, a multiple of 4; crops of the default preset have its usual size, or this where it is smaller.
        folder: for prepared data.
        threads: as the trainings set them.
    """

    def __init__(self, pair: np.ndarray, side: int, folder: Path, threads: int):
        self.side, self.crop = side, min(FusionInnConfig().crop, side)
        self._write(pair, folder)
        paper = PublishedConfig(batch=BATCH, crop=side, threads=threads)
        default = FusionInnConfig(batch=BATCH, crop=self.crop, threads=threads)

        def trainer(kind: type[Trainer], config: TrainingConfig, precision: str) -> Trainer:
            return kind(replace(config, precision=precision), folder / "prepared", folder / "splits.json", folder / "run")

        self.paper, low = (trainer(PaperTrainer, paper, precision) for precision in ("float32", "bfloat16"))
        theirs = freia_network(side)
        with torch.no_grad():
            self.paper.network.load_state_dict(from_freia(theirs.state_dict()))
        self.released, self.sources = ReleasedTraining(theirs), torch.from_numpy(self.paper.draw_batch())
        both = [trainer(FusionInnTrainer, default, precision).train_step for precision in ("float32", "bfloat16")]
        self.steps: dict[str, Callable] = {"released": lambda: self.released.step(self.sources), "paper": self.paper.train_step,
                                           "paper_low": low.train_step, "default": both[0], "default_low": both[1]}

    def difference(self) -> float:
        """The first step of both, from the same weights with the same noise: how far the losses are apart, relative."""
        torch.manual_seed(self.paper.config.seed * 1_000_003)  # as `train_step` does
        theirs = self.steps["released"]()
        parts = self.paper.train_step()
        return abs(sum(value for name, value in parts.items() if name != "norm") / theirs - 1)

    @staticmethod
    def _write(pair: np.ndarray, folder: Path) -> None:
        """The pair as a prepared case, in which every slice counts; "t2", which the default preset also draws, is the first source."""
        maps = [fit_volume(pair[n]) for n in (0, 0, 1)]
        case = PreparedCase("pair", CONTRASTS, pair[[0, 0, 1]], np.array([one.offset for one in maps], np.float32),
                            np.array([one.scale for one in maps], np.float32), np.ones(pair.shape[1:], np.uint8))
        case.labels[:, ::2] = 2
        for part in ("train", "val"):
            save(case, folder / "prepared" / VALIDATED_SET / f"{part}.npz")
        (folder / "splits.json").write_text(json.dumps({VALIDATED_SET: {part: [part] for part in ("train", "val")}}))


def rows(times: dict[str, list[float]], bench: TrainingBench, difference: float) -> list[tuple]:
    """Rows of the page of `speed/bench.py` from the seconds of interleaved steps."""
    def ratio(other: str, name: str) -> float:
        return float(np.median(np.divide(times[other], times[name])))

    def rate(name: str) -> str:
        return f"{1 / np.median(times[name]):.2f} steps/s"

    size = f"{BATCH} whole slices of {bench.side}x{bench.side}"
    faster = ratio("released", "paper")
    return [(f"training step as released, FrEIA 0.2, {size}", rate("released"), "1", "", ""),
            (f"`paper` training, same batch; first losses within {difference:.0e}", rate("paper"), f"{faster:.2f} times as fast",
             f"at least {LEAST:g}", "yes" if faster >= LEAST else "**no**"),
            ("`paper` training with `precision=bfloat16`", rate("paper_low"), f"{ratio('released', 'paper_low'):.2f} times as fast", "",
             ""),
            (f"`default` training, {BATCH} crops of {bench.crop}x{bench.crop}", rate("default"), "", "", ""),
            ("`default` training with `precision=bfloat16`", rate("default_low"),
             f"({ratio('default', 'default_low'):.2f} times as fast as float32)", "", "")]
