"""Reversible data hiding as a method of the registry: the average in 256 grey levels, and in their digits the difference of the sources.

Nothing is trained and no network is loaded. The whole is ours; what it rests on are quantisation index modulation (Chen & Wornell 2001),
the DCT of cubes, and asymmetric numeral systems (Duda 2013).
"""
from dataclasses import replace

import numpy as np

from FusionINNLib.errors import CapabilityError, ResultError
from FusionINNLib.methods.base import FusionMethod, SourcePair
from FusionINNLib.methods.rdh import backward, between_levels, codec
from FusionINNLib.methods.rdh.error_bytes import to_bytes
from FusionINNLib.methods.rdh.grey import fitted
from FusionINNLib.methods.rdh.latent import Packing, crc_of, packed, unit_of
from FusionINNLib.methods.rdh.record import RdhRecord, record_of
from FusionINNLib.methods.rdh.stored_levels import RESCALED, found
from FusionINNLib.methods.stored_grid import by_header
from FusionINNLib.preprocessing.normalization import finite, is_nominal, levels
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import Recipe, SourceRecord
from FusionINNLib.results.records import Estimate, FusedFile, Fusion
from FusionINNLib.results.sources import entering, normalised, record_by_volume
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume

LEVELS_ALONE = "rdh 1"  # earlier files, which have nothing between their levels
NEAR_BLACK = 1.5 / 255  # values no farther from 0 than this count as background once a file was cropped


class Rdh(FusionMethod):
    """The average of both sources, whose grey levels hold their difference."""

    @property
    def fingerprint(self) -> str:
        """Name and format of what is hidden."""
        return "rdh 2"

    def check(self, recipe: Recipe) -> None:
        """As `FusionMethod.check`."""
        if recipe.sha256 not in (self.fingerprint, LEVELS_ALONE):
            raise ResultError("The fused image was made by another version of this method: update FusionINN, or fuse the sources again.")
        record_of(recipe)

    def fuse(self, pair: SourcePair, *, device: str = "auto", seed: int = 0, progress: Progress | None = None) -> Fusion:
        """As `FusionMethod.fuse`; device and seed count for nothing."""
        progress, volumes = progress or Progress(), (pair.first, pair.second)
        sources = record_by_volume(pair.first, pair.resampled[0]), record_by_volume(pair.second, pair.resampled[1])
        stored = [entering(volume, source) for volume, source in zip(volumes, sources)]
        x1, x2 = (normalised(array, source, 0).astype(np.float64) for array, source in zip(stored, sources))
        average = (x1 + x2) / 2
        grey = fitted(average)
        whole, layout = codec.hidden(average, x1 - x2, grey, pair.first.through_plane_axis, progress)
        fused = grey.to_values(whole)
        record = RdhRecord(layout, pair.first.affine, np.unique(whole), Packing((1.0, 1.0), (False, False), 0),
                           np.zeros((6, len(layout.base)), np.uint8), None)
        estimates = backward.read(fused, record).estimates
        precise = [_precisely(array, source) for array, source in zip(stored, sources)]
        lacking = precise[0] - estimates[0], precise[1] - estimates[1]
        packing = _packing(lacking, stored, sources)
        latent = packed(lacking, packing.units)
        record = replace(record, packing=replace(packing, crc=crc_of(latent)), errors=_errors(lacking, (x1 - x2) / 2, whole, layout))
        if between_levels.is_room(whole):
            fused, between = between_levels.written((lacking[0] + lacking[1]) / 2, lacking[0] - lacking[1], whole, layout)
            record = replace(record, between=between)
        recipe = Recipe(self.info.name, None, self.fingerprint, fused.shape, pair.first.through_plane_axis, record.to_dict(), levels(fused),
                        sources)
        return Fusion(Volume(fused, pair.first.affine, "fused"), Volume(latent, pair.first.affine, "latent"), recipe, *volumes,
                      pair.alignment, pair.alignment.warnings)

    def decompose(self, fused: Volume, latent: Volume, recipe: Recipe, *, device: str = "auto",
                  progress: Progress | None = None) -> tuple[Volume, Volume]:
        """As `FusionMethod.decompose`: whole numbers come back identical, others to the last digits of float32."""
        if not fused.shape == latent.shape == recipe.shape:
            raise ResultError("Fused image, latent and record do not belong together (their sizes differ): use what one fusion wrote.")
        return backward.decompose(fused, latent, recipe)

    def estimate(self, fused: Volume, recipe: Recipe, *, samples: int = 8, seed: int = 0, numbers: list[int] | None = None,
                 device: str = "auto", progress: Progress | None = None) -> Estimate:
        """As `FusionMethod.estimate`; nothing is drawn, so samples and seed count for nothing."""
        if fused.shape != recipe.shape:
            raise ResultError("The fused image was cropped or resampled since it was written: an estimate needs it on its own grid.")
        return backward.estimate(fused, recipe)

    def of_slices(self, recipe: Recipe, chosen: list[int]) -> Recipe:
        """What is hidden reaches over slices."""
        raise CapabilityError(f"{self.info.title} takes volumes apart as a whole: give all slices.")

    def adopt(self, fused: Volume, recipe: Recipe | None, *, has_scale: bool) -> FusedFile:
        """As `FusionMethod.adopt`: on the grid that was written, in its grey levels where they can be found."""
        if recipe is None:
            raise ResultError(f"Nothing in the file says how {self.info.title} hid something in it: give the file that was written.")
        record = record_of(recipe)
        values, is_nominal_scale = finite(fused.values), has_scale or is_nominal(fused.array)
        plain = replace(fused, array=values, slope=1.0, intercept=0.0, name="fused", unit="")
        on_grid, moved = by_header(plain, recipe.shape, record.affine, 0.0, NEAR_BLACK if is_nominal_scale else np.inf) or (plain, ())
        real, share, rescaled = found(on_grid.array, record)
        if share or not is_nominal_scale:
            is_same = backward.is_as_written(on_grid.array, record)
            on_grid = replace(on_grid, array=record.layout.grey.to_values(real)) if rescaled or share < 1 else on_grid
        else:
            is_same = False
        notes = (*fused.notes, *moved, *([RESCALED] if rescaled and share else []))
        trust = Trust.DAMAGED if share < 1 else Trust.UNDONE if moved or rescaled else Trust.AS_WRITTEN if is_same else Trust.ROUNDED
        return FusedFile(on_grid, recipe, notes, trust)


def _precisely(stored: np.ndarray, source: SourceRecord) -> np.ndarray:
    """Stored numbers of any shape on the nominal scale, float64; what is not finite is 0."""
    nominal = source.normalization(0).precisely(stored)
    return np.where(np.isfinite(nominal), nominal, 0)


def _packing(lacking: tuple[np.ndarray, np.ndarray], stored: list[np.ndarray], sources: tuple[SourceRecord, SourceRecord]) -> Packing:
    whole = tuple(array.dtype.kind in "iub" or bool((array == np.rint(array)).all()) for array in stored)
    first, second = (unit_of(error, source.normalization(0).scale, is_whole) for error, source, is_whole in zip(lacking, sources, whole))
    return Packing((first, second), (whole[0], whole[1]), 0)


def _errors(lacking: tuple[np.ndarray, np.ndarray], half: np.ndarray, levels: np.ndarray, layout: codec.Layout) -> np.ndarray:
    """(6, cubes) uint8, as `RdhRecord.errors`."""
    cut = layout.cubes.cut
    black = cut(levels) == layout.grey.zero

    def by_cube(error: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return to_bytes(np.sqrt(np.where(counts, cut(error) ** 2, 0).sum((1, 2, 3)) / np.maximum(counts.sum((1, 2, 3)), 1)))

    return np.stack([*(by_cube(error, ~black) for error in (*lacking, half)), np.rint(cut(levels).mean((1, 2, 3))).astype(np.uint8),
                     *(by_cube(error, black) for error in lacking)])
