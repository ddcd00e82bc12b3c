"""A folder given for a volume that holds no DICOM but volumes: the one in it, or the list to choose from."""
import fnmatch
from pathlib import Path

from FusionINNLib.errors import InputError

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh")
_BESIDE = ("*.json", "*.bval", "*.bvec", "*.txt", "*.tsv", "*.csv", "*.raw", "*.zraw", "*.png", "*.jpg", "*.pdf", "*.md", "*.log",
           ".*", "Thumbs.db", "desktop.ini")
_LISTED = 5


def volume_in(folder: Path) -> Path | None:
    """The one volume in a folder, in it or where it has only folders one level deeper; None where it may hold DICOM.

    Raises InputError, with the candidates, where there are several.
    """
    files = _files(folder) or [file for below in sorted(folder.iterdir()) if below.is_dir() for file in _files(below)]
    volumes = [file for file in files if file.name.lower().endswith(ENDINGS)]
    if not volumes or any(file not in volumes and not _is_beside(file.name) for file in files):
        return None
    if len(volumes) > 1:
        named = ", ".join(str(file.relative_to(folder)) for file in volumes[:_LISTED])
        more = f" and {len(volumes) - _LISTED} more" if len(volumes) > _LISTED else ""
        raise InputError(f"{folder}: this folder holds {len(volumes)} volumes ({named}{more}); give the one you want.")
    return volumes[0]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as problem:
        raise InputError(f"{folder}: this folder can't be looked into ({problem.strerror}); have its owner allow you to.") from problem


def _is_beside(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in _BESIDE)
