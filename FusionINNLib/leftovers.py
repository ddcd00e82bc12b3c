"""Hidden folders in which runs prepare results: locked while their run lives, and put right by the next run once it is gone.

A run that is killed cannot clear its own away. What it leaves beside a result folder NAME, or inside of it, is called `.NAME.<8 hex>.part`
(new results), `.earlier` (those that are being replaced, to be put back) and `.old` (those that have been, to be removed). The first four
digits stand for the machine since it was started: locks of others are not always seen over a network. A long NAME is shortened. Of a
single file it is `.NAME.<8 hex>.partial`.
"""
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from FusionINNLib.json_text import parsed

try:
    import fcntl
except ImportError:  # Windows has no locks on folders: there and where a file system has none, age decides
    fcntl = None

PART, EARLIER, OLD, PARTIAL = ".part", ".earlier", ".old", ".partial"
_HIDDEN = re.compile(r"\.(.+)\.([0-9a-f]{4})[0-9a-f]{4}\.(?:part|earlier|old|partial)", re.DOTALL)
_NAMES = ".names"
_LONGEST = 100
"""Bytes of a name that is taken into a hidden one; file systems allow 143 to 255 in all."""
_SURELY_GONE_S = 24 * 3600.0
"""Where a lock cannot tell: what nobody has written into for so long belongs to nobody."""


def is_hidden(name: str) -> bool:
    """Whether this is the name of a folder or file of this kind."""
    return _HIDDEN.fullmatch(name) is not None


def draw_name(parent: Path, name: str) -> Path:
    """A hidden folder for results called `name`, which nobody has made yet: to be given to `claim`."""
    while True:
        part = parent / f".{label(name)}.{_machine()}{secrets.token_hex(2)}{PART}"
        if not os.path.lexists(part):
            return part


def draw_file_name(path: Path) -> Path:
    """A hidden file for what will be `path`: to be made and given to `hold`."""
    return path.with_name(f".{label(path.name)}.{_machine()}{secrets.token_hex(2)}{PARTIAL}")


def hold(file: BinaryIO) -> None:
    """Lock a hidden file for as long as it is open: its run lives."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pass  # no locks here: age will tell


def clear_files(folder: Path, name: str | None = None) -> None:
    """Remove hidden files that runs that are gone left in a folder, of one file or of all. Never fails."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == PARTIAL and (match := _HIDDEN.fullmatch(path.name))
                 and name in (None, match[1]) and path.is_file() and not path.is_symlink()]
    except OSError:
        return
    for path in found:
        held, lock = _lock(path)
        try:
            if held and _sure(path, lock):
                path.unlink()
        except OSError:
            pass  # not ours, or gone by now
        finally:
            release(lock)


def label(name: str) -> str:
    """What stands for a file or folder in the hidden name beside it: its name, or where that has no room for more, a checksum of it."""
    coded = os.fsencode(name)
    return name if len(coded) <= _LONGEST else hashlib.sha256(coded).hexdigest()


def claim(part: Path) -> int | None:
    """Make a hidden folder, and the lock that says that its run lives: to be given to `release`. Raises OSError."""
    part.mkdir()
    while True:
        held, lock = _lock(part)
        if held:
            return lock
        # Another run took it for a leftover in this very moment, and clears it away.
        time.sleep(0.001)
        if not part.exists():
            part.mkdir()


def release(lock: int | None) -> None:
    """Give up a lock."""
    if lock is not None:
        os.close(lock)


def clear(folder: Path) -> None:
    """Clear away what runs that are gone left for this result folder, and put back what they were replacing. Never fails."""
    for parent in (folder.parent, folder):
        try:
            found = [path for path in parent.iterdir() if (match := _HIDDEN.fullmatch(path.name))
                     and (parent == folder or match[1] == label(folder.name)) and path.is_dir() and not path.is_symlink()]
        except OSError:
            continue
        for path in sorted(found, key=lambda path: path.suffix != PART):
            try:
                _clear_one(path, folder)
            except OSError:
                pass  # not ours, or gone by now: what is in the way will be said by whoever meets it


def put_back(folder: Path, part: Path, earlier: Path) -> None:
    """Undo a replacement that did not come to its end. May itself be interrupted and done again."""
    try:
        names: list[str] = parsed((earlier / _NAMES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = []  # nothing was moved yet
    for name in names:
        if not os.path.lexists(part / name) and os.path.lexists(folder / name):
            os.rename(folder / name, part / name)
    for path in earlier.iterdir():
        if not path.name.startswith(_NAMES):
            os.rename(path, folder / path.name)
    shutil.rmtree(earlier)


def move_in(part: Path, folder: Path, own_names: frozenset[str]) -> None:
    """Replace the results in a folder that exists by those in `part`, all of them or, when anything fails, none.

    Records (JSON), without which the others are no result, leave first and come last.
    """
    new = sorted((path.name for path in part.iterdir()), key=_is_record)
    earlier = part.with_suffix(EARLIER)
    lock = _wait_for(folder)
    try:
        earlier.mkdir()
        (earlier / ".names.new").write_text(json.dumps(new), encoding="utf-8")
        os.rename(earlier / ".names.new", earlier / _NAMES)
        for name in sorted((name for name in os.listdir(folder) if name in own_names), key=_is_record, reverse=True):
            os.rename(folder / name, earlier / name)
        for name in new:
            os.rename(part / name, folder / name)
        os.rename(earlier, part.with_suffix(OLD))
    except BaseException:
        if earlier.is_dir():
            put_back(folder, part, earlier)
        raise
    finally:
        release(lock)
    shutil.rmtree(part.with_suffix(OLD), ignore_errors=True)


def _is_record(name: str) -> bool:
    return name.endswith(".json")


def _clear_one(path: Path, folder: Path) -> None:
    held, lock = _lock(path)
    try:
        if not held or not _sure(path, lock):
            return
        inside, earlier = path.parent == folder, path.with_suffix(EARLIER)
        if path.suffix == EARLIER and (inside or not folder.exists()):
            if not inside:
                os.rename(path, folder)  # version 0.1.0, killed between two renames; inside, it is put back with its part
            return
        if inside and path.suffix == PART and earlier.is_dir():
            moving = _wait_for(folder)
            try:
                put_back(folder, path, earlier)
            finally:
                release(moving)
        for one in (path.with_suffix(OLD), path):
            shutil.rmtree(one, ignore_errors=True)
    finally:
        release(lock)


def _sure(path: Path, lock: int | None) -> bool:
    """Whether a lock that could be had, or none, means that the owner is gone."""
    named = _HIDDEN.fullmatch(path.name)
    if lock is not None and named is not None and named[2] == _machine():
        return True
    newest = max(one.stat().st_mtime for one in (path, *(path.iterdir() if path.is_dir() else ())))
    return time.time() - newest > _SURELY_GONE_S


def _machine() -> str:
    """Four hexadecimal digits for this machine since it was started; containers on it share them."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        name = platform.node().encode()
    return hashlib.sha256(name).hexdigest()[:4]


def _lock(path: Path) -> tuple[bool, int | None]:
    """(whether this process may take the folder for its own, the lock or None where there are none)."""
    if fcntl is None:
        return True, None
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False, None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return True, handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:  # this file system has no locks
        os.close(handle)
        return True, None
    os.close(handle)
    return False, None


def _wait_for(folder: Path) -> int | None:
    """Let no two runs move results into one folder at a time."""
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        os.close(handle)
        return None
    return handle
