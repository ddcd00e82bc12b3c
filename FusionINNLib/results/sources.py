"""A source volume and its record: how stored numbers became the nominal 0..1 scale, slice by slice. Stacks are (K, J, I)."""
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from FusionINNLib.preprocessing.normalization import Normalization, fit_slice, fit_tissue, scaled, without_extremes
from FusionINNLib.preprocessing.normalization import kept_apart as apart_from
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results import kept_apart
from FusionINNLib.results.recipe import SourceRecord, pack_not_finite
from FusionINNLib.volumes.volume import Volume


def record_by_volume(volume: Volume, resampled: bool) -> SourceRecord:
    """The record of a source that is normalised as a whole. resampled: whether it was interpolated onto the reference grid."""
    tissue = fit_tissue(volume.array)
    packed = kept_apart.pack(volume.array, apart_from(volume.array, tissue))
    return replace(_record(volume, (tissue.normalization,), resampled), kept_apart=packed)


def record_by_slice(volume: Volume, axis: int, resampled: bool) -> SourceRecord:
    """The record of a source whose slices along `axis` are normalised one by one."""
    return _record(volume, tuple(fit_slice(part) for part in to_stack(volume.array, axis)), resampled)


def _record(volume: Volume, maps: tuple[Normalization, ...], resampled: bool) -> SourceRecord:
    return SourceRecord(volume.unit, volume.array.dtype.name, volume.slope, volume.intercept, resampled, maps,
                        pack_not_finite(volume.array))


def entering(volume: Volume, record: SourceRecord) -> np.ndarray:
    """Stored numbers (k, j, i) as they enter a fusion: those of the volume but for what is kept apart."""
    return volume.array if record.kept_apart is None else without_extremes(volume.array)


def normalised(stored: np.ndarray, record: SourceRecord, k: int) -> np.ndarray:
    """Stored numbers of slice k, any shape -> float32 on the nominal 0..1 scale; what is not finite becomes background, 0."""
    return scaled(stored, record.normalization(k))


def occupied(stacks: tuple[np.ndarray, np.ndarray], records: tuple[SourceRecord, SourceRecord]) -> Iterator[np.ndarray]:
    """For each slice, where (J, I) one of the sources is not background."""
    for k in range(len(stacks[0])):
        yield np.any([normalised(stack[k], record, k) != 0 for stack, record in zip(stacks, records)], axis=0)
