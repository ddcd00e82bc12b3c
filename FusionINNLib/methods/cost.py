"""What a method takes, as its row declares it, so that a user knows before the work what it will be."""
import math
from collections.abc import Mapping
from dataclasses import dataclass

from FusionINNLib.methods.settings import Value
from FusionINNLib.progress import duration

TYPICAL_KJI = (155, 240, 240)
"""Voxels of a head at 1 mm, where no volume is chosen yet."""
LONG_S = 60.0
"""From here on a user is told even who did not ask."""
_MOMENT_S = 10.0


@dataclass(frozen=True)
class Cost:
    """Measured on one core of the machine of docs/methods.md; another machine, more cores or a GPU take another time.

    seconds: for a million voxels of the grid, by the method's own model. times: name of the setting, a number, for each unit of which they
    are, "" for none. of_models: the same by other models of it, (id, seconds).
    """

    seconds: float
    times: str = ""
    of_models: tuple[tuple[str, float], ...] = ()

    def of(self, shape_kji: tuple[int, ...], model: str | None, settings: Mapping[str, Value]) -> float:
        """Seconds for a grid. model: its id. settings: all of them, with their values."""
        millions = math.prod(shape_kji) / 1e6
        return dict(self.of_models).get(model or "", self.seconds) * millions * (float(settings[self.times]) if self.times else 1.0)


def in_words(seconds: float) -> str:
    """As one says it of what is not known better: "about 6 min"."""
    return f"about {duration(float(f'{seconds:.2g}'))}" if seconds >= _MOMENT_S else "a few seconds"


def size(shape_kji: tuple[int, ...]) -> str:
    """Voxels of a grid in words, i first."""
    return " x ".join(str(count) for count in reversed(shape_kji))


def sentence(seconds: float, shape_kji: tuple[int, ...]) -> str:
    """What to expect of a fusion."""
    if seconds < _MOMENT_S:
        return f"Fusing {size(shape_kji)} voxels takes a few seconds."
    return f"Fusing {size(shape_kji)} voxels takes {in_words(seconds)} on one core of a processor, less on several cores or a GPU."
