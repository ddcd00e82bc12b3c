"""Pairs of the Harvard Whole Brain Atlas as prepared cases: MR with CT, PET or SPECT of one head, slice by slice.

    DATA/harvard/<kind>/<id>_{a,b}.png, DATA/harvard/splits.json  ->  OUT/harvard/<part>_<kind>_<case>.npz

Of what is in colour the luminance counts (ITU-R BT.601, as PNGs hold it). A case that has slices on both sides of the split (the only head
with PET) becomes one case on each side; what is measured on it says nothing of heads that were not seen.
"""
import json
from pathlib import Path

import numpy as np
from PIL import Image

from FusionINNLib.preprocessing.normalization import fit_volume
from training.data.prepare import PreparedCase, load, save

KINDS = {"ct-mri": "ct", "spect-mri": "spect", "pet-mri": "pet"}
FOLDER = "harvard"


def prepare_harvard(data: Path, out: Path) -> int:
    """Prepare what is in DATA/harvard and was not prepared before; the number of cases that were."""
    table = data / FOLDER / "splits.json"
    if not table.is_file():
        return 0
    done = 0
    for kind, parts in json.loads(table.read_text(encoding="utf-8")).items():
        for part, content in parts.items():
            for case in content["cases"]:
                target = out / FOLDER / f"{part}_{kind}_{case}.npz"
                if not target.exists():
                    save(_case(data / FOLDER / kind, kind, [name for name in content["ids"] if name[:-3] == case]), target)
                    done += 1
    return done


def harvard_cases(prepared: Path, part: str) -> list[PreparedCase]:
    """All prepared cases of one part of the split, `train`, `val` or `test`."""
    return [load(path) for path in sorted((prepared / FOLDER).glob(f"{part}_*.npz"))]


def grey(path: Path) -> np.ndarray:
    """(J, I) uint8."""
    return np.asarray(Image.open(path).convert("L"))


def _case(folder: Path, kind: str, names: list[str]) -> PreparedCase:
    stacks = np.stack([np.stack([grey(folder / f"{name}_{letter}.png") for name in sorted(names, key=int)]) for letter in "ab"])
    maps = [fit_volume(stack) for stack in stacks]
    return PreparedCase(folder.name, ["mr", KINDS[kind]], stacks, np.array([one.offset for one in maps], np.float32),
                        np.array([one.scale for one in maps], np.float32), np.zeros(stacks.shape[1:], np.uint8))
