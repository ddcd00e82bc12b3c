"""The one interface of everything that is compared: two images in, one out."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Fuser(nn.Module):
    """A fusion method. Subclasses write `forward`: first, second (B, 1, H, W) on nominal 0..1 -> fused (B, 1, H, W) on the same scale.

    multiple       `forward` needs H and W to be multiples of this; `fuse` takes any size
    can_estimate   whether it can take its fused image apart again, by `estimate`
    """

    multiple = 1
    can_estimate = False

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """first, second (B, 1, H, W) -> fused (B, 1, H, W)."""
        raise NotImplementedError

    @torch.no_grad()
    def fuse(self, first: Tensor, second: Tensor) -> Tensor:
        """As `forward` for images of any size, without gradients: edges are continued to the next multiple and cut off again."""
        height, width = first.shape[-2:]
        below, right = -height % self.multiple, -width % self.multiple
        if below or right:
            first, second = (F.pad(image, (0, right, 0, below), mode="replicate") for image in (first, second))
        return self(first, second)[..., :height, :width]

    def estimate(self, fused: Tensor, generator: torch.Generator) -> Tensor:
        """Both sources (B, 2, H, W) from a fused image (B, 1, H, W) and what is drawn; of a method that `can_estimate`."""
        raise NotImplementedError

    @property
    def parameter_count(self) -> int:
        """Numbers that are learnt; 0 for a method that is not trained."""
        return sum(parameter.numel() for parameter in self.parameters())
