"""The calls of the invertible network: arrays in, arrays out, there and back."""
import copy
from functools import cached_property

import numpy as np
import torch

from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from FusionINNLib.methods.slice_inference import SliceInference


class Engine(SliceInference):
    """A `FusionNetwork` on a device. Arrays in and out are float32 (B, H, W) a channel."""

    network: FusionNetwork

    def fuse(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised sources (B, H, W) -> fused image and latent (B, H, W)."""
        fused, latent = self.run(lambda a, b: self.network.fuse(torch.cat([a, b], 1)), first, second)
        return fused, latent

    def fuse_precisely(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same as `fuse`, computed in float64 on the CPU and rounded once, at the end. Several times slower."""
        with torch.inference_mode():
            images = self._precise.fuse(torch.tensor(np.stack([first, second], 1), dtype=torch.float64))
        fused, latent = (image[:, 0].float().numpy() for image in images)
        return fused, latent

    @cached_property
    def _precise(self) -> FusionNetwork:
        return copy.deepcopy(self.network).to("cpu", torch.float64)

    def decompose(self, fused: np.ndarray, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fused image and latent (B, H, W) -> normalised sources (B, H, W)."""
        first, second = self.run(lambda y, z: self.network.decompose(y, z).split(1, 1), fused, latent)
        return first, second

    def decompose_rounded(self, fused: np.ndarray, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same from a fused image whose last digits were lost in storage, see methods/fusioninn/digits.py: an estimate."""
        first, second = self.run(lambda y, z: self.network.decompose_rounded(y, z).split(1, 1), fused, latent)
        return first, second

    def background(self, multiple: int = 16) -> tuple[float, float]:
        """Fused and latent value where both sources are background, far from anything else."""
        blank = np.zeros((1, 160, 160), np.float32)
        centre = slice(80 - multiple // 2, 80 + multiple // 2)
        fused, latent = self.fuse(blank, blank)
        return float(fused[0, centre, centre].mean()), float(latent[0, centre, centre].mean())
