"""DICOM files as scanners and programs write them, made with pydicom from arrays; one argument for each thing that may be odd."""
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
OBLIQUE = np.array([[1.5, 0.03125, -0.25, -20.0], [-0.025, 1.2, 0.3125, -15.0], [0.09, -0.18, 3.9, 12.0], [0, 0, 0, 1]])


def upright(affine) -> np.ndarray:
    """The 4x4 with its first three columns made to stand at right angles."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    turned = np.linalg.qr(affine[:3, :3])[0]
    turned *= np.sign((turned * affine[:3, :3]).sum(axis=0))
    result = np.array(affine, dtype=float)
    result[:3, :3] = turned * lengths
    return result


GRID = upright(OBLIQUE)
"""LPS, IJK to mm, a little oblique, with three unlike edges."""


def numbers(*values) -> list[str]:
    """Decimal strings, at most 16 letters."""
    return [f"{float(x):.10g}"[:16] for x in np.ravel(values)]


def item(**elements) -> Sequence:
    """A sequence of one item."""
    dataset = Dataset()
    for key, value in elements.items():
        setattr(dataset, key, value)
    return Sequence([dataset])


def new(kind, series: str, **elements) -> Dataset:
    """What all objects have."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = kind
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3", generate_uid(entropy_srcs=[series])
    made.FrameOfReferenceUID, made.StudyID = "1.2.4", "1"
    made.PatientID, made.PatientName, made.PatientBirthDate, made.PatientSex = "P1", "Made^Up", "19700101", "O"
    made.StudyDate, made.StudyTime, made.Modality, made.SeriesDescription, made.SeriesNumber = "20200131", "1200", "MR", series, "4"
    made.AccessionNumber = made.ReferringPhysicianName = made.Manufacturer = made.PositionReferenceIndicator = ""
    for key, value in elements.items():
        setattr(made, key, value)
    return made


def put_pixels(made: Dataset, stored: np.ndarray) -> None:
    """(rows, columns) or (frames, rows, columns)."""
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, made.get("PhotometricInterpretation", "MONOCHROME2")
    made.Rows, made.Columns = stored.shape[-2:]
    made.BitsAllocated = made.BitsStored = 8 * stored.dtype.itemsize
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(stored.dtype.kind == "i")
    made.add_new("PixelData", "OW" if stored.dtype.itemsize > 1 else "OB", np.ascontiguousarray(stored).tobytes())


def place(grid: np.ndarray, k: int) -> tuple[list[str], list[str], list[str]]:
    """Position, orientation and pixel spacing of slice k."""
    edges = np.linalg.norm(grid[:3, :3], axis=0)
    turned = grid[:3, :3] / edges
    return numbers(grid[:3, 3] + k * grid[:3, 2]), numbers(turned[:, 0], turned[:, 1]), numbers(edges[1], edges[0])


def slices(stored: np.ndarray, grid: np.ndarray = GRID, series: str = "T2", **elements) -> list[Dataset]:
    """Classic MR objects of (k, j, i). An element given as a list has one value for each slice."""
    made = []
    for k, plane in enumerate(stored):
        one = new(MRImageStorage, series, ImageType=["ORIGINAL", "PRIMARY", "M"], InstanceNumber=str(k + 1),
                  ScanningSequence="SE", SequenceVariant="NONE", ScanOptions="", MRAcquisitionType="2D", EchoTime="90", EchoTrainLength="1",
                  RepetitionTime="5000", SliceThickness=numbers(np.linalg.norm(grid[:3, 2]))[0])
        one.ImagePositionPatient, one.ImageOrientationPatient, one.PixelSpacing = place(grid, k)
        for key, value in elements.items():
            setattr(one, key, value[k] if isinstance(value, list) else value)
        put_pixels(one, plane)
        made.append(one)
    return made


def enhanced(planes, grids_and_k, shared=None, per_frame=None, series: str = "T2") -> Dataset:
    """An enhanced MR object. planes: (j, i) each; grids_and_k: (grid, k) each; per_frame: more groups, a dictionary for each frame."""
    groups = []
    for n, (grid, k) in enumerate(grids_and_k):
        position, orientation, spacing = place(grid, k)
        where = {"PlanePositionSequence": item(ImagePositionPatient=position), "PixelMeasuresSequence": item(PixelSpacing=spacing),
                 "PlaneOrientationSequence": item(ImageOrientationPatient=orientation)}
        groups.append(item(**where, **(per_frame[n] if per_frame else {}))[0])
    made = new(EnhancedMRImageStorage, series, NumberOfFrames=str(len(planes)), InstanceNumber="1")
    made.PerFrameFunctionalGroupsSequence, made.SharedFunctionalGroupsSequence = Sequence(groups), item(**(shared or {}))
    put_pixels(made, np.stack(planes))
    return made


def save(objects, folder, name="{:04d}.dcm"):
    """One file for each, in a folder, which is returned."""
    folder.mkdir(exist_ok=True, parents=True)
    before = len(list(folder.iterdir()))
    for n, one in enumerate(objects, before):
        pydicom.dcmwrite(folder / name.format(n), one, enforce_file_format=True)
    return folder
