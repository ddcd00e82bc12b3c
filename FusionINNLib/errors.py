"""What can go wrong, in words a user can act on.

Every message is one plain sentence that says what is wrong and what to do about it. The command line prints it and exits with
`exit_code`; the Slicer panel shows it. Anything that is not a `FusionINNError` is a defect of the program.
"""
from __future__ import annotations


class FusionINNError(Exception):
    """Base of all errors meant for users."""

    exit_code = 2


class InputError(FusionINNError):
    """A file or volume that cannot be used: missing, damaged, empty, constant, of the wrong kind."""


class ChoiceError(InputError):
    """One of several has to be chosen. kind: of what, "series" or "stack", as the readers' arguments are called; choices: each in words."""

    def __init__(self, sentence: str, kind: str, choices: tuple[str, ...]):
        super().__init__(sentence)
        self.kind, self.choices = kind, choices

    def __reduce__(self) -> tuple[type[ChoiceError], tuple[str, str, tuple[str, ...]]]:
        return type(self), (str(self), self.kind, self.choices)  # as it comes from another process


class GeometryError(InputError):
    """Grids that cannot be brought together: sheared or singular affine, volumes that do not overlap."""


class ModelError(FusionINNError):
    """An unknown, damaged or swapped model, or a device that is not there."""


class CapabilityError(FusionINNError):
    """A method is asked for what it cannot do, such as a way back."""


class ResultError(FusionINNError):
    """A result folder that is occupied, incomplete, edited, or of another case or version."""


class DeviceMemoryError(FusionINNError):
    """Neither the chosen device nor the CPU has the memory for one slice."""


class Cancelled(FusionINNError):
    """The user stopped the work; nothing was written."""

    exit_code = 130


def in_brief(problem: Exception) -> str:
    """What a library's error says, on one line and short, to be put into a sentence; its kind where it says nothing."""
    return " ".join(str(problem).split())[:160].rstrip(". ") or type(problem).__name__
