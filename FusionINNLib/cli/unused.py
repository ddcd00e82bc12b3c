"""Options that would count for nothing: refused where the user surely meant something else, said where a script may give them to all."""
import argparse
from collections.abc import Iterable

from FusionINNLib.cli.terminal import say
from FusionINNLib.errors import InputError
from FusionINNLib.methods.base import MethodInfo
from FusionINNLib.volumes.volume import Volume

_OF_PARTICIPANTS = ("first", "second", "segmentation", "participant_label", "session_label", "method", "align", "reference", "exact",
                    "estimate", "samples", "seed", "no_report", "no_metrics", "resume", "dry_run", "workers", "scheduler", "cluster",
                    "model", "device")


def given(options: argparse.Namespace, names: Iterable[str]) -> list[str]:
    """Those of some options that are on the command line, as they are written there."""
    there: frozenset[str] = getattr(options, "given", frozenset())
    return [f"--{name.replace('_', '-')}" for name in names if name in there]


def check_choices(options: argparse.Namespace, volumes: tuple[Volume, ...]) -> None:
    """Raise InputError where --series or --stack were given for what is no DICOM series."""
    for name in ("series", "stack"):
        chosen: list[str] = getattr(options, name, [])
        others = [volume.name for volume in volumes if not volume.identity.get("files")]
        if chosen and others and (len(chosen) > 1 or len(others) == len(volumes)):
            raise InputError(f"--{name} chooses among the volumes of a DICOM folder, and {' and '.join(others)} came from none: "
                             + ("give it once, for the other one." if len(others) < len(volumes) else f"leave out --{name}."))


def check_one(options: argparse.Namespace, name: str) -> None:
    """Raise InputError where an option that counts once was given more often."""
    if len(chosen := getattr(options, name)) > 1:
        raise InputError(f"--{name} was given {len(chosen)} times: one volume is read, so give it once.")


def check_needs(options: argparse.Namespace, names: Iterable[str], needed: str) -> None:
    """Raise InputError where options were given without another one for which they are."""
    if not getattr(options, needed.replace("-", "_")) and (found := given(options, names)):
        raise InputError(f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} for --{needed} alone: add that, or leave out "
                         f"{' and '.join(found)}.")


def say_of_method(options: argparse.Namespace, method: MethodInfo) -> None:
    """A note where a method neither draws nor computes with a network."""
    can = method.capabilities
    if can.deterministic and (found := given(options, ("seed",))):
        say(f"Note: {method.title} draws no random numbers in fusing, so {found[0]} counts for nothing.")
    if not can.needs_training and options.device not in ("auto", "cpu") and (found := given(options, ("device",))):
        say(f"Note: {method.title} has no network, so {found[0]} counts for nothing.")


def check_cohort(options: argparse.Namespace, is_bids: bool) -> None:
    """Raise InputError where an option would not choose what its user thinks it does; a note on what the group level does not need."""
    if options.analysis_level == "group":
        if found := given(options, _OF_PARTICIPANTS):
            say(f"Note: the group level looks at what is there, so {', '.join(found)} {'count' if found[1:] else 'counts'} for nothing.")
        return
    check_needs(options, ("samples",), "estimate")
    if options.input.is_file() and (found := given(options, ("first", "second", "segmentation"))):
        raise InputError(f"The table names the files of each case, so {' and '.join(found)} would count for nothing: leave that out, or "
                         "give a folder in place of the table.")
    if not is_bids and (found := given(options, ("participant_label", "session_label"))):
        raise InputError(f"{' and '.join(found)} would count for nothing: that is for BIDS data sets, chosen by suffix and entities; leave "
                         "it out, and give a table or a pattern with the cases that you want.")
