"""A suggested outline as panel and page get it from their worker: plain data, no network. And whether one can be had here."""
import importlib.util
from dataclasses import dataclass

from FusionINNLib.outlining.agreement import Agreement
from FusionINNLib.results.segments import Segments

PACKAGES = ("torch", "monai")


@dataclass(frozen=True)
class Origin:
    """Who made an outline. model, weights: id of a network, checksum of its weights. edited: whether a person has changed it since."""

    model: str
    weights: str
    edited: bool = False


@dataclass(frozen=True)
class SuggestedOutline:
    """segments: one, on the grid of the reference. volume_ml: inside of it. agreement: with what somebody drew, None where nothing was.
    warnings: sentences for the user. origin: the network."""

    segments: Segments
    volume_ml: float
    agreement: Agreement | None
    warnings: tuple[str, ...]
    origin: Origin


def missing_package() -> str | None:
    """What is not installed and needed for a suggestion, looked up without importing it."""
    return next((package for package in PACKAGES if importlib.util.find_spec(package) is None), None)
