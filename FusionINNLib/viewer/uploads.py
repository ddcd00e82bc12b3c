"""Files that the page sends, in a private temporary folder for as long as it takes to read them."""
import re
import shutil
import tempfile
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.io import ITK_ENDINGS, NIFTI_ENDINGS
from FusionINNLib.volumes.png import ENDING as PICTURE

MEGABYTE = 2 ** 20
_MOST_FILES = 4000  # slices of one series
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_HEADERS = (".nhdr", ".mhd")  # formats in two files: the header is the one to read


def safe_name(name: str) -> str:
    """A file name as it is, if it is one and nothing else. Raises InputError for one that leads elsewhere or that a system takes amiss."""
    hidden = any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in name)
    if (not name or len(name.encode("utf-8", "replace")) > 200 or name.startswith(".") or name.endswith((" ", ".")) or hidden
            or any(letter in name for letter in "/\\:*?\"<>|") or _RESERVED.match(name)):
        raise InputError("This file name is not allowed: rename the file to letters, digits, dots and dashes, and choose it again.")
    return name


class Uploads:
    """A folder that only this user can open.

    Args:
        most_bytes: in one go; more is refused while it comes in.
    """

    def __init__(self, most_bytes: int):
        self.folder = Path(tempfile.mkdtemp(prefix="FusionINN-view-"))
        self._most_bytes = most_bytes

    def new_folder(self) -> Path:
        """An empty folder inside."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    async def receive(self, parts: AsyncIterator[tuple[str, AsyncIterator[bytes]]]) -> Path:
        """Write files (name, pieces) into a folder of their own, all or none; what is to be read of them. Raises InputError."""
        folder, left, count = self.new_folder(), self._most_bytes, 0
        try:
            async for name, pieces in parts:
                count += 1
                if count > _MOST_FILES:
                    raise InputError(f"These are more than {_MOST_FILES} files: choose the files of one series only.")
                left = await self._write(folder / safe_name(name), pieces, left)
            return to_read(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    async def _write(self, path: Path, pieces: AsyncIterator[bytes], left: int) -> int:
        too_large = (f"This is larger than {self._most_bytes / MEGABYTE:g} MB: choose smaller files, or start 'fusioninn view' with the "
                     "paths of the files or a larger --max-upload.")
        try:
            with open(path, "xb") as file:
                async for piece in pieces:
                    left -= len(piece)
                    if left < 0:
                        raise InputError(too_large)
                    file.write(piece)
        except FileExistsError as problem:
            raise InputError("Two of the files have the same name: choose the files of one series only.") from problem
        except OSError as problem:
            raise InputError(f"The file cannot be stored ({problem.strerror or problem}): free some space for temporary "
                             "files.") from problem
        return left

    def drop(self, path: Path) -> None:
        """Remove what `receive` gave, after it was read."""
        shutil.rmtree(path if path.parent == self.folder else path.parent, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def to_read(folder: Path) -> Path:
    """Of files that came together: the one, the header among them, or the folder of a DICOM series. Raises InputError for none."""
    files = sorted(folder.iterdir())
    if not files:
        raise InputError("No file came with the request: choose a file.")
    headers = [file for file in files if file.name.lower().endswith(_HEADERS)]
    if len(files) > 1 and all(file.suffix.lower() == PICTURE for file in files):  # beside DICOM files a picture is none of the series
        raise InputError("These are several pictures: choose one for each place.")
    known = [file for file in files if file.name.lower().endswith(NIFTI_ENDINGS + ITK_ENDINGS)]
    if len(headers) == 1:
        return headers[0]
    if len(known) > 1:
        raise InputError("These are several volumes: choose one file for each place, or all files of one DICOM series.")
    return known[0] if known else _series_or_file(folder, files)


def _series_or_file(folder: Path, files: list[Path]) -> Path:
    """Several files, or one that says it is DICOM, are a series; any other is for the reader to refuse by its name."""
    with open(files[0], "rb") as file:
        is_dicom = file.read(132)[128:] == b"DICM"
    return folder if len(files) > 1 or is_dicom else files[0]
