"""What a reader has in place of both sources, on the same canvas: one fused image, or what came out of it again.

    PREPARED/<set>/<case>.npz  ->  OUT/<what is shown>/<set>/<case>.npz

Labels, head and canvas are those of the sources, so that only what a network is shown differs. One image is shown as both contrasts.
"""
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods.registry import DEFAULT
from FusionINNLib.outlining.canvas import canvas_of, heads, images_on
from FusionINNLib.pipeline import decompose, estimate, fuse
from FusionINNLib.results.records import Fusion
from FusionINNLib.volumes.volume import Volume
from training.data.canvas_cases import CONTRASTS, SETS, on_canvas, prepared_cases, sources_of, turned
from training.data.prepare import PreparedCase, load, save
from training.evaluation.measure import STORAGES, stored_and_read

Images = tuple[np.ndarray, np.ndarray]
"""What is shown as the first and as the second contrast, float32 (k, j, i)."""


def _twice(image: np.ndarray) -> Images:
    return image, image


def _exact(fusion: Fusion) -> Images:
    return _as_pair(*decompose(fusion.fused, fusion.latent, fusion.recipe))


def _as_pair(first: Volume, second: Volume) -> Images:
    return first.array.astype(np.float32), second.array.astype(np.float32)


def _estimated(fusion: Fusion, storage: str) -> Images:
    read = stored_and_read(fusion, STORAGES[storage], None)
    guess = estimate(read.fused, read.recipe)
    return _as_pair(guess.first, guess.second)


SHOWN: dict[str, Callable[[Fusion], Images]] = {
    "exact": _exact,
    "estimated": lambda fusion: _estimated(fusion, "float32"),
    "estimated-8bit": lambda fusion: _estimated(fusion, "uint8"),
    "fused": lambda fusion: _twice(fusion.fused.array),
    "average": lambda fusion: _twice(fusion.fused.array),
    "first": lambda fusion: _twice(fusion.first.array.astype(np.float32)),
    "second": lambda fusion: _twice(fusion.second.array.astype(np.float32)),
}
"""What is shown -> how it is made of a fusion: of the default method, but where `ANY_FUSION` says that the average does."""
ANY_FUSION = ("average", "first", "second")


def shown_on_canvas(case: PreparedCase, spacing_mm: tuple[float, float, float], shown: str) -> PreparedCase:
    """One case as `canvas_cases.on_canvas` gives it, with what is shown in place of its sources."""
    head = heads(*sources_of(case))
    images = images_on(canvas_of(head, spacing_mm), SHOWN[shown](_fused(case, shown)), head)
    return replace(on_canvas(case, spacing_mm), contrasts=images.astype(np.float16))


def _fused(case: PreparedCase, shown: str) -> Fusion:
    first, second = (Volume(turned(case.contrasts[case.index(name)]), np.eye(4), name) for name in CONTRASTS)
    return fuse(first, second, alignment="none", method="average" if shown in ANY_FUSION else DEFAULT)


def prepare(prepared: Path, out: Path, shown: Sequence[str], report: Callable[[str], None] = print) -> None:
    """Every case that `canvas_cases.prepare` takes; those that were done before are kept. Raises InputError for what cannot be shown."""
    if unknown := [one for one in shown if one not in SHOWN]:
        raise InputError(f"{unknown[0]!r} cannot be shown to a network: choose among {', '.join(SHOWN)}.")
    for one in shown:
        for name, path in prepared_cases(prepared):
            target = out / one / name / path.name
            if not target.exists() and set(CONTRASTS) <= set((case := load(path)).names):
                save(shown_on_canvas(case, SETS[name], one), target)
                report(f"{one}, {name}/{case.name}")
