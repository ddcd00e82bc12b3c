"""Every method on one slice of data that may be shown, and below each image what it differs by from the plain average."""
from pathlib import Path

import numpy as np

from FusionINNLib.evaluation.inputs import read_comparison
from FusionINNLib.methods import registry
from FusionINNLib.reports.slice_view import slice_view
from FusionINNLib.volumes.io import read_volume
from training.benchmark.pictures import DIFFERENCE, Row, Tile, drawn
from training.comparison.compare import AVERAGE
from training.comparison.slabs import Slab, SlabSet


def pictures_of(entry: SlabSet, slab: Slab, fused: dict[str, Path]) -> dict[str, bytes]:
    """A PNG by name, of the slice in which the sources differ most; none for data that may not be shown.

    fused: method -> folder of its fusion.
    """
    if not entry.publishable or AVERAGE not in fused:
        return {}
    images = {name: read_comparison((slab.first, slab.second_grey, folder / "fused.nii.gz")).images for name, folder in fused.items()}
    first, second, _ = images[AVERAGE]
    k = int(np.argmax(np.abs(first - second).sum((1, 2))))
    tiles: list[Tile | None] = [Tile("first source", first[k]), Tile("second source", second[k])]
    below: list[Tile | None] = [None, None]
    for name, (_, _, image) in images.items():
        tiles.append(Tile(registry.info(name).title, image[k]))
        below.append(None if name == AVERAGE else Tile("minus average", image[k] - images[AVERAGE][2][k], DIFFERENCE))
    columns = -(-len(tiles) // -(-len(tiles) // 7))
    rows: list[Row] = [row[start:start + columns] for start in range(0, len(tiles), columns) for row in (tiles, below)]
    volume = read_volume(slab.first)
    shown = np.maximum(first[k], second[k]) > 0.05
    return {f"methods_{entry.key}.png": drawn(rows, slice_view(volume.affine, volume.through_plane_axis), shown)}
