"""What a fusion and an estimate give, in memory. Plain records: importing them loads no network and no file format."""
from dataclasses import dataclass

from FusionINNLib.registration.alignment import Alignment
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume


@dataclass(frozen=True)
class Fusion:
    """What `fuse` gives. `latent` is None where the method has no exact way back; `first` and `second` are the sources on the reference
    grid."""

    fused: Volume
    latent: Volume | None
    recipe: Recipe
    first: Volume
    second: Volume
    alignment: Alignment
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Estimate:
    """What `estimate` gives: float32 volumes in the sources' units; `cycle_error` on the fused image's scale. They are no scans.

    warnings: sentences for the user. trust: the same in one word.
    """

    first: Volume
    second: Volume
    first_spread: Volume
    second_spread: Volume
    cycle_error: Volume
    warnings: tuple[str, ...] = ()
    trust: Trust = Trust.UNKNOWN


@dataclass(frozen=True)
class FusedFile:
    """A fused image from elsewhere, ready for an estimate: `fused` on the nominal 0..1 scale, float32; `notes` are sentences for the user
    about what had to be assumed or was undone, without a full stop, `trust` the same in one word, `warnings` whole sentences on what speaks
    against an estimate altogether."""

    fused: Volume
    recipe: Recipe
    notes: tuple[str, ...]
    trust: Trust = Trust.UNKNOWN
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """Both ways back on some slices of a fusion, for a page; None where the method has not that way.

    slices: numbers in the whole volume, through-plane. exact: the sources, these slices alone. samples: latents behind the
    estimate, 0 where none are drawn.
    """

    slices: list[int]
    exact: tuple[Volume, Volume] | None
    estimate: Estimate | None
    samples: int
