"""How far an estimate can be trusted, in one word: what became of the fused image between its writing and the estimate."""
from enum import Enum


class Trust(Enum):
    """From best to worst; the words are on disk (`state` of estimate.json, node attributes) and never change.

    AS_WRITTEN: the very voxels that were written. ROUNDED: the same image in fewer digits. UNDONE: it was turned, cropped, padded or
    scaled, which was taken back. DAMAGED: what was hidden in it is lost, at least in part. UNKNOWN: it carries nothing to tell by.
    """

    AS_WRITTEN = "as written"
    ROUNDED = "rounded"
    UNDONE = "damaged, undone"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"

    @property
    def sentence(self) -> str:
        """For people."""
        return f"State of the fused image: {self.value}."


def worst(*states: Trust) -> Trust:
    """The worst of several."""
    return max(states, key=list(Trust).index)
