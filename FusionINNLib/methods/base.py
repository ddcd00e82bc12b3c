"""What a fusion method is: a row of the registry that says what it can do, and a class that does it.

A new method is a class here from `SliceMethod` (or `FusionMethod`) in a file or folder of its own, and a `MethodInfo` in registry.py.
Importing this file loads no network.
"""
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from FusionINNLib.errors import CapabilityError
from FusionINNLib.methods.cost import Cost
from FusionINNLib.methods.model_card import ModelCard
from FusionINNLib.methods.settings import Setting, Value
from FusionINNLib.preprocessing.normalization import levels
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.progress import Progress
from FusionINNLib.registration.alignment import Alignment
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.records import Estimate, FusedFile, Fusion
from FusionINNLib.results.sources import entering, normalised, record_by_volume
from FusionINNLib.volumes.volume import Volume


@dataclass(frozen=True)
class Capabilities:
    """What a method can do: command line, panel, page and benchmark offer nothing else.

    exact: the sources from fused image and latent, voxel by voxel. estimate: the sources from the fused image alone. draws: an estimate
    is a mean over drawn latents, so that their number and seed count. needs_training: fuses only with the weights of a model. dims: looks
    at slices, or at neighbourhoods in all three axes. color: takes colour itself. ordered: was trained with the anatomical image first.
    deterministic: where not, the seed counts and is recorded.
    """

    exact: bool = False
    estimate: bool = False
    draws: bool = False
    needs_training: bool = False
    dims: Literal[2, 3] = 2
    color: bool = False
    deterministic: bool = True
    ordered: bool = False


@dataclass(frozen=True)
class MethodInfo:
    """One row of the registry, read by lists and help texts; making one imports nothing.

    name: on the command line, in recipes, in cards. title: for people. summary: what it does, one sentence. citation: authors, year,
    title. target: "package.module:Class" of its `FusionMethod`. default_model: id of the model it takes by itself. requires: packages that
    it imports, by their import names. terms: under which the method's code and weights may be used. training: the command that makes its
    weights, "" where nobody here can make them. settings: what a user may change in how it fuses. cost: the time that it takes, None where
    nobody has measured it.
    """

    name: str
    title: str
    summary: str
    citation: str
    doi: str
    target: str
    capabilities: Capabilities = field(default_factory=Capabilities)
    default_model: str | None = None
    requires: tuple[str, ...] = ()
    terms: str = "MIT"
    training: str = ""
    settings: tuple[Setting, ...] = ()
    cost: Cost | None = None


@dataclass(frozen=True)
class SourcePair:
    """Both sources on the grid of the reference, checked. resampled: which of them was interpolated for that."""

    first: Volume
    second: Volume
    resampled: tuple[bool, bool]
    alignment: Alignment


class FusionMethod(ABC):
    """A method, with the card of its model where it has one. All work raises ModelError, DeviceMemoryError, Cancelled.

    settings: every setting of the row with its value; the registry puts in what a user wants, and a method records what it went by.
    What a method cannot do raises CapabilityError; `info.capabilities` says so before.
    """

    def __init__(self, info: MethodInfo, card: ModelCard | None = None):
        self.info, self.card = info, card
        self.settings: Mapping[str, Value] = {setting.name: setting.default for setting in info.settings}

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """What a way back depends on: a checksum or a version; constant for a method and model once they are released."""

    @abstractmethod
    def fuse(self, pair: SourcePair, *, device: str = "auto", seed: int = 0, progress: Progress | None = None) -> Fusion:
        """Fused image, latent where `exact`, and recipe. seed: of methods that are not deterministic."""

    def check(self, recipe: Recipe) -> None:  # noqa: B027 - a method without a way back depends on nothing
        """Raise ModelError or ResultError where what is at hand is not what made a fusion."""

    def decompose(self, fused: Volume, latent: Volume, recipe: Recipe, *, device: str = "auto",
                  progress: Progress | None = None) -> tuple[Volume, Volume]:
        """Both sources, exactly."""
        raise CapabilityError(no_exact_way(self.info))

    def estimate(self, fused: Volume, recipe: Recipe, *, samples: int = 8, seed: int = 0, numbers: list[int] | None = None,
                 device: str = "auto", progress: Progress | None = None) -> Estimate:
        """Both sources from the fused image alone. numbers: of the slices in the whole volume, where `fused` holds only some."""
        raise CapabilityError(no_estimate(self.info))

    def of_slices(self, recipe: Recipe, chosen: list[int]) -> Recipe:
        """The recipe of a volume made of these slices alone, in this order; for a method that has a way back."""
        raise CapabilityError(no_estimate(self.info))

    def adopt(self, fused: Volume, recipe: Recipe | None, *, has_scale: bool) -> FusedFile:
        """A fused image from elsewhere made ready for an estimate. recipe: None where it came without one. has_scale: whether its values
        are those of the nominal scale."""
        raise CapabilityError(no_estimate(self.info))


Slices = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""Number of a slice -> both sources there, (J, I) float32 on the nominal 0..1 scale."""


class SliceMethod(FusionMethod):
    """A method that only fuses, slice by slice: it writes `fuse_slices`, all else is here."""

    version = 1  # raised when the same sources come to fuse otherwise

    @property
    def fingerprint(self) -> str:
        """Name and version: there is no way back that could depend on more."""
        return f"{self.info.name} {self.version}"

    @abstractmethod
    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """first, second (B, H, W) float32 on the nominal 0..1 scale -> fused (B, H, W) on the same scale."""

    def fuse_into(self, result: np.ndarray, slices: Slices, *, device: str, seed: int,
                  progress: Progress) -> tuple[dict[str, Any], Sequence[str]]:
        """Fuse a whole stack: fills `result` (K, J, I). Gives what the recipe is to record and what the user is to know. A method that goes
        through slices otherwise than one by one overrides this; here device and seed count for nothing."""
        for k in range(len(result)):
            result[k] = self.fuse_slices(*(image[None] for image in slices(k)))[0]
            progress.step("fusing slices", k + 1, len(result))
        return {}, ()

    def fuse(self, pair: SourcePair, *, device: str = "auto", seed: int = 0, progress: Progress | None = None) -> Fusion:
        """Every slice along the through-plane axis."""
        sources, axis = (pair.first, pair.second), pair.first.through_plane_axis
        records = record_by_volume(pair.first, pair.resampled[0]), record_by_volume(pair.second, pair.resampled[1])
        stacks = tuple(to_stack(entering(volume, record), axis) for volume, record in zip(sources, records))

        def slices(k: int) -> tuple[np.ndarray, np.ndarray]:
            first, second = (normalised(stack[k], record, k) for stack, record in zip(stacks, records))
            return first, second

        fused = np.empty(pair.first.shape, np.float32)
        record, warnings = self.fuse_into(to_stack(fused, axis), slices, device=device, seed=seed, progress=progress or Progress())
        recipe = Recipe(self.info.name, self.card.id if self.card else None, self.fingerprint, fused.shape, axis, record, levels(fused),
                        records)
        return Fusion(Volume(fused, pair.first.affine, "fused"), None, recipe, *sources, pair.alignment,
                      (*pair.alignment.warnings, *warnings))


def other_order(info: MethodInfo, first_in_color: bool) -> str | None:
    """A sentence where a method that was trained with the anatomical image first is given the one in colour there; else None."""
    if not (info.capabilities.ordered and first_in_color):
        return None
    return f"{info.title} was trained with the anatomical image first, and here the one in colour is: give them in the other order."


def no_exact_way(info: MethodInfo) -> str:
    """Why there is no exact decomposition, for people."""
    if not info.capabilities.estimate:
        return no_estimate(info)
    return f"{info.title} gives nothing back exactly: ask for an estimate, or choose FusionINN for an exact way back."


def no_estimate(info: MethodInfo) -> str:
    """Why there is no estimate, for people."""
    if info.capabilities.exact:
        return f"{info.title} estimates nothing from the fused image alone: keep its latent image, or choose FusionINN for that."
    return f"{info.title} only fuses, it has no way back: choose FusionINN to take a fused image apart."
