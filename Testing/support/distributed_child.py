"""What each process of `training/test_distributed.py` does: a short run of two presets, and what this process is left with.

    torchrun --standalone --nproc-per-node=2 Testing/support/distributed_child.py PLACE OUT
"""
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from training_data import PAPER_RUN, RUN

from training.distributed import joined
from training.loop.trainer import Trainer
from training.trainers.fusioninn import FusionInnTrainer
from training.trainers.paper import PaperTrainer


def train(kind: type[Trainer], config, place: Path, folder: Path, device: str, workers) -> dict:
    """A whole run. Parts of the loss and first row of each step's batch; weights and learning rate at the end."""
    trainer = kind(config, place / "prepared", place / "splits.json", folder, device, workers)
    seen = {"parts": [], "rows": []}
    trainer.on_step = seen["parts"].append
    draw = trainer.draw_batch

    def watched():
        batch = draw()
        seen["rows"].append(torch.from_numpy(batch))
        return batch

    trainer.draw_batch = watched
    trainer.run(lambda line: None)
    return seen | {"weights": trainer.network.state_dict(), "averaged": trainer.averaged.state_dict(),
                   "rate": trainer.optimizer.param_groups[0]["lr"]}


def main(place: Path, out: Path) -> None:
    """Both runs; what is left goes to OUT/<rank>.pt."""
    with joined("cpu") as (workers, device):
        left = {"default": train(FusionInnTrainer, RUN, place, out / "default", device, workers),
                "paper": train(PaperTrainer, PAPER_RUN, place, out / "paper", device, workers)}
        torch.save(left, out / f"{workers.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
