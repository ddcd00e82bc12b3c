"""DDFM as a method of the registry: align -> normalise -> slices -> noise, prior and EM -> volume (Zhao et al. 2023). It has no way back.

torch is imported when something is computed, not before.
"""
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from FusionINNLib.methods import devices
from FusionINNLib.methods.base import SliceMethod, Slices
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.foreground import foreground

if TYPE_CHECKING:
    from FusionINNLib.methods.ddfm.prior import Prior
    from FusionINNLib.methods.ddfm.sampler import Settings

GREY_LEVELS = 255  # of the nominal scale
NEXT_TO_AVERAGE = 2.0  # grey levels in the head below which the result is called nearly the average


class Ddfm(SliceMethod):
    """A diffusion that is drawn towards both sources at each of its steps; its settings are in the row of the registry."""

    @property
    def fingerprint(self) -> str:
        """Method, version and the checksum of the prior's weights."""
        assert self.card is not None  # the registry gives one to every method that needs training
        return f"{self.info.name} {self.version} {self.card.sha256}"

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`, on the CPU, with the noise of seed 0 and of slices counted from 0."""
        from FusionINNLib.methods.ddfm.stack import fuse_stack

        fused = np.empty(first.shape, np.float32)
        fuse_stack(self._prior, devices.choose_device("cpu"), self._settings(), 0, lambda k: (first[k], second[k]), fused, Progress(),
                   lambda sentence: None)
        return fused

    @cached_property
    def _prior(self) -> "Prior":
        from FusionINNLib.methods.ddfm import prior

        assert self.card is not None
        return prior.load(self.card)

    def _settings(self) -> "Settings":
        from FusionINNLib.methods.ddfm.sampler import Settings

        return Settings(**cast(dict[str, Any], self.settings))

    def fuse_into(self, result: np.ndarray, slices: Slices, *, device: str, seed: int,
                  progress: Progress) -> tuple[dict[str, Any], Sequence[str]]:
        """As `SliceMethod.fuse_into`; settings and seed are in the recipe's record."""
        progress.step("loading the prior", 0, 1)
        from FusionINNLib.methods.ddfm.stack import fuse_stack

        warnings: list[str] = []
        settings = self._settings()
        fuse_stack(self._prior, devices.choose_device(device), settings, seed, slices, result, progress, warnings.append)
        if not settings.stretch:
            warnings += _next_to_average(result, slices)
        return {"settings": asdict(settings), "seed": seed}, warnings


def _next_to_average(fused: np.ndarray, slices: Slices) -> list[str]:
    """A sentence where a stack (K, J, I) is next to the mean of its sources inside the head."""
    total, count = 0.0, 0
    for k, image in enumerate(fused):
        pair = slices(k)
        head = foreground(pair)
        total += float(np.abs(image - np.mean(pair, 0))[head].sum(dtype=np.float64))
        count += int(head.sum())
    difference = GREY_LEVELS * total / max(count, 1)
    if count == 0 or difference >= NEXT_TO_AVERAGE:
        return []
    return [f"What DDFM made is nearly the plain average of both sources: inside the head it differs from that by {difference:.1f} of "
            f"{GREY_LEVELS} grey levels on average. The method average gives next to the same at once."]
