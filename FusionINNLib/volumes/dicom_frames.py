"""What DICOM files say of their frames: where each lies, how its numbers become values, and what tells it from others at the same place.

A classic file holds one frame and says everything at its top; an enhanced one says it for all frames or for each, in functional groups.
Positions and directions are LPS in mm, as DICOM has them.
"""
# pydicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.dicom_private import is_private_mosaic, private_b_value, private_direction, private_tags
from FusionINNLib.volumes.volume import Identity

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

Trait = float | str | tuple[float, ...]
_Group = Callable[[str], "Dataset | None"]
"""Name of a functional group -> its item for a frame."""
_Said = TypeVar("_Said")
_Found = Callable[[str, str], Any]
"""(name of a functional group, keyword) -> value."""

_DECIDES = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "SeriesNumber", "StudyInstanceUID", "StudyDate",
            "FrameOfReferenceUID", "PatientID", "PatientName", "Modality", "ImageType",
            "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel",
            "PhotometricInterpretation", "LossyImageCompression", "BitsAllocated", "BitsStored",
            "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
            "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "RealWorldValueMappingSequence",
            "DiffusionBValue", "DiffusionGradientOrientation", "EchoTime", "EchoNumbers", "InversionTime", "TemporalPositionIdentifier",
            "TriggerTime", "AcquisitionNumber", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
"""What is read of a header, with `private_tags`; the rest is skipped."""

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81")
"""Transfer syntaxes that always lose something: JPEG of 8 and 12 bits, JPEG-LS near-lossless."""
_TAGS: tuple[tuple[Literal["patient_id", "patient_name", "study_date", "study_uid", "modality"], str], ...] = (
    ("patient_id", "PatientID"), ("patient_name", "PatientName"), ("study_date", "StudyDate"), ("study_uid", "StudyInstanceUID"),
    ("modality", "Modality"))


@dataclass(frozen=True)
class Frame:
    """One plane of pixels.

    file, number      the file, and the frame's number in it from 0; instance: the file's number in its series, 0 where it has none
    size              (rows, columns)
    position          (3,) LPS mm of the first pixel's centre; orientation: (6,) directions along a row, then along a column; spacing: mm
                      between rows, between columns. None where the file doesn't say
    apart, thick      mm from slice to slice by the header, and thickness of a slice; None where it doesn't say
    slope, intercept  value = stored * slope + intercept; unit of the value, "" where nothing says it
    mappings          real-world value mappings that the file offers, of which the first is taken; is_rescaled: whether it has a rescaling
    traits            what may tell frames at one position apart: name -> value, with a key only where the file has it
    """

    file: Path
    number: int
    instance: int
    size: tuple[int, int]
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    apart: float | None
    thick: float | None
    slope: float
    intercept: float
    unit: str
    mappings: int
    is_rescaled: bool
    traits: dict[str, Trait] = field(hash=False)

    @property
    def depth(self) -> float | None:
        """mm to the next slice as the header has it: where it says none, slices are as far apart as they are thick."""
        return self.apart or self.thick


@dataclass(frozen=True)
class DicomFile:
    """A file with pixels and what it says once for all of its frames. tags: see `identity` of a Volume."""

    path: Path
    instance: str
    series: str
    description: str
    series_number: int | None
    is_segmentation: bool
    is_enhanced: bool  # says in functional groups where its frames lie
    photometric: str
    samples: int
    lossy: bool
    reference: str  # frame of reference, "" where it has none
    tags: Identity
    frames: tuple[Frame, ...]

    @property
    def is_colored(self) -> bool:
        """Whether its pixels are colours."""
        return self.samples > 1 or self.photometric.startswith(("PALETTE", "RGB", "YBR"))


def read_header(path: Path) -> DicomFile | None:
    """A DICOM file that holds pixels; None for any other file. Raises InputError where what it says of its frames can't be used."""
    import pydicom

    if not _looks_like_dicom(path):
        return None
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=_decisive())
        if "Rows" not in header or "SOPClassUID" not in header:
            return None
        return _described(path, header)
    except InputError:
        raise
    except Exception as error:  # whatever pydicom meets in a damaged file
        raise InputError(f"{path.name}: this DICOM file is damaged or cut off; copy or export it again.") from error


@cache
def _decisive() -> list[BaseTag]:
    from pydicom.tag import Tag

    return [*(Tag(one) for one in _DECIDES), *private_tags()]


def _looks_like_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does: with 128 bytes and DICM, or at once with an element of group 2 or 8."""
    with open(path, "rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or (len(start) == 132 and start[:2] in (b"\x08\x00", b"\x02\x00") and start[3:4] == b"\x00")


def _described(path: Path, header: Dataset) -> DicomFile:
    tags: Identity = {}
    for key, word in _TAGS:
        if value := _text(header, word):
            tags[key] = value
    number = _text(header, "SeriesNumber")
    return DicomFile(path, _text(header, "SOPInstanceUID"), _text(header, "SeriesInstanceUID"),
                     " ".join(_text(header, "SeriesDescription").split()), int(number) if number.lstrip("-").isdigit() else None,
                     _text(header, "SOPClassUID") in _SEGMENTATIONS, "SharedFunctionalGroupsSequence" in header,
                     _text(header, "PhotometricInterpretation"),
                     int(header.get("SamplesPerPixel") or 1),
                     _text(header, "LossyImageCompression") == "01" or header.file_meta.get("TransferSyntaxUID") in _LOSSY,
                     _text(header, "FrameOfReferenceUID"), tags, tuple(_frames(path, header)))


def _frames(path: Path, header: Dataset) -> Iterator[Frame]:
    count = int(header.get("NumberOfFrames") or 1)
    groups: list[Dataset] = list(header.get("PerFrameFunctionalGroupsSequence") or [])
    shared: list[Dataset] = list(header.get("SharedFunctionalGroupsSequence") or [])[:1]
    if groups and len(groups) != count:
        raise InputError(f"{path.name}: the file describes {len(groups)} of its {count} frames; export the series again.")
    for number in range(count):
        frame = _frame(path, header, number, [*groups[number:number + 1], *shared])
        yield replace(frame, position=None) if count > 1 and not groups else frame  # the one at the top is not that of every frame


def _items(homes: list[Dataset], sequence: str) -> list[Dataset]:
    """All items of a functional group, of the frame or of all frames."""
    return next((list(items) for home in homes if (items := home.get(sequence))), list["Dataset"]())


def _item(homes: list[Dataset], sequence: str) -> Dataset | None:
    """The first item of a functional group, of the frame or of all frames; None where there is none."""
    return next(iter(_items(homes, sequence)), None)


def _frame(path: Path, header: Dataset, number: int, homes: list[Dataset]) -> Frame:
    group: _Group = partial(_item, homes)

    def found(sequence: str, word: str) -> Any:
        """The value in the functional group where there is one, else at the top."""
        item = group(sequence)
        value = None if item is None else item.get(word)
        return header.get(word) if value in (None, "") else value

    mappings = _items([*homes, header], "RealWorldValueMappingSequence")
    slope, intercept, unit = _scale(path, header, group, mappings)
    instance, spacing = _text(header, "InstanceNumber"), _numbers(found("PixelMeasuresSequence", "PixelSpacing"), 2)
    return Frame(path, number, int(instance) if instance.lstrip("-").isdigit() else 0, (int(header.Rows), int(header.Columns)),
                 _numbers(found("PlanePositionSequence", "ImagePositionPatient"), 3),
                 _numbers(found("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
                 None if spacing is None else (spacing[0], spacing[1]), _depth(found, "SpacingBetweenSlices"),
                 _depth(found, "SliceThickness"), slope, intercept, unit, len(mappings),
                 any(found("PixelValueTransformationSequence", f"Rescale{word}") is not None for word in ("Slope", "Intercept")),
                 _traits(header, group, found))


def _depth(found: _Found, word: str) -> float | None:
    value = _numbers(found("PixelMeasuresSequence", word), 1)
    return value[0] if value and value[0] > 0 else None


def _scale(path: Path, header: Dataset, group: _Group, mappings: list[Dataset]) -> tuple[float, float, str]:
    """(slope, intercept, unit): the real-world mapping where the file has one, else the rescaling that scanners give, else (1, 0, "")."""
    mapping = mappings[0] if mappings else None
    if len({tuple(str(one.get(f"RealWorldValue{word}ValueMapped")) for word in ("First", "Last")) for one in mappings}) > 1:
        raise InputError(f"{path.name}: the stored numbers become values by several real-world value mappings, each for a range of them; "
                         "export the series with one for all.")
    if mapping is not None and mapping.get("RealWorldValueSlope") is not None:
        unit = _item([mapping], "MeasurementUnitsCodeSequence")
        code = "" if unit is None else _text(unit, "CodeValue")
        return *_usable(path, mapping.RealWorldValueSlope, mapping.get("RealWorldValueIntercept", 0)), "" if code == "1" else code
    home = group("PixelValueTransformationSequence") or header
    if mapping is not None or home.get("ModalityLUTSequence"):
        raise InputError(f"{path.name}: the stored numbers become values by a table, which isn't known here; export the series with a "
                         "rescale slope and intercept.")
    slope, intercept = home.get("RescaleSlope"), home.get("RescaleIntercept")
    return *_usable(path, 1 if slope is None else slope, intercept or 0), ""


def _usable(path: Path, slope: Any, intercept: Any) -> tuple[float, float]:
    try:
        pair = float(slope), float(intercept)
    except (TypeError, ValueError):
        pair = (0.0, 0.0)
    if pair[0] == 0 or not np.isfinite(pair).all():
        raise InputError(f"{path.name}: the rescale slope is no usable number; export the series again from its source.")
    return pair


def _traits(header: Dataset, group: _Group, found: _Found) -> dict[str, Trait]:
    """See `Frame`. In the order in which they are tried: what a reader of the list of choices knows best comes first."""
    content, frame_type = group("FrameContentSequence"), group("MRImageFrameTypeSequence")
    kind = header.get("ImageType") if frame_type is None else frame_type.get("FrameType")
    inversion, cycle = _first(group("MRModifierSequence"), "InversionTimes"), group("CardiacSynchronizationSequence")
    traits: dict[str, Trait | None] = {
        "b-value": _b_value(header, group),
        "direction": _direction(header, group),
        "echo time": found("MREchoSequence", "EffectiveEchoTime") or header.get("EchoTime"),
        "inversion time": inversion or header.get("InversionTime"),
        "kind": "/".join([*([kind] if isinstance(kind, str) else kind or ()), *(("MOSAIC",) if is_private_mosaic(header) else ())]),
        "time": _first(content, "TemporalPositionIndex") or header.get("TemporalPositionIdentifier"),
        "trigger time": _first(cycle, "NominalCardiacTriggerDelayTime") or header.get("TriggerTime"),
        "stack": _first(content, "StackID"), "segment": _first(group("SegmentIdentificationSequence"), "ReferencedSegmentNumber"),
        "acquisition": _first(content, "FrameAcquisitionNumber") or header.get("AcquisitionNumber")}
    return {name: _plain(value) for name, value in traits.items() if value is not None and value != ""}


def _b_value(header: Dataset, group: _Group) -> float | None:
    diffusion = group("MRDiffusionSequence")
    value = _first(diffusion, "DiffusionBValue")
    value = 0 if value is None and _first(diffusion, "DiffusionDirectionality") == "NONE" else value
    value = header.get("DiffusionBValue") if value is None else value
    try:
        return _private(header, private_b_value) if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _private(header: Dataset, read: Callable[[Dataset], _Said]) -> _Said | None:
    """What a scanner's own elements at the top of a file say, which is not said for each of several frames."""
    return None if int(header.get("NumberOfFrames") or 1) > 1 else read(header)


def _direction(header: Dataset, group: _Group) -> tuple[float, ...] | None:
    item = _first(group("MRDiffusionSequence"), "DiffusionGradientDirectionSequence")
    value = item[0].get("DiffusionGradientOrientation") if item else header.get("DiffusionGradientOrientation")
    numbers = _numbers(_private(header, private_direction) if value is None else value, 3)
    return None if numbers is None else tuple(round(x, 4) for x in numbers)


def _first(item: Dataset | None, word: str) -> Any:
    """What an item says, the first of several values; None where there is no item."""
    value = None if item is None else item.get(word)
    return value if value is None or isinstance(value, (str, float, int)) or not len(value) or word.endswith("Sequence") else value[0]


def _plain(value: Trait) -> Trait:
    """A value that can be compared and printed: numbers as floats, tuples as they are, the rest as text."""
    if isinstance(value, tuple):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(x) for x in np.ravel(value)) if value is not None else ()
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _text(header: Dataset, word: str) -> str:
    return str(header.get(word) or "").strip(" \0")
