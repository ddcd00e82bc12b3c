"""Grids, voxels and files that several tests are made of."""
import locale

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from FusionINNLib.volumes.itk import to_sitk
from FusionINNLib.volumes.volume import Volume

SHAPE_IJK = (7, 6, 5)


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Turn about x, then y, then z, in radians."""
    (a, b, c), (d, e, f) = np.cos((x, y, z)), np.sin((x, y, z))
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    return np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]]) @ about_y @ about_x


def affine_from(directions, spacing=(1.0, 1.0, 1.0), origin=(10.0, -20.0, 30.0)) -> np.ndarray:
    """IJK-to-RAS from the directions of i, j, k (columns), voxel edges and the place of the first voxel, in mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions) * spacing
    affine[:3, 3] = origin
    return affine


AFFINES = {
    "plain": affine_from(np.eye(3)),
    "lps": affine_from(np.diag([-1, -1, 1])),
    "oblique": affine_from(rotation(0.3, -0.2, 0.5), (0.9, 1.1, 4.0)),
    "left-handed": affine_from(rotation(0.1, 0.4, -0.6) @ np.diag([-1, 1, 1]), (1.0, 2.0, 3.0)),
    "permuted": affine_from(np.eye(3)[:, [2, 0, 1]], (0.5, 0.6, 5.0)),
}


def noise(dtype=np.int16, shape=SHAPE_IJK[::-1], seed: int = 1) -> np.ndarray:
    """(k, j, i) of any type; integers reach both ends of it."""
    generator = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        array = generator.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        array.flat[:2] = info.min, info.max
        return array
    return generator.normal(size=shape).astype(dtype)


def write_with_nibabel(path, array_ijk, affine=np.eye(4), **header):
    """A NIfTI file as others write it; returns its path."""
    image = nib.Nifti1Image(array_ijk, affine)
    for key, value in header.items():
        image.header[key] = value
    image.to_filename(path)
    return path


def write_dicom(folder, array, affine, uid="1.2.3", skip=(), repeat=False, **tags):
    """One series, written slice by slice as a scanner would. The affine is IJK-to-RAS in mm."""
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)  # the writer sets it to "C" for the whole process
    image = to_sitk(array, affine)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    for k in range(image.GetDepth()):
        if k in skip:
            continue
        piece = image[:, :, k]
        position = image.TransformIndexToPhysicalPoint((0, 0, 0 if repeat and k == 1 else k))
        for tag, value in {"0008|0060": "MR", "0020|000e": uid, "0020|000d": "1.2", "0008|0018": f"{uid}.{k + 1}", "0020|0013": str(k),
                           "0020|0032": "\\".join(f"{x:.8g}" for x in position), "0018|0050": "4",
                           "0020|0037": "\\".join(f"{x:.10g}" for x in direction[:, :2].T.ravel()), **tags}.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}_{array.shape[0] - k}.dcm"))
        writer.Execute(piece)
    locale.setlocale(locale.LC_ALL, before)
    return folder


def head(dtype=np.int16, shape=(6, 40, 44), seed: int = 0, top: int = 900) -> np.ndarray:
    """(k, j, i): a textured ellipse, 40 to `top`, on a background of exact zeros, which is what a skull-stripped volume looks like."""
    generator = np.random.default_rng(seed)
    k, j, i = (np.linspace(-1, 1, size) for size in shape)
    inside = (0.5 * k[:, None, None]) ** 2 + (1.3 * j[:, None]) ** 2 + (1.2 * i) ** 2 < 0.8
    waves = 0.5 + 0.25 * np.sin(5 * i * seed + 4 * j[:, None] + 2 * k[:, None, None]) + generator.normal(scale=0.05, size=shape)
    return np.where(inside, 40 + (top - 40) * np.clip(waves, 0, 1), 0).astype(dtype)


def volume(array: np.ndarray, name: str = "scan", affine=AFFINES["lps"], **fields) -> Volume:
    """A volume on a plain grid."""
    return Volume(array, affine, name, **fields)
