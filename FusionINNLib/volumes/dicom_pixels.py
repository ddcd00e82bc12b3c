"""The pixels of DICOM frames, unpacked: stored numbers as the header describes them, whatever the transfer syntax."""
# pydicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import InputError, in_brief
from FusionINNLib.volumes.dicom_frames import Frame

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset

_DECODERS = ("pydicom", "pyjpegls", "gdcm", "pillow", "pylibjpeg")
"""Of pydicom, the first that is there. pylibjpeg's libjpeg, which fills up a file that is cut off without a word, is never asked."""


def stored_planes(frames: list[Frame], step: Callable[[int], None],
                  into: Callable[[np.ndarray, Dataset], np.ndarray] | None = None) -> list[np.ndarray]:
    """Stored numbers (rows, columns) of each frame, in the order of `frames`; each file is opened once. step is told how many are done.

    into: what else is done to the pixels of a file, with its header; of colours the planes are (rows, columns, 3).
    Raises InputError for a file that is cut off or packed in a way that can't be unpacked here.
    """
    planes: dict[int, np.ndarray] = {}
    wanted: dict[Path, list[int]] = {}
    for place, frame in enumerate(frames):
        wanted.setdefault(frame.file, []).append(place)
    done = 0
    for file, places in wanted.items():
        for place, plane in zip(places, _planes_of(file, [frames[place] for place in places], into)):
            planes[place] = plane
        done += len(places)
        step(done)
    return [planes[place] for place in range(len(frames))]


def _planes_of(file: Path, frames: list[Frame], into: Callable[[np.ndarray, Dataset], np.ndarray] | None) -> list[np.ndarray]:
    import pydicom
    from pydicom import config, uid

    dataset, bits = None, (0, 0)
    try:
        with config.disable_value_validation():
            dataset = pydicom.dcmread(file, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if dataset.original_encoding[0] else uid.ExplicitVRLittleEndian
        bits = _bits_said(dataset)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bytes behind the pixels, which mean nothing
            pixels = _within_bits(_unpacked(dataset), dataset, *bits)
            pixels = pixels if into is None else into(pixels, dataset)
    except MemoryError:
        raise
    except Exception as error:  # each decoder has errors of its own
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
        if syntax is not None and syntax.is_transfer_syntax and syntax.is_compressed:
            raise InputError(f"{file.name}: pixels packed as {syntax.name} can't be unpacked ({in_brief(error)}); export the series "
                             "uncompressed.") from error
        raise InputError(f"{file.name}: the pixels are damaged or cut off; copy or export the file again.") from error
    if pixels.ndim == (2 if into is None else 3):
        pixels = pixels[None]
    if len(pixels) <= max(frame.number for frame in frames):
        raise InputError(f"{file.name}: the file holds fewer frames than it says; copy or export it again.")
    return [pixels[frame.number] for frame in frames]


def _unpacked(dataset: FileDataset) -> np.ndarray:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import JPEG2000TransferSyntaxes

    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not syntax.is_deflated:
        present = get_decoder(syntax).available_plugins
        usable = [one for one in _DECODERS if one in present and (one != "pylibjpeg" or syntax in JPEG2000TransferSyntaxes)]
        if not usable:
            raise ModuleNotFoundError("no decoder for it is installed")
        dataset.pixel_array_options(decoding_plugin=usable[0])
    return dataset.pixel_array


def _bits_said(dataset: FileDataset) -> tuple[int, int]:
    """(bits used of a number, the highest of them), 0 where the header doesn't say; uncompressed numbers are then given with all their
    bits, as pydicom would cut off the upper ones, wherever those in use lie."""
    used = int(dataset.get("BitsStored") or 0)
    high = int(dataset.get("HighBit", used - 1)) if used else 0
    if used and not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.BitsStored, dataset.HighBit = dataset.BitsAllocated, dataset.BitsAllocated - 1
    return used, high


def _within_bits(pixels: np.ndarray, dataset: FileDataset, used: int, high: int) -> np.ndarray:
    """Without what some writers keep in the bits above (overlays) or below those that are used, and with the sign where it is one."""
    allocated = 8 * pixels.dtype.itemsize
    if pixels.dtype.kind not in "iu" or not used:
        return pixels
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        high = used - 1
    above = allocated - 1 - high
    if used >= allocated or above < 0 or high + 1 < used:
        return pixels
    return (pixels << above) >> (allocated - used)
