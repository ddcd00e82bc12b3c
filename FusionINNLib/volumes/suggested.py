"""Outlines that a network suggested: how their files say so, and how they are known again wherever an outline is read."""
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib.volumes.nifti import opened, read_header
from FusionINNLib.volumes.volume import SegmentName, Volume

NAME = "SUGGESTED lesion"
COLOR = (0.0, 0.9, 0.9)
"""Cyan: no tissue, and none of the colours of drawn segments."""
DESCRIPTION = "FusionINN: SUGGESTED lesion, drawn by nobody. Research use only."
NOTE = "SUGGESTED by a network, drawn by nobody"
_WORD = "SUGGESTED"
TAGS = {"FusionINN.Origin": "SUGGESTED by a network, not drawn by a person", "FusionINN.Notice": "Research use only. Not for diagnosis."}
"""Of a segment in 3D Slicer."""


def named_where_suggested(labels: Volume, path: Path) -> Volume:
    """Labels just read from a NIfTI file, with the name and colour of a suggestion where its header says that it is one."""
    with opened(path, path.name) as file:
        description = bytes(read_header(file, path.name)["descrip"])
    if not description.startswith(DESCRIPTION.split(",")[0].encode()):
        return labels
    return replace(labels, segments={int(label): SegmentName(NAME, COLOR) for label in np.unique(labels.array) if label > 0})


def is_suggested(labels: Volume) -> bool:
    """Whether one of the segments is named as a suggestion is: until somebody gives it another name, nobody has made it his own."""
    return any(is_suggested_name(one.name) for one in labels.segments.values())


def is_suggested_name(name: str) -> bool:
    """Whether a segment is called as a suggestion is."""
    return name.startswith(_WORD)
