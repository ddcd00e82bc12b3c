"""Files and folders that appear whole or not at all; a folder of results never replaces anything unasked."""
import fnmatch
import os
import shutil
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from FusionINNLib import leftovers
from FusionINNLib.errors import ResultError

_NOBODYS = (".DS_Store", "._*", ".AppleDouble", ".localized", "Icon\r", "Thumbs.db", "ehthumbs.db", "desktop.ini", ".directory",
            "lost+found", "@eaDir", ".nfs*", ".fuse_hidden*", ".snapshot")
"""What desktops, file servers and file systems leave in folders by themselves."""


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A file to write into, which takes the place of `path` when the block ends well and its last byte is on the disk.

    Until then it has a hidden random name, which no two processes share, and whatever ends the block early takes it away.
    Raises OSError.
    """
    with appearing(path) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def appearing(path: Path) -> Generator[BinaryIO]:
    """The same without waiting for the disk, for a file that another process reads now and nobody keeps. Raises OSError."""
    hidden = leftovers.draw_file_name(path)
    try:
        with open(hidden, "xb") as file:
            leftovers.hold(file)
            yield file
        os.replace(hidden, path)
    finally:
        hidden.unlink(missing_ok=True)


def check_free(folder: Path, overwrite: bool, own_names: frozenset[str], inputs: Iterable[Path | None] = ()) -> None:
    """Raise ResultError unless results may be written to `folder`. Clears away before what killed runs left there.

    A folder that holds something needs `overwrite`, and then may hold nothing but results of the same kind (`own_names`), and none of
    the files that this run reads (`inputs`).
    """
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            raise ResultError(f"{folder} is not a folder: choose another one for the results.")
        place = _place(folder)
        leftovers.clear(place)
        if not place.exists():
            return _check_writable(next(parent for parent in place.parents if os.path.lexists(parent)), folder)
        present = {entry.name for entry in place.iterdir() if not is_nobodys(entry.name)}
    except OSError as problem:
        raise ResultError(f"{folder} cannot be looked into ({problem.strerror}): choose another folder for the results.") from problem
    if present and not overwrite:
        raise ResultError(f"{folder} already holds something: choose another folder, or have earlier results replaced "
                          "(on the command line: --overwrite).")
    foreign = sorted(present - own_names)
    if foreign:
        raise ResultError(f"{folder} holds {foreign[0]!r}, which is no result of this kind: choose another folder.")
    for path in inputs:
        if path is not None and _would_go(path, place, present):
            raise ResultError(f"{path} is read by this run and would be replaced by its results: choose another folder for them.")
    _check_writable(place, folder)
    for name in sorted(present):
        if _is_kept(place / name):
            raise ResultError(f"{folder} holds {name!r} of another user, which you may not replace: choose another folder for the results.")


def check_file(path: Path, overwrite: bool, inputs: Iterable[Path | None] = ()) -> None:
    """Raise ResultError unless a file may be written to `path`, which is none that this run reads. Clears away before what killed runs left
    there."""
    if path.is_dir():
        raise ResultError(f"{path} is a folder: give the name of a file.")
    if os.path.lexists(path) and not overwrite:
        raise ResultError(f"{path} is there already: choose another name, or say --overwrite.")
    if any(one is not None and one.exists() and path.exists() and os.path.samefile(one, path) for one in inputs):
        raise ResultError(f"{path} is read by this run and would be replaced by its result: choose another name.")
    if not path.parent.is_dir():
        raise ResultError(f"{path.parent}: there is no such folder; make it first.")
    leftovers.clear_files(path.parent, leftovers.label(path.name))
    _check_writable(Path(os.path.realpath(path.parent)), path.parent)


@contextmanager
def new_folder(folder: Path, overwrite: bool, own_names: frozenset[str], inputs: Iterable[Path | None] = ()) -> Generator[Path]:
    """A hidden folder to write into, whose content appears in `folder` when the block ends well, and vanishes when it does not.

    It lies beside a folder that is not there yet, and becomes it. In one that exists, which may be a mount point, a link, or where somebody
    stands, it lies inside, and what it holds is moved out of it.
    """
    inputs = tuple(inputs)
    check_free(folder, overwrite, own_names, inputs)
    place = _place(folder)
    exists = place.is_dir()
    missing = [parent for parent in place.parents if not parent.exists()]  # the innermost first
    hidden, lock = leftovers.draw_name(place if exists else place.parent, place.name), None
    made = True
    try:  # from before the folder is made: a signal may end the run in between
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = leftovers.claim(hidden)
        except OSError as problem:
            made = not isinstance(problem, FileExistsError)  # else another run drew the same name
            raise ResultError(f"{folder} cannot be made ({problem.strerror}): choose another folder for the results.") from problem
        try:
            yield hidden
            check_free(folder, overwrite, own_names, inputs)  # somebody else may have written meanwhile
            if place.is_dir():
                leftovers.move_in(hidden, place, own_names)
            else:
                os.rename(hidden, place)
        except OSError as problem:
            raise ResultError(f"The results cannot be written ({problem.strerror or problem}): "
                              "free some space or choose another folder.") from problem
    finally:
        if made and not hidden.with_suffix(leftovers.EARLIER).is_dir():  # else the next run puts it right
            shutil.rmtree(hidden.with_suffix(leftovers.OLD), ignore_errors=True)
            shutil.rmtree(hidden, ignore_errors=True)
        leftovers.release(lock)
        _remove_empty(missing)


def _place(folder: Path) -> Path:
    """Where results for `folder` go: a full path without links, which stays the same when somebody changes the working folder."""
    return Path(os.path.realpath(folder))


def is_nobodys(name: str) -> bool:
    """Whether a file or folder of this name is in nobody's way: no result, and nothing that a user put there."""
    return leftovers.is_hidden(name) or any(fnmatch.fnmatchcase(name, pattern) for pattern in _NOBODYS)


def _would_go(path: Path, place: Path, present: set[str]) -> bool:
    """Whether an input lies among the results that are to be replaced, itself or the link by which it is named, or is the folder that holds
    them: of a folder its own files are read, and where it has none those of the folders in it."""
    real = Path(os.path.realpath(path))
    if present and (real == place or (real == place.parent and any((place / name).is_file() for name in present) and not _has_files(real))):
        return True
    return any(place in one.parents and one.relative_to(place).parts[0] in present for one in (Path(os.path.abspath(path)), real))


def _has_files(folder: Path) -> bool:
    try:
        return any(path.is_file() and not is_nobodys(path.name) for path in folder.iterdir())
    except OSError:
        return True  # whoever reads it will say so


def _is_kept(path: Path) -> bool:
    """Whether a result that is there cannot be moved away, though the folder may be written: another user's where only owners may
    (as in /tmp), or a folder that is not ours."""
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return False
    above = path.parent.stat()
    if above.st_mode & stat.S_ISVTX and os.geteuid() not in (above.st_uid, path.lstat().st_uid):
        return True
    return path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK)


def check_writable(folder: Path) -> None:
    """Raise ResultError where a folder can neither be written nor made."""
    place = _place(folder)
    _check_writable(next(one for one in (place, *place.parents) if os.path.lexists(one)), folder)


def _check_writable(existing: Path, folder: Path) -> None:
    if not existing.is_dir():
        raise ResultError(f"{folder} cannot be made ({existing} is not a folder): choose another folder for the results.")
    if not os.access(existing, os.W_OK | os.X_OK):
        where = "it is" if existing == _place(folder) else f"{existing} is"
        raise ResultError(f"{folder} cannot be written ({where} read-only for you): choose another folder for the results.")


def _remove_empty(folders: list[Path]) -> None:
    """Take away folders that were made on the way and hold nothing."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
