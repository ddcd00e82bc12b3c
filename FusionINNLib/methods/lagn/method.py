"""LAGN as a method of the registry: align -> normalise -> slices -> features of a joint diffusion -> blend -> volume. It has no way back.

Inspired by Qu et al. 2025, of which the abstract alone is public. torch is imported when something is computed, not before.
"""
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import devices
from FusionINNLib.methods.base import SliceMethod, Slices
from FusionINNLib.methods.model_card import ModelCard, damaged
from FusionINNLib.progress import Progress

if TYPE_CHECKING:
    from FusionINNLib.methods.lagn.network import Lagn


class LagnMethod(SliceMethod):
    """A local and global network on the features of a diffusion; the seed decides the noise in which it looks for them."""

    @property
    def fingerprint(self) -> str:
        """Method, version and the checksum of the weights."""
        return f"{self.info.name} {self.version} {self._card.sha256}"

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`, on the CPU, with the noise of seed 0 and of slices counted from 0."""
        from FusionINNLib.methods.lagn.stack import fuse_stack

        fused = np.empty(first.shape, np.float32)
        fuse_stack(self._network, devices.choose_device("cpu"), 0, lambda k: (first[k], second[k]), fused, Progress(),
                   lambda sentence: None)
        return fused

    def fuse_into(self, result: np.ndarray, slices: Slices, *, device: str, seed: int,
                  progress: Progress) -> tuple[dict[str, Any], Sequence[str]]:
        """As `SliceMethod.fuse_into`; the seed is in the recipe's record."""
        progress.step("loading the network", 0, 1)  # torch and MONAI take seconds the first time
        from FusionINNLib.methods.lagn.stack import fuse_stack

        warnings: list[str] = []
        fuse_stack(self._network, devices.choose_device(device), seed, slices, result, progress, warnings.append)
        return {"seed": seed}, warnings

    @property
    def _card(self) -> ModelCard:
        if self.card is None:
            raise ModelError(f"{self.info.title} needs trained weights: name the folder of a model of it.")
        return self.card

    @cached_property
    def _network(self) -> "Lagn":
        from FusionINNLib.methods import weights
        from FusionINNLib.methods.lagn.network import Lagn, size_from

        card = self._card
        state = weights.read(card.folder, card.id, card.sha256)
        try:
            network = Lagn(size_from(card.data["network"]))
        except ImportError as problem:
            raise ModelError(f"The model {card.id!r} needs the packages monai and einops: install them, or choose another "
                             "method.") from problem
        except (KeyError, TypeError, ValueError) as problem:
            raise damaged(card.id, problem) from problem
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        except (RuntimeError, AttributeError) as problem:
            raise weights.misfit(card.id) from problem
        return network.eval().requires_grad_(False)
