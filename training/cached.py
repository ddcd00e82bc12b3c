"""Figures that took long, kept as JSON beside the run they belong to, and taken again only where what they were made from has changed."""
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from FusionINNLib.atomic import replacing


def cached(path: Path, key: str, compute: Callable[[], dict]) -> dict:
    """What `compute` gives, JSON-ready: from the file where it was made under the same key, else computed and written there."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["key"] == key:
            return known["figures"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing there, or nothing that can be used: it is made again
    figures = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write((json.dumps({"key": key, "figures": figures}) + "\n").encode())
    return json.loads(path.read_text(encoding="utf-8"))["figures"]


def checksum(parts: Iterable[bytes]) -> str:
    """SHA-256 of parts that are told apart."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def source_checksum(*files: Path) -> str:
    """SHA-256 of files of code, in a fixed order: figures are made again where the code behind them has changed."""
    return checksum(path.read_bytes() for path in sorted(files))
