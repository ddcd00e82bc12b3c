"""What --dry-run says: what would be done, after everything was checked that takes a second."""
from collections.abc import Iterable
from pathlib import Path

from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.volumes.volume import Volume


def say_fusion(first: Volume, second: Volume, align: str, reference: str, method: str, takes: str, out: Path, names: Iterable[str]) -> None:
    """Of two volumes that were read. takes: a sentence on the time."""
    print(f"Would fuse {_described(first)} and {_described(second)} by {method}.")
    fixed, moving = (first, second) if reference == "first" else (second, first)
    if align != "rigid" and first.same_grid(second):
        print("Both lie on the same grid: nothing would be moved.")
    elif align == "none":
        print("Their grids differ, which --align none refuses.")
    else:
        how = "by the headers alone" if align == "header" else "by its header, and moved to fit where that fits better"
        print(f"{moving.name} would be brought onto the grid of {fixed.name} {how}.")
    if takes:
        print(takes)
    _say_end(out, names)


def say_decomposition(fused: Volume, kind: str, out: Path, names: Iterable[str]) -> None:
    """Of a fused image that was read; kind: "exactly", or how it would be estimated."""
    print(f"Would decompose {_described(fused)} {kind}.")
    _say_end(out, names)


def _say_end(out: Path, names: Iterable[str]) -> None:
    print(f"Into {out}: {', '.join(sorted(names))}. Nothing was written.\n{NOTICE}")


def _described(volume: Volume) -> str:
    size = " x ".join(str(count) for count in volume.shape[::-1])
    edges = " x ".join(f"{edge:.3g}" for edge in volume.spacing_ijk_mm)
    return f"{volume.name} ({size} voxels of {edges} mm)"
