"""Where a network computes: a device by its name."""
from typing import TYPE_CHECKING

from FusionINNLib.errors import ModelError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> "torch.device":
    """The device of a name (`auto`, `cpu`, `cuda`, `cuda:1`, `mps`). `auto` is a GPU where there is one. Raises ModelError for others."""
    import torch

    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    kind, _, number = name.partition(":")
    if kind not in present or (":" in name and not number.isdecimal()):
        raise ModelError(f"There is no device {name!r}: choose auto, cpu, cuda or mps.")
    if not present[kind] or (kind == "cuda" and number and int(number) >= torch.cuda.device_count()):
        raise ModelError(f"The device {name!r} is not available on this machine: choose auto or cpu.")
    return torch.device(name)
