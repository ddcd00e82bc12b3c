"""Results as DICOM: each volume a series of its own, derived, for research use only, 16 bit with a rescale slope. Classic or enhanced MR.

Written with pydicom for what DICOM PS3.3 asks of an MR image (A.4). Positions are LPS in mm. Nothing of a patient is written but what the
caller hands over.
"""
from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.results import dicom_enhanced
from FusionINNLib.results.dicom_origin import Origin
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES
from FusionINNLib.results.folder import FUSED
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.volumes.itk import LPS_TO_RAS
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

EXPORTED = {FUSED: "fused", **{image.file: image.kind.words for image in (*EXACT_IMAGES, *ESTIMATE_IMAGES)}}
"""Files of a result that can be exported, and what a series of each is called."""
FOLDERS = frozenset(file.removesuffix(".nii.gz") for file in EXPORTED)
"""Names of the folders of series."""
_ESTIMATES = frozenset(image.file for image in ESTIMATE_IMAGES)
_FIRST_NUMBER = 9001
_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientWeight", "StudyInstanceUID", "StudyDate",
            "StudyTime", "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "SpecificCharacterSet")


def write_series(volumes: dict[str, Volume], folder: Path, origin: Origin | None, enhanced: bool = False) -> None:
    """A folder of slices for each of the volumes, which are named by their files (keys of `EXPORTED`); all are one study in one space.

    enhanced: one file with all slices in each folder.
    """
    common = _common(origin)
    for number, (file, volume) in enumerate(volumes.items(), _FIRST_NUMBER):
        _write(volume, folder / volume.name, number, file, common, origin, enhanced)


def to_16_bits(volume: Volume) -> tuple[np.ndarray, float, float]:
    """(stored numbers (k, j, i) in 16 bits, slope, intercept). Integers of at most 16 bits stay as they are; others take all of the range.

    What is not finite becomes the lowest value.
    """
    if volume.array.dtype.kind in "iub" and volume.array.dtype.itemsize <= 2:
        return volume.array.astype(np.uint16 if volume.array.dtype.kind in "ub" else np.int16), volume.slope, volume.intercept
    values = volume.values.astype(np.float64)
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    # The slope as its text holds it, and above: so the highest value still fits.
    slope = float(_number(max((high - low) / 65534, 1e-30)))
    low = float(_number(low))
    return np.clip(np.rint((np.where(finite, values, low) - low) / slope), 0, 65535).astype(np.uint16), slope, low


def _common(origin: Origin | None) -> dict[str, Any]:
    """What all series have in common: patient and study where they may be taken over, else new ones; the frame of reference."""
    from pydicom.uid import generate_uid

    now = datetime.datetime.now()
    common: dict[str, Any] = {
        "PatientName": "Anonymous", "PatientID": "FusionINN", "PatientBirthDate": "", "PatientSex": "", "StudyID": "",
        "StudyInstanceUID": generate_uid(), "StudyDate": "", "StudyTime": "", "AccessionNumber": "", "ReferringPhysicianName": "",
        "FrameOfReferenceUID": generate_uid(), "PositionReferenceIndicator": "", "ContentDate": now.strftime("%Y%m%d"),
        "ContentTime": now.strftime("%H%M%S"), "SpecificCharacterSet": "ISO_IR 192"}
    if origin is not None:
        first = origin.headers[0]
        common |= {word: first.get(word) for word in (_PATIENT if origin.keep_patient else ()) if first.get(word) is not None}
        if origin.same_space and first.get("FrameOfReferenceUID"):
            common["FrameOfReferenceUID"] = first.FrameOfReferenceUID
    return common


def _write(volume: Volume, folder: Path, number: int, file: str, common: dict[str, Any], origin: Origin | None, enhanced: bool) -> None:
    from pydicom.uid import generate_uid

    folder.mkdir(parents=True)
    words, said = EXPORTED[file], "ESTIMATED, research only" if file in _ESTIMATES else "research only"
    stored, slope, intercept = to_16_bits(volume)
    low, high = float(stored.min()) * slope + intercept, float(stored.max()) * slope + intercept
    common = {**common, "SeriesInstanceUID": generate_uid(), "SeriesNumber": str(number),
              "SeriesDescription": f"FusionINN {volume.name.replace('_', ' ')}, {said}"[:64],
              "ImageComments": f"{words}. {NOTICE} Made by FusionINN {__version__} from other images."}
    derived = f"FusionINN: {words}"
    rescale = {"RescaleSlope": _number(slope), "RescaleIntercept": _number(intercept), "RescaleType": "US"}
    window = {"WindowCenter": _number((low + high) / 2), "WindowWidth": _number(max(abs(high - low), abs(slope))),
              "VOILUTFunction": "LINEAR_EXACT"}  # which allows windows narrower than 1
    sources = origin.headers if origin is not None and origin.keep_patient else ()
    if enhanced:
        stored, affine = dicom_enhanced.turned_along_normal(stored, volume.affine)
        made = dicom_enhanced.enhanced_object(stored, affine, _object(stored, common), _number, rescale, window, sources, derived)
        made.save_as(folder / "0001.dcm", enforce_file_format=True)
        return
    for k, plane in enumerate(stored):
        made = _slice(plane, volume.affine, k, common)
        for word, value in {"DerivationDescription": derived, **rescale, **window}.items():
            setattr(made, word, value)
        if sources:
            made.SourceImageSequence = dicom_enhanced.references(sources)
        made.save_as(folder / f"{k + 1:04d}.dcm", enforce_file_format=True)


def _object(stored: np.ndarray, common: dict[str, Any]) -> Dataset:
    """A data set with what images of both kinds say: of patient and equipment, and how numbers (..., rows, columns) are stored."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for word, value in common.items():
        setattr(made, word, value)
    made.Modality, made.Manufacturer, made.ManufacturerModelName, made.SoftwareVersions = "MR", "FusionINN", "FusionINN", __version__
    made.BurnedInAnnotation, made.PatientPosition = "NO", ""
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = stored.shape[-2:]
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, int(stored.dtype.kind == "i")
    made.add_new("PixelData", "OW", np.ascontiguousarray(stored, stored.dtype.newbyteorder("<")).tobytes())
    return made


def _slice(plane: np.ndarray, affine: np.ndarray, k: int, common: dict[str, Any]) -> Dataset:
    """A data set of one slice (rows, columns): pixels, place, and what an MR image must say even where there is nothing to say."""
    from pydicom.uid import MRImageStorage

    made = _object(plane, common)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = MRImageStorage
    made.ImageType, made.InstanceNumber = ["DERIVED", "SECONDARY", "OTHER"], str(k + 1)
    made.ScanningSequence, made.SequenceVariant, made.ScanOptions, made.MRAcquisitionType = "RM", "NONE", "", ""
    made.Laterality = ""
    made.EchoTime = made.EchoTrainLength = made.RepetitionTime = made.AcquisitionNumber = None
    lps = LPS_TO_RAS @ affine
    edges = np.linalg.norm(lps[:3, :3], axis=0)
    directions = lps[:3, :3] / edges
    made.ImagePositionPatient = [_number(x) for x in lps[:3, 3] + k * lps[:3, 2]]
    made.ImageOrientationPatient = [_number(x) for x in (*directions[:, 0], *directions[:, 1])]
    made.PixelSpacing, made.SliceThickness = [_number(edges[1]), _number(edges[0])], _number(edges[2])
    made.SpacingBetweenSlices = _number(edges[2])
    return made


def _number(value: float) -> str:
    """A decimal string, which DICOM allows 16 letters."""
    value = float(value) + 0.0
    return next(text for digits in range(12, 4, -1) if len(text := f"{value:.{digits}g}") <= 16)
