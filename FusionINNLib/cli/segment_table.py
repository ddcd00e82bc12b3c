"""What both sources and the fused image hold inside each segment, by its name, as a table on the terminal."""
import math

import numpy as np

from FusionINNLib.evaluation.segment_numbers import IMAGES, SegmentNumbers, in_segments
from FusionINNLib.results.records import Fusion
from FusionINNLib.results.segments import DEFAULT_COLOR, Drawn, Segment
from FusionINNLib.volumes.volume import Volume

MOST = 30
"""Segments that are listed; parcellations of a brain have hundreds."""


def segment_table(fusion: Fusion, labels: Volume) -> str:
    """Volume, mean and standard deviation in each segment. labels: on the grid of the fused image; "" where none is above 0."""
    found = [int(label) for label in np.unique(labels.array) if label > 0]
    if not found:
        return ""
    segments = tuple(_segment(labels, label) for label in found[:MOST])
    numbers = in_segments((fusion.first, fusion.second, fusion.fused), Drawn(labels.name, (labels,), segments)).rows
    by_image = {image: {row.segment.label: row for row in numbers if row.image == image} for image in IMAGES}
    head = ["segment", "ml", *(f"{volume.name}{f' ({volume.unit})' if volume.unit else ''}"
                               for volume in (fusion.first, fusion.second, fusion.fused))]
    table = [head] + [[one.name, f"{by_image['fused'][one.label].volume_ml:.3g}", *(_mean(by_image[image][one.label]) for image in IMAGES)]
                      for one in segments]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    lines = ["  " + "  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))])
             for line in table]
    more = [f"  and {len(found) - MOST} more"] if len(found) > MOST else []
    return "\n".join(["Inside the segments, mean +- standard deviation:", *lines, *more])


def _segment(labels: Volume, label: int) -> Segment:
    named = labels.segments.get(label)
    name = " ".join(named.name.split()) if named is not None else ""
    return Segment(str(label), name or f"label {label}", DEFAULT_COLOR if named is None or named.color is None else named.color, label)


def _mean(row: SegmentNumbers) -> str:
    return f"{row.mean:.4g} +- {row.sd:.2g}" if math.isfinite(row.mean) else "-"
