"""Files that bear the name of a volume and are something else: what one look tells of them, and what helps."""
import gzip
import os
import zlib
from pathlib import Path

from FusionINNLib.errors import InputError

_LOOK = 1024  # bytes
_PAGE = "is a web page, as servers send it instead of a file to whoever is not signed in; download the volume itself"
_PACKED = "is {} archive; unpack it, and give the volume that was in it"
_KINDS = ((b"version https://git-lfs.github.com/spec/", "is a Git LFS pointer and not the file itself; fetch the content (git lfs pull)"),
          (b"/annex/objects/", "is a git-annex pointer and not the file itself; fetch the content (git annex get, or datalad get)"),
          (b"PK\x03\x04", _PACKED.format("a zip")), (b"7z\xbc\xaf\x27\x1c", _PACKED.format("a 7-zip")), (b"Rar!", _PACKED.format("a RAR")),
          (b"BZh", "is packed with bzip2; unpack it first (bunzip2)"), (b"\xfd7zXZ", "is packed with xz; unpack it first (unxz)"),
          (b"\x28\xb5\x2f\xfd", "is packed with Zstandard; unpack it first (unzstd)"),
          (b"%PDF-", "is a PDF document; give the volume itself"),
          (b"\x89HDF", "is an HDF5 or MINC file; convert it to NIfTI first"))
_TEXTS = ((b"<!doctype html", _PAGE), (b"<html", _PAGE), (b"<head", _PAGE),
          (b"<?xml", "is an XML text, as servers send it for an error; download the volume itself"),
          (b"{", "is a JSON text, a sidecar or a server's message; give the volume itself"))


def check(path: Path) -> None:
    """Raise InputError, naming the path, where a file cannot be read or is known to be no volume. Folders and missing files pass."""
    what = _link(path) or _access(path)
    if what is None and path.is_file():
        what = _content(path)
    if what is not None:
        raise InputError(f"{path}: this {what}.")


def is_special(path: Path) -> bool:
    """Whether this is a pipe, a socket or a device, for whose content one may wait for ever."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_no_pipe(path: Path) -> None:
    """Raise InputError for what `is_special`, of a file that is read beside another."""
    if is_special(path):
        raise InputError(f"{path}: this is neither a file nor a folder; save what it gives as a file first.")


def _link(path: Path) -> str | None:
    if not path.is_symlink() or path.exists():
        return None
    target = os.readlink(path)
    if "annex/objects" in target.replace("\\", "/"):
        return "is a link to content that git-annex has not fetched; fetch it (git annex get, or datalad get)"
    return f"is a link to {target}, which is not there; check where the data are, or copy them again"


def _access(path: Path) -> str | None:
    if not path.exists():
        return None
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        kind = "folder" if path.is_dir() else "file"
        return f"{kind} is closed to you; have its owner allow you to read it (chmod)"
    if is_special(path):
        return "is neither a file nor a folder; save what it gives as a file first"
    return None


def _content(path: Path) -> str | None:
    try:
        with open(path, "rb") as file:
            start = file.read(_LOOK)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as file:
                start = file.read(_LOOK)
            if start[257:262] == b"ustar":
                return _PACKED.format("a tar")
    except (OSError, EOFError, zlib.error):
        return None  # damaged: the reader of its format says so
    if not start:
        return "file is empty; copy or download it again"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((what for first, what in _KINDS if start.startswith(first)),
                next((what for first, what in _TEXTS if text.startswith(first)), None))
