"""LAGN as a method of the registry: align -> normalise -> slices -> features of a joint diffusion -> blend -> volume. It has no way back.

Inspired by Qu et al. 2025, of which the abstract alone is public. torch is imported when something is computed, not before.
"""
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import devices
from FusionINNLib.methods.base import SliceMethod, SourcePair
from FusionINNLib.methods.model_card import ModelCard, damaged
from FusionINNLib.preprocessing.normalization import levels
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.records import Fusion
from FusionINNLib.results.sources import entering, normalised, record_by_volume
from FusionINNLib.volumes.volume import Volume

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

    def fuse(self, pair: SourcePair, *, device: str = "auto", seed: int = 0, progress: Progress | None = None) -> Fusion:
        """As `FusionMethod.fuse`, every slice along the through-plane axis; the seed is in the recipe's record."""
        progress, warnings = progress or Progress(), []
        progress.step("loading the network", 0, 1)  # torch and MONAI take seconds the first time
        from FusionINNLib.methods.lagn.stack import fuse_stack

        axis = pair.first.through_plane_axis
        records = record_by_volume(pair.first, pair.resampled[0]), record_by_volume(pair.second, pair.resampled[1])
        stacks = tuple(to_stack(entering(volume, record), axis) for volume, record in zip((pair.first, pair.second), records))
        fused = np.empty(pair.first.shape, np.float32)

        def slices(k: int) -> tuple[np.ndarray, np.ndarray]:
            first, second = (normalised(stack[k], record, k) for stack, record in zip(stacks, records))
            return first, second

        fuse_stack(self._network, devices.choose_device(device), seed, slices, to_stack(fused, axis), progress, warnings.append)
        recipe = Recipe(self.info.name, self._card.id, self.fingerprint, fused.shape, axis, {"seed": seed}, levels(fused), records)
        return Fusion(Volume(fused, pair.first.affine, "fused"), None, recipe, pair.first, pair.second, pair.alignment,
                      (*pair.alignment.warnings, *warnings))

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
