"""A volume as one enhanced multi-frame MR object (DICOM PS3.3, A.36): derived, one rescaling for all frames, frames along their normal.

Its parts are those of a classic slice (see `dicom_folder.py`) where the standard has the same, and functional groups for the rest.
"""
# pydicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from FusionINNLib.volumes.itk import LPS_TO_RAS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset, Sequence

_TYPE = ["DERIVED", "PRIMARY", "VOLUME", "OTHER"]
"""Of image and frames: the second word of enhanced MR is PRIMARY, whatever was done to it."""
_SAYS = {"PixelPresentation": "MONOCHROME", "VolumetricProperties": "VOLUME", "VolumeBasedCalculationTechnique": "NONE",
         "ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "UNKNOWN"}
"""What enhanced MR says of the image, and of its frames again."""
_PLACES = (("StackID", 0x00209056), ("InStackPositionNumber", 0x00209057))
"""What tells frames apart, and its element."""


def turned_along_normal(stored: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slices (k, j, i) and affine (to RAS) with rising k along rows x columns in LPS, as programs suppose of the frames of a file."""
    lps = LPS_TO_RAS[:3, :3] @ affine[:3, :3]
    if np.cross(lps[:, 0], lps[:, 1]) @ lps[:, 2] > 0:
        return stored, affine
    last = np.eye(4)
    last[2, 2:] = -1, len(stored) - 1
    return stored[::-1], affine @ last


def enhanced_object(stored: np.ndarray, affine: np.ndarray, start: Dataset, number: Callable[[float], str],
                    rescale: dict[str, str], window: dict[str, str], sources: tuple[Dataset, ...], derived: str) -> Dataset:
    """All slices (k, j, i) in one object.

    Args:
        affine: to RAS in mm, slices along their normal.
        start: with these pixels, and what is said of patient, study, series and equipment.
        number: to decimal strings.
        rescale, window: elements of all frames.
        sources: headers of images that were fused; none where they are to stay unknown. derived: how.
    """
    from pydicom.sequence import Sequence
    from pydicom.uid import EnhancedMRImageStorage, generate_uid

    made, lps = start, LPS_TO_RAS @ affine
    edges = np.linalg.norm(lps[:3, :3], axis=0)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    made.ImageType, made.NumberOfFrames, made.InstanceNumber = _TYPE, str(len(stored)), "1"
    made.LossyImageCompression, made.PresentationLUTShape, made.DeviceSerialNumber = "00", "IDENTITY", "1"
    made.ContentQualification, made.ApplicableSafetyStandardAgency = "RESEARCH", "IEC"  # the latter is asked of every MR image
    made.AcquisitionContextSequence = Sequence()
    for word, value in _SAYS.items():
        setattr(made, word, value)
    organization = generate_uid()
    made.DimensionOrganizationSequence = _item(DimensionOrganizationUID=organization)
    made.DimensionIndexSequence = Sequence([
        _item(DimensionOrganizationUID=organization, DimensionIndexPointer=tag, FunctionalGroupPointer=0x00209111,
              DimensionDescriptionLabel=word)[0] for word, tag in _PLACES])
    directions = lps[:3, :3] / edges
    groups = {
        "PixelMeasuresSequence": _item(PixelSpacing=[number(edges[1]), number(edges[0])], SliceThickness=number(edges[2]),
                                       SpacingBetweenSlices=number(edges[2])),
        "PlaneOrientationSequence": _item(ImageOrientationPatient=[number(x) for x in (*directions[:, 0], *directions[:, 1])]),
        "FrameAnatomySequence": _item(FrameLaterality="U", AnatomicRegionSequence=_code("12738006", "SCT", "Brain")),
        "PixelValueTransformationSequence": _item(**rescale), "FrameVOILUTSequence": _item(**window),
        "MRImageFrameTypeSequence": _item(FrameType=_TYPE, **_SAYS)}
    if sources:
        refer = references(sources)
        for one in refer:
            one.PurposeOfReferenceCodeSequence = _code("121322", "DCM", "Source image for image processing operation")
        made.SourceImageEvidenceSequence = _evidence(sources)
        groups["DerivationImageSequence"] = _item(DerivationCodeSequence=_code("FUSION", "99FUSIONINN", "Fusion of two images"),
                                                  DerivationDescription=derived, SourceImageSequence=refer)
    made.SharedFunctionalGroupsSequence = _item(**groups)
    made.PerFrameFunctionalGroupsSequence = Sequence([
        _item(FrameContentSequence=_item(StackID="1", InStackPositionNumber=k + 1, DimensionIndexValues=[1, k + 1]),
              PlanePositionSequence=_item(ImagePositionPatient=[number(x) for x in lps[:3, 3] + k * lps[:3, 2]]))[0]
        for k in range(len(stored))])
    return made


def references(headers: tuple[Dataset, ...]) -> Sequence:
    """Items that refer to objects by their headers."""
    from pydicom.sequence import Sequence

    return Sequence([_item(ReferencedSOPClassUID=one.SOPClassUID, ReferencedSOPInstanceUID=one.SOPInstanceUID)[0] for one in headers])


def _evidence(headers: tuple[Dataset, ...]) -> Sequence:
    """The same by study and series."""
    from pydicom.sequence import Sequence

    series: dict[tuple[str, str], list[Dataset]] = {}
    for one in headers:
        series.setdefault((str(one.get("StudyInstanceUID")), str(one.get("SeriesInstanceUID"))), []).append(one)
    return Sequence([
        _item(StudyInstanceUID=study, ReferencedSeriesSequence=_item(
            SeriesInstanceUID=own, ReferencedSOPSequence=references(tuple(objects))))[0]
        for (study, own), objects in series.items()])


def _code(value: str, scheme: str, meaning: str) -> Sequence:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _item(**elements: Any) -> Sequence:
    """A sequence of one item."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    made = Dataset()
    for word, value in elements.items():
        setattr(made, word, value)
    return Sequence([made])
