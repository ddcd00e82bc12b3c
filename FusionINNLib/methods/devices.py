"""Where a network computes, a device by its name, and how exactly."""
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from FusionINNLib.errors import ModelError

if TYPE_CHECKING:
    import torch


_KINDS = ("cpu", "cuda", "mps")


def check_name(name: str) -> None:
    """Raise ModelError for a name that is no device anywhere. Loads nothing; whether it is here `choose_device` knows."""
    kind, _, number = name.partition(":")
    if name != "auto" and (kind not in _KINDS or (":" in name and not number.isdecimal())):
        raise ModelError(f"There is no device {name!r}: choose auto, cpu, cuda or mps.")


def choose_device(name: str) -> "torch.device":
    """The device of a name (`auto`, `cpu`, `cuda`, `cuda:1`, `mps`). `auto` is a GPU where there is one. Raises ModelError for others."""
    import torch

    check_name(name)
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    kind, _, number = name.partition(":")
    if not present[kind] or (kind == "cuda" and number and int(number) >= torch.cuda.device_count()):
        raise ModelError(f"The device {name!r} is not available on this machine: choose auto or cpu.")
    return torch.device(name)


class _Switches:
    """How many need float32 as it is, and what torch was set to before the first of them: its switches are those of the whole process."""

    def __init__(self):
        self.lock, self.users, self.found = Lock(), 0, []


_SWITCHES = _Switches()


@contextmanager
def exact_float32() -> Iterator[None]:
    """NVIDIA GPUs compute float32 with all its digits inside, and as they were set to before outside.

    By itself torch lets them round to the 10-bit mantissa of TF32, which costs the exactness of the way back, and which whoever trains in
    the same process may want. Several threads may be inside.
    """
    with _SWITCHES.lock:
        if _SWITCHES.users == 0:
            _SWITCHES.found = _switch_off()
        _SWITCHES.users += 1
    try:
        yield
    finally:
        with _SWITCHES.lock:
            _SWITCHES.users -= 1
            if _SWITCHES.users == 0:
                for place, name, value in _SWITCHES.found:
                    setattr(place, name, value)


def _switch_off() -> list[tuple[object, str, object]]:
    """Switch TF32 off; returns (place, name, value) of all that was changed, in the order in which to put it back.

    Since torch 2.9 there are two sets of names for it. Where a program has used the new ones, the old ones may refuse to be read, and are
    left alone: the new ones count.
    """
    import torch

    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    wanted: list[tuple[object, str, object]] = [(matmul, "allow_tf32", False), (cudnn, "allow_tf32", False)]
    if hasattr(matmul, "fp32_precision"):
        wanted += [(place, "fp32_precision", "ieee") for place in (matmul, cudnn.conv, cudnn.rnn)]
    found = [(place, name, getattr(place, name)) for place, name, _ in wanted if _is_readable(place, name)]
    for place, name, value in wanted:
        if _is_readable(place, name):
            setattr(place, name, value)
    return found


def _is_readable(place: object, name: str) -> bool:
    try:
        getattr(place, name)
    except RuntimeError:
        return False
    return True
