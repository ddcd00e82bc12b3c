"""Two stacks of stored numbers through the network to a fused and a latent stack. Stacks are (K, J, I)."""
from collections.abc import Callable, Iterable

import numpy as np

from FusionINNLib.methods.boxes import Box, batches, find_boxes
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.digits import is_last, not_exchanged
from FusionINNLib.methods.fusioninn.exactness import allowed_error, fuse_exactly
from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.methods.fusioninn.record import FusionRecord
from FusionINNLib.methods.fusioninn.sketch import PROJECTIONS, Sketches, checksum, projections
from FusionINNLib.methods.fusioninn.spots import NONE, Spots, put_together
from FusionINNLib.methods.fusioninn.written_scale import SHADE
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import SourceRecord
from FusionINNLib.results.sources import normalised, occupied


def fuse_slices(engine: Engine, card: FusionINNCard, stacks: tuple[np.ndarray, np.ndarray], records: tuple[SourceRecord,
                                                                                                                  SourceRecord],
                results: tuple[np.ndarray, np.ndarray], progress: Progress) -> FusionRecord:
    """Stacks (K, J, I) of stored numbers -> fused and latent, float32, written into `results`; the record for the way back.

    A box whose values are so extreme that float32 arithmetic in the network would not give the sources back is left to the rule outside
    of boxes, plain average and difference, which always does.
    """
    fused, latent = results
    boxes = find_boxes(occupied(stacks, records), card.multiple, card.margin)
    background = _to_a_grey_level(engine.background())
    for k in range(len(fused)):
        x1, x2 = (normalised(stack[k], record, k).astype(np.float64) for stack, record in zip(stacks, records))
        fused[k], latent[k] = background[0] + (x1 + x2) / 2, background[1] + (x1 - x2)
    allowed = tuple(allowed_error(stack, record) for stack, record in zip(stacks, records))
    inexact: list[Box] = []
    sketches = Sketches(np.zeros((len(fused), 2, PROJECTIONS)), np.zeros(len(fused), np.uint32))

    def fuse_batch(batch: list[Box]) -> int:
        sources = [np.stack([normalised(stack[box.index], record, box.k) for box in batch]) for stack, record in zip(stacks, records)]
        limits = np.array([[error / record.normalization(box.k).scale for box in batch] for error, record in zip(allowed, records)])
        for box, x1, x2, y, z, exact in zip(batch, *sources, *fuse_exactly(engine, sources, limits)):
            if exact:
                fused[box.index], latent[box.index] = y, z
                sketches.projections[box.k], sketches.checksums[box.k] = projections(np.stack([x1, x2]), box.k), checksum(y)
            else:
                inexact.append(box)
        return len(batch)

    run_all(engine, fuse_batch, batches(boxes, engine.batch), "fusing slices", len(boxes), progress)
    if inexact:
        engine.say(f"{len(inexact)} slice(s) hold values too extreme for the network to give back exactly; "
                   "they were fused by plain average.")
    kept = tuple(box for box in boxes if box not in set(inexact))
    return FusionRecord(kept, background, sketches=sketches, spots=_spots(fused, latent, kept, card.cell) if card.cell else NONE)


def _spots(fused: np.ndarray, latent: np.ndarray, boxes: tuple[Box, ...], cell: float) -> Spots:
    """Of a fused and a latent stack (K, J, I)."""
    parts = []
    for box in boxes:
        y, z = fused[box.index], latent[box.index]
        rows, columns = np.nonzero(not_exchanged(y, z) | is_last(y, cell) & (np.abs(y) > SHADE))  # near black, digits lie elsewhere
        parts.append((box.k, rows + box.j0, columns + box.i0, z[rows, columns]))
    return put_together(parts)


def _to_a_grey_level(background: tuple[float, float]) -> tuple[float, float]:
    """Fused and latent value of background, the fused one to the nearest grey level of 8-bit storage.

    What a network makes of background is flat to less than that; similarities, which look at it through a magnifying glass, are to find
    0 where it is 0 to the eye.
    """
    return round(background[0] * 255) / 255, background[1]


def run_all(engine: Engine, step: Callable[..., int], items: Iterable, task: str, total: int, progress: Progress) -> None:
    """Work through batches or boxes; each step says how many slices it finished."""
    done = 0
    for finished in engine.each(step, ((item,) for item in items)):
        done += finished
        progress.step(task, done, total)
