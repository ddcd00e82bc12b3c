"""What stands in the way of an exact decomposition of a fused image in the scene: told apart by an enum, worded here. No slicer."""
from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why there is no exact way back."""

    FUSED_CHANGED = "fused changed"
    LATENT_CHANGED = "latent changed"
    LATENT_MISSING = "latent missing"
    LATENT_OF_ANOTHER = "latent of another fusion"
    NO_RECORD = "no record"
    METHOD = "method"


_BECAUSE = {
    Reason.FUSED_CHANGED: "the fused volume was changed since it was fused; fuse again.",
    Reason.LATENT_CHANGED: "the latent volume was changed since it was fused; fuse again.",
    Reason.LATENT_MISSING: "the latent volume of this fusion is not in the scene; load it, or fuse again.",
    Reason.LATENT_OF_ANOTHER: "{about} is not the latent of this fusion; choose the one that was made with it.",
    Reason.NO_RECORD: "this volume carries no record of a fusion in this scene; load the result folder, or fuse again.",
    Reason.METHOD: "{about}"}


@dataclass(frozen=True)
class Obstacle:
    """about: name of the node that is no latent of this fusion, or the sentence of a method that has no exact way back."""

    reason: Reason
    about: str = ""

    @property
    def because(self) -> str:
        """The reason and the remedy, to stand behind what is not possible."""
        return _BECAUSE[self.reason].format(about=self.about)

    @property
    def sentence(self) -> str:
        """For the user."""
        return self.because if self.reason is Reason.METHOD else f"Not possible: {self.because}"
