"""FreeSurfer's .mgz and .mgh files to volumes, read with nibabel. Their scanner coordinates are RAS in mm."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.nifti import opened
from FusionINNLib.volumes.volume import Volume, check_shape

ENDINGS = (".mgz", ".mgh")
_KNOWN = slice(28, 30)
"""Bytes of the header that say whether it tells where the volume lies."""


def read_mgh(path: Path, name: str) -> Volume:
    """Read one .mgz or .mgh. Raises InputError for what is damaged or holds several frames, GeometryError for a bad affine."""
    import nibabel

    try:
        with opened(path, name) as file:  # packed or not, whatever it is called
            content = file.read()
        image = nibabel.MGHImage.from_bytes(content)
        if int(np.prod(image.shape[3:], dtype=np.int64)) > 1:
            raise InputError(f"{name}: the file holds {image.shape[3]} frames; extract the one you want as a three-dimensional volume.")
        array = np.asarray(image.dataobj).reshape(image.shape[:3])
    except (InputError, MemoryError):
        raise
    except Exception as error:  # nibabel, gzip and numpy each have errors of their own
        raise InputError(f"{name}: this is not a FreeSurfer volume that can be read, or it is cut off; copy or export it again.") from error
    check_shape(array.shape, name)
    assert image.affine is not None  # an MGH header always has one
    known = int.from_bytes(content[_KNOWN], "big", signed=True) > 0  # nibabel sets the flag where it fills up what is not known
    notes = () if known else ("the header doesn't say where the volume lies: taken as coronal and centred, as FreeSurfer does",)
    return Volume(np.ascontiguousarray(array.T, array.dtype.newbyteorder("=")), image.affine, name, notes=notes)
