"""Pictures from PNG files, as the fusion literature exchanges its images."""
import zlib
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.impostors import check_no_pipe

ENDING = ".png"
_OTHERS = (".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def is_picture(path: Path) -> bool:
    """Whether the name says that this is a picture. Raises InputError for pictures of other kinds than PNG."""
    ending = path.suffix.lower()
    if ending in _OTHERS and not path.is_dir():
        raise InputError(f"{path.name}: pictures are read from PNG files only, which keep every grey level; save it as 8-bit grey PNG.")
    return ending == ENDING and not path.is_dir()


def check_no_picture(path: Path) -> None:
    """Raise InputError where a segmentation is wanted and the name says that this is a picture."""
    if path.suffix.lower() in (ENDING, *_OTHERS) and path.is_file():
        raise InputError(f"{path.name}: a picture cannot be a segmentation, as its grey levels are no labels; give a label volume (NIfTI, "
                         "NRRD, MHA) on the grid of one of the sources, for pictures one that was drawn on one of them in 3D Slicer.")


def read_grey(path: Path) -> np.ndarray:
    """Grey levels (j, i), uint8, 0..255 as stored. Colour pictures are taken where red, green and blue are equal everywhere.

    Raises InputError for a file that is missing or damaged, has colours, transparent pixels, or another depth than 8 bits.
    """
    mode, pixels = read_pixels(path)
    if mode in ("1", "I", "I;16", "I;16B", "F"):
        depth = "one bit" if mode == "1" else "more than 8 bits"
        raise InputError(f"{path.name}: the picture has {depth} a pixel; save it as 8-bit grey PNG.")
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[-1] in (2, 4):  # with an alpha channel
        if pixels[..., -1].min() < 255:
            raise InputError(f"{path.name}: the picture has transparent pixels, whose grey level is open; save it without them.")
        pixels = pixels[..., :-1]
    if (pixels != pixels[..., :1]).any():
        raise InputError(f"{path.name}: the picture has colours, but the metrics are defined for grey images; save it as 8-bit grey PNG.")
    return np.ascontiguousarray(pixels[..., 0])


def read_picture_mask(path: Path) -> np.ndarray:
    """(j, i) bool: true where any of the grey level or colours is not 0, whatever the depth. Raises InputError as `read_grey`."""
    mode, pixels = read_pixels(path)
    if mode in ("LA", "RGBA"):
        pixels = pixels[..., :-1]
    return pixels != 0 if pixels.ndim == 2 else (pixels != 0).any(axis=-1)


def read_pixels(path: Path) -> tuple[str, np.ndarray]:
    """Pillow's mode and pixels (j, i) or (j, i, channels); palettes are looked up. Raises InputError for what is missing or no PNG."""
    from PIL import Image

    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the path.")
    check_no_pipe(path)
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            _check_whole(path)
            if getattr(picture, "n_frames", 1) > 1:
                raise InputError(f"{path.name}: the picture is animated; save the one image that you want.")
            if picture.mode == "P":
                picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
            return picture.mode, np.asarray(picture)
    except Image.DecompressionBombError as problem:
        raise InputError(f"{path.name}: the picture is too large to be a slice; give one of fewer pixels.") from problem
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as problem:
        raise InputError(f"{path.name}: the file is damaged or no PNG picture; export it again.") from problem


def _check_whole(path: Path) -> None:
    """Raise InputError where Pillow would keep the upper 8 bits alone: of colours, and of grey with an alpha channel, of 16."""
    with open(path, "rb") as file:
        depth, kind = file.read(26)[24:26]
    if depth == 16 and kind != 0:
        raise InputError(f"{path.name}: the picture has 16 bits a colour or transparency; save it as 8-bit RGB PNG or 16-bit grey PNG.")
