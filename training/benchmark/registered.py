"""A fusion method of the program's registry as one of those that are compared."""
import inspect
from pathlib import Path

import torch
from torch import Tensor

from FusionINNLib.methods import weights
from FusionINNLib.methods.base import SliceMethod
from training.baselines import Fuser


class RegisteredFuser(Fuser):
    """A method that fuses slice by slice and nothing else, called as the program calls it: arrays on the CPU."""

    def __init__(self, method: SliceMethod):
        super().__init__()
        self.method = method

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        fused = self.method.fuse_slices(*(image[:, 0].cpu().numpy() for image in (first, second)))
        return torch.from_numpy(fused)[:, None].to(first.device)

    @property
    def parameter_count(self) -> int:
        """Numbers in the weights of its model."""
        card = self.method.card
        return sum(weight.numel() for weight in weights.read(card.folder, card.id, card.sha256).values()) if card else 0

    def code_files(self) -> list[Path]:
        """What it computes with: where one of these files changes, it is measured again."""
        own = Path(inspect.getfile(type(self.method)))
        return [*(sorted(own.parent.glob("*.py")) if self.method.card else [own]), Path(__file__)]
