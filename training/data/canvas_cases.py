"""Prepared cases in, the same cases as segmentation networks see them out: T1ce and FLAIR on the canvas, labels with them.

    PREPARED/<set>/<case>.npz  ->  OUT/<set>/<case>.npz

What is written is a prepared case again (z-scores on a nominal scale of offset 0 and scale 1), so that the same loop trains on it.
BraTS and LGG are stored with axes left, posterior, superior; on the canvas they run right, anterior, superior.
"""
from collections.abc import Callable
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.outlining.canvas import SIDE, canvas_of, heads, images_on
from training.data.prepare import PreparedCase, load, save
from training.data.targets import WHOLE, Target

CONTRASTS = ("t1ce", "flair")
SETS = {"brats18": (1.0, 1.0, 1.0), "lgg": (5.0, 1.0, 1.0)}
"""Set -> voxel edges along (k, j, i) in mm. LGG's are not known, and 1 in its files; its slices are thick and stay as they are."""


def turned(array: np.ndarray) -> np.ndarray:
    """(..., j, i) of a file with axes L, P, S as R, A, S, or back."""
    return np.ascontiguousarray(array[..., ::-1, ::-1])


def sources_of(case: PreparedCase) -> tuple[np.ndarray, np.ndarray]:
    """T1ce and FLAIR, stored values (k, j, i) float32 with axes R, A, S."""
    first, second = (turned(case.contrasts[case.index(name)]).astype(np.float32) for name in CONTRASTS)
    return first, second


def on_canvas(case: PreparedCase, spacing_mm: tuple[float, float, float], target: Target = WHOLE) -> PreparedCase:
    """One case. `labels`: (slices, SIDE, SIDE), 1 where more than half of a pixel is in what was drawn of the target."""
    sources = sources_of(case)
    head = heads(*sources)
    canvas = canvas_of(head, spacing_mm)
    images = images_on(canvas, sources, head)
    marks = canvas.onto(target.drawn(turned(case.labels)), 0) > 0.5
    return PreparedCase(case.name, list(CONTRASTS), images.astype(np.float16), np.zeros(2, np.float32), np.ones(2, np.float32),
                        marks.astype(np.uint8))


def check(case: PreparedCase) -> PreparedCase:
    """The case. Raises InputError where it isn't one that `prepare` wrote."""
    if case.contrasts.shape[0] != 2 or case.contrasts.shape[2:] != (SIDE, SIDE):
        raise InputError(f"{case.name} is not prepared for segmentation: run 'python -m training segment-prepare' and give its folder.")
    return case


def prepared_cases(prepared: Path) -> list[tuple[str, Path]]:
    """(set, file) of all prepared cases of the sets of glioma patients. Raises InputError where there is none."""
    paths = [(name, path) for name in SETS for path in sorted((prepared / name).glob("*.npz"))]
    if not paths:
        raise InputError(f"{prepared} holds no prepared cases of {' or '.join(SETS)}: run 'python -m training prepare' first.")
    return paths


def prepare(prepared: Path, out: Path, report: Callable[[str], None] = print, target: Target = WHOLE) -> None:
    """Every case of the sets of glioma patients in which the target was drawn; those that were done before are kept.

    Raises InputError where there is none.
    """
    for name, path in prepared_cases(prepared):
        file = out / name / path.name
        if file.exists() or name not in target.titles:
            continue
        case = load(path)
        if not set(CONTRASTS) <= set(case.names):
            report(f"{name}/{case.name}: skipped (no {' or no '.join(CONTRASTS)})")
            continue
        done = on_canvas(case, SETS[name], target)
        save(done, file)
        report(f"{name}/{case.name}: {done.labels.shape[0]} slices")
