"""DC2Fusion as a fusion method: two volumes in, one fused volume out, made with context across slices. There is no way back.

Both volumes go in on the nominal 0..1 scale, turned to right-anterior-superior voxels, cut to the box of the head. What is written is FL1N
of the network's two maps, whose shares are of the whole volume; outside of the box it is the mean of the sources (ours).
"""
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import devices, weights
from FusionINNLib.methods.base import FusionMethod, SourcePair
from FusionINNLib.preprocessing.normalization import levels
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.records import Fusion
from FusionINNLib.results.sources import entering, normalised, record_by_volume
from FusionINNLib.volumes.foreground import foreground
from FusionINNLib.volumes.orientation import from_ras, to_ras
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    from FusionINNLib.methods.dc2fusion.network import DC2FusionNetwork

MARGIN = 4  # voxels around the head


class DC2Fusion(FusionMethod):
    """The method with the card of one model, whose key `network` says what it is built from."""

    @property
    def fingerprint(self) -> str:
        """Checksum of the weights."""
        return self._card.sha256

    def fuse(self, pair: SourcePair, *, device: str = "auto", seed: int = 0, progress: Progress | None = None) -> Fusion:
        """As `FusionMethod.fuse`; nothing is drawn, so seed counts for nothing. Progress by tile."""
        import torch

        from FusionINNLib.methods.dc2fusion.network import blended, shares
        from FusionINNLib.methods.dc2fusion.tiles import maps_of

        progress = progress or Progress()
        warnings: list[str] = []
        network, where = self._network(), devices.choose_device(device)
        records = (record_by_volume(pair.first, pair.resampled[0]), record_by_volume(pair.second, pair.resampled[1]))
        affine = pair.first.affine
        sources = np.stack([to_ras(normalised(entering(volume, record), record, 0), affine)
                            for volume, record in zip((pair.first, pair.second), records)])
        fused = sources.mean(0)
        box, parts = _box(sources), [0.5, 0.5]
        if box is not None:
            maps = maps_of(network, np.ascontiguousarray(sources[(slice(None), *box)]), where,
                           lambda done, total: progress.step("fusing tiles", done, total), warnings.append)
            both = torch.from_numpy(maps)[None]
            parts, fused[box] = shares(both)[0].tolist(), blended(both)[0, 0].numpy()
        fused = np.ascontiguousarray(from_ras(fused, affine))
        recipe = Recipe(self.info.name, self._card.id, self.fingerprint, pair.first.shape, pair.first.through_plane_axis,
                        {"shares": parts}, levels(fused), records)
        return Fusion(Volume(fused, affine, "fused"), None, recipe, pair.first, pair.second, pair.alignment,
                      (*pair.alignment.warnings, *warnings))

    @property
    def _card(self):
        if self.card is None:
            raise ModelError(f"{self.info.title} needs trained weights: name the folder of a model of it.")
        return self.card

    def _network(self) -> "DC2FusionNetwork":
        from FusionINNLib.methods.dc2fusion.network import DC2FusionNetwork, size_from

        card = self._card
        state = weights.read(card.folder, card.id, card.sha256)
        try:
            network = DC2FusionNetwork(size_from(card.data["network"]))
            network.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()})
        except (KeyError, TypeError, ValueError, RuntimeError) as problem:
            raise weights.misfit(card.id) from problem
        return network.eval().requires_grad_(False)


def _box(sources: np.ndarray) -> tuple[slice, slice, slice] | None:
    """Where (K, J, I) of both sources (2, K, J, I) the head lies, with a margin; None where there is nothing."""
    head = foreground(sources)
    if not head.any():
        return None
    ranges = []
    for axis in range(3):
        hits = np.flatnonzero(head.any(tuple(other for other in range(3) if other != axis)))
        ranges.append(slice(max(0, int(hits[0]) - MARGIN), int(hits[-1]) + 1 + MARGIN))
    k, j, i = ranges
    return k, j, i
