"""A folder of results that appears whole or not at all, and never replaces anything unasked."""
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from FusionINNLib.errors import ResultError


def check_free(folder: Path, overwrite: bool, own_names: frozenset[str]) -> None:
    """Raise ResultError unless results may be written to `folder`.

    A folder that holds something needs `overwrite`, and then may hold nothing but results of the same kind (`own_names`).
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ResultError(f"{folder} is not a folder: choose another one for the results.")
        if not folder.exists():
            return
        present = {entry.name for entry in folder.iterdir()}
    except OSError as problem:
        raise ResultError(f"{folder} cannot be looked into ({problem.strerror}): choose another folder for the results.") from problem
    if present and not overwrite:
        raise ResultError(f"{folder} already holds something: choose another folder, or have earlier results replaced "
                          "(on the command line: --overwrite).")
    foreign = sorted(present - own_names)
    if foreign:
        raise ResultError(f"{folder} holds {foreign[0]!r}, which is no result of this kind: choose another folder.")


@contextmanager
def new_folder(folder: Path, overwrite: bool, own_names: frozenset[str]) -> Iterator[Path]:
    """A hidden folder beside `folder` to write into, which takes its place when the block ends well and vanishes when it does not."""
    check_free(folder, overwrite, own_names)
    folder = Path(os.path.abspath(folder))
    hidden = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    missing = [parent for parent in folder.parents if not parent.exists()]  # the innermost first
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        hidden.mkdir()
    except OSError as problem:
        _remove_empty(missing)
        raise ResultError(f"{folder} cannot be made ({problem.strerror}): choose another folder for the results.") from problem
    try:
        yield hidden
        check_free(folder, overwrite, own_names)  # somebody else may have written meanwhile
        _swap_in(hidden, folder)
    except OSError as problem:
        raise ResultError(f"The results cannot be written ({problem.strerror or problem}): "
                          "free some space or choose another folder.") from problem
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        _remove_empty(missing)


def _remove_empty(folders: list[Path]) -> None:
    """Take away folders that were made on the way and hold nothing."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _swap_in(hidden: Path, folder: Path) -> None:
    """Earlier results stay under a hidden name until the new ones have theirs."""
    earlier = hidden.with_suffix(".earlier")
    try:
        if folder.exists():
            os.rename(folder, earlier)
        os.rename(hidden, folder)
    finally:  # also after Ctrl-C between the two
        if earlier.exists() and not folder.exists():
            os.rename(earlier, folder)
        shutil.rmtree(earlier, ignore_errors=True)
