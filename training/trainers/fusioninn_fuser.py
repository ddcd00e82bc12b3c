"""A flow as one of the methods that are compared, and the only kind that can take its fused image apart."""
import torch
from torch import Tensor
from torch.nn import functional as F

from FusionINNLib.methods.fusioninn.digits import readable
from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from training.baselines import Fuser
from training.losses.paper import ReleasedProgram


class FlowFuser(Fuser):
    """A flow, or the released program around one, as a fusion method that can also take its fused image apart."""

    can_estimate = True

    def __init__(self, network: FusionNetwork, program: FusionNetwork | ReleasedProgram):
        super().__init__()
        self.network, self.multiple = network, network.config.multiple
        self._program = [program]  # in a list: it is no module of its own

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        return self._program[0].fuse(torch.cat([first, second], 1))[0]

    @torch.no_grad()
    def estimate(self, fused: Tensor, generator: torch.Generator) -> Tensor:
        """As `Fuser.estimate`, from an image of any size and one standard normal latent, drawn as the program draws it."""
        height, width = fused.shape[-2:]
        fused = F.pad(fused, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        drawn = torch.randn(fused.shape, generator=generator).to(fused.device)
        if self.network.digits.flows:
            drawn = readable(drawn)
        return self._program[0].decompose(fused, drawn)[..., :height, :width]
