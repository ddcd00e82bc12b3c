"""What was typed into fields of the page, checked."""
from FusionINNLib.errors import InputError

_MOST_SAMPLES = 64


def samples(samples: object) -> int:
    """How many latents of an estimate are drawn. Raises InputError."""
    if not isinstance(samples, int) or not 1 <= samples <= _MOST_SAMPLES:
        raise InputError(f"The number of latents is not one that can be drawn: give a whole number from 1 to {_MOST_SAMPLES}.")
    return samples


def seed(seed: object) -> int:
    """With which seed. Raises InputError."""
    if not isinstance(seed, int) or not 0 <= seed < 2 ** 31:
        raise InputError("The seed cannot be used: give a whole number of at least 0.")
    return seed
