"""FusionINN as a method of the registry: align -> normalise -> slices -> network -> volume, and both ways back (Kumar et al. 2024).

torch is imported when something is computed, not before.
"""
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import InputError, ModelError, ResultError
from FusionINNLib.methods import devices
from FusionINNLib.methods.base import FusionMethod, MethodInfo, SourcePair
from FusionINNLib.methods.fusioninn import record
from FusionINNLib.methods.fusioninn.card import typed
from FusionINNLib.methods.model_card import ModelCard
from FusionINNLib.preprocessing.normalization import levels
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import Recipe, SourceRecord
from FusionINNLib.results.records import Estimate, FusedFile, Fusion
from FusionINNLib.results.sources import entering, record_by_slice, record_by_volume
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    from FusionINNLib.methods.fusioninn.inference import Engine


class FusionINN(FusionMethod):
    """An invertible network, slice by slice: what it fuses it takes apart again."""

    def __init__(self, info: MethodInfo, card: ModelCard):
        super().__init__(info, card)
        self.model = typed(card)

    @property
    def fingerprint(self) -> str:
        """Of weights, settings, normalisation and arithmetic."""
        return self.model.fingerprint

    def check(self, recipe: Recipe) -> None:
        """As `FusionMethod.check`: these very weights, and a record that a fusion can have written."""
        if self.fingerprint != recipe.sha256:
            raise ModelError(f"The fused image was made with other weights or settings of model {recipe.model!r} than those installed, "
                             "or by another version of FusionINN: choose the folder of the model that made it (on the command line: "
                             "--model), or fuse the sources again.")
        record.record_of(recipe)

    def fuse(self, pair: SourcePair, *, device: str = "auto", seed: int = 0, progress: Progress | None = None) -> Fusion:
        """As `FusionMethod.fuse`; nothing is drawn, so seed counts for nothing."""
        from FusionINNLib.methods.fusioninn.forward import fuse_slices

        progress = progress or Progress()
        warnings: list[str] = []
        engine = self._engine(device, warnings.append)
        first, second, axis = pair.first, pair.second, pair.first.through_plane_axis
        records = self._record(first, axis, pair.resampled[0]), self._record(second, axis, pair.resampled[1])
        stacks = to_stack(entering(first, records[0]), axis), to_stack(entering(second, records[1]), axis)
        fused, latent = (np.empty(first.shape, np.float32) for _ in range(2))
        kept = fuse_slices(engine, self.model, stacks, records, (to_stack(fused, axis), to_stack(latent, axis)), progress)
        kept = replace(kept, affine=tuple(map(tuple, first.affine.tolist())))
        recipe = Recipe(self.info.name, self.model.id, self.fingerprint, fused.shape, axis, kept.to_dict(), levels(fused), records)
        return Fusion(Volume(fused, first.affine, "fused"), Volume(latent, first.affine, "latent"), recipe, first, second,
                      pair.alignment, (*pair.alignment.warnings, *warnings))

    def decompose(self, fused: Volume, latent: Volume, recipe: Recipe, *, device: str = "auto",
                  progress: Progress | None = None) -> tuple[Volume, Volume]:
        """Integers that were not resampled come back identical in every voxel, with their type and scale factors; others to 1e-5 of their
        range. Raises ResultError where the two volumes do not belong together."""
        from FusionINNLib.methods.fusioninn import backward

        if not fused.shape == latent.shape == recipe.shape:
            raise ResultError("Fused image, latent and record do not belong together (their sizes differ): use what one fusion wrote.")
        progress = progress or Progress()
        return backward.decompose(self._engine(device, progress.say), fused, latent, recipe, progress)

    def estimate(self, fused: Volume, recipe: Recipe, *, samples: int = 8, seed: int = 0, numbers: list[int] | None = None,
                 device: str = "auto", progress: Progress | None = None) -> Estimate:
        """Mean and scaled standard deviation over drawn latents, see backward.py. Raises ResultError for an image of another size."""
        from FusionINNLib.methods.fusioninn import backward

        if fused.shape != recipe.shape:
            raise ResultError("The fused image was cropped or resampled since it was written: an estimate needs it on its own grid.")
        if samples < 1:
            raise InputError("An estimate needs at least one drawn latent: choose more samples.")
        progress = progress or Progress()
        return backward.estimate(self._engine(device, progress.say), self.model, fused, recipe, samples, seed, numbers, progress)

    def of_slices(self, recipe: Recipe, chosen: list[int]) -> Recipe:
        """As `FusionMethod.of_slices`."""
        return record.of_slices(recipe, chosen)

    def adopt(self, fused: Volume, recipe: Recipe | None, *, has_scale: bool) -> FusedFile:
        """As `FusionMethod.adopt`, see fused_file.py."""
        from FusionINNLib.methods.fusioninn.fused_file import adopt

        return adopt(fused, recipe, has_scale, self.model)

    def _engine(self, device: str, say: Callable[[str], None]) -> "Engine":
        from FusionINNLib.methods.fusioninn.inference import Engine
        from FusionINNLib.methods.fusioninn.model_folder import load

        return Engine(load(self.model), devices.choose_device(device), say)

    def _record(self, volume: Volume, axis: int, resampled: bool) -> SourceRecord:
        by_slice = self.model.normalization == "slice"
        return record_by_slice(volume, axis, resampled) if by_slice else record_by_volume(volume, resampled)
