"""A volume or segmentation from its file, read and checked as the command line does it. No slicer; may run in a thread."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.color_files import read_scan
from FusionINNLib.volumes.dicom import headers_of
from FusionINNLib.volumes.io import read_segmentation, sha256
from FusionINNLib.volumes.volume import SegmentName, Volume

SLOTS = ("first", "second", "segmentation")


_COLORS = ((0.93, 0.27, 0.27), (1.0, 0.72, 0.2), (0.93, 0.36, 0.84), (0.35, 0.82, 0.95), (0.55, 0.85, 0.35), (0.75, 0.6, 1.0))


@dataclass(frozen=True)
class Input:
    """What is to be fused, or outlines for it.

    volume: as read; of a segmentation its labels, of a scan in colour its luminance. file, sha256: for provenance, without folder.
    labels: (name, (r, g, b) 0..1) of each label of a segmentation, by its number. chroma: of a scan in colour, see `volumes/color.py`.
    headers: what the files of a DICOM series say, for what is to refer to them; they name the patient, and are kept in memory alone.
    """

    volume: Volume
    file: str
    sha256: str
    labels: dict[int, tuple[str, tuple[float, float, float]]] = field(default_factory=dict)
    chroma: np.ndarray | None = None
    headers: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def scan(self) -> Volume | ColorVolume:
        """What is to be fused."""
        return self.volume if self.chroma is None else ColorVolume(self.volume, self.chroma)


def read_input(slot: str, path: Path, *, series: str | None = None, stack: str | None = None, beside: Iterable[Input] = ()) -> Input:
    """Read what one of SLOTS is to hold. Raises InputError or GeometryError, as `fusioninn fuse` does for the same file, ChoiceError where
    it holds several series or stacks. beside: what is chosen already, which a segmentation may be of."""
    if slot == "segmentation":
        scan = read_segmentation(path, series=series, outlined=[one.volume for one in beside])
    else:
        scan = read_scan(path, series=series, stack=stack)
    volume, chroma = (scan.luminance, scan.chroma) if isinstance(scan, ColorVolume) else (scan, None)
    labels = labels_of(volume) if slot == "segmentation" else {}
    headers = headers_of(volume.identity.get("files", ())) if slot != "segmentation" else ()
    return Input(volume, volume.name if path.is_dir() else path.name, sha256(path), labels, chroma, headers)


def labels_of(volume: Volume, names: dict[int, str] | None = None) -> dict[int, tuple[str, tuple[float, float, float]]]:
    """Names and colours for the labels of a segmentation: those that are given, else those of its file, else numbers and one colour after
    another."""
    result = {}
    for n, label in enumerate(int(label) for label in np.unique(volume.array) if label):
        known = volume.segments.get(label, SegmentName(f"label {label}"))
        result[label] = (names or {}).get(label, known.name), known.color or _COLORS[n % len(_COLORS)]
    return result
