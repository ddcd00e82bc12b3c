"""Mixed precision: layers may compute in 16 bits while they are trained; which of them, the trainer of a network says.

A checkpoint holds float32 weights whatever it was trained in, and validation, export and every later use are float32: what is exact
about a model does not depend on this.
"""
import torch
from torch import Tensor

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""By the setting `precision`. Gradients of float16 are scaled, or they would vanish; bfloat16 has the range of float32."""


class Precision:
    """How a training computes on a device: `backward` and `update` in each step, `layers` around what may be less precise."""

    def __init__(self, name: str, device: torch.device):
        self.dtype, self.device = PRECISIONS[name], device
        self.is_low = self.dtype is not torch.float32
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype is torch.float16)

    def layers(self) -> torch.autocast:
        """A context in which all layers compute in this precision."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.is_low)

    def backward(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Gradients of a loss, at their true size."""
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(optimizer)

    def update(self, optimizer: torch.optim.Optimizer, is_finite: bool) -> None:
        """A step of the optimizer, unless the gradients are not finite."""
        if is_finite:
            self.scaler.step(optimizer)
        self.scaler.update()

    def state(self) -> dict:
        """What a checkpoint holds of it: nothing where gradients are not scaled."""
        return {"scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else {}

    def load_state(self, state: dict) -> None:
        """Read what `state` gave, from a whole checkpoint."""
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
