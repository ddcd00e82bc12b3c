"""Weights of a default network with narrower subnets as the start of a wider one that computes the same (Chen et al. 2016, Net2Net)."""
from torch import Tensor


def widened(weights: dict[str, Tensor], fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights that fill a wider network.

    Subnets are convolutions `...0`, `...2`, `...4`. Channels that are new start as the fresh network has them, but nothing that was there
    before listens to them: the weights that lead from new channels to old ones are zero, and training changes them from the first step.

    Args:
        weights: of the narrow network.
        fresh: of the wide one, untrained; unchanged by this.

    Raises ValueError where the other network is no wider version of the first.
    """
    if weights.keys() != fresh.keys():
        raise ValueError("layers differ")
    return {name: _grown(name.split(".")[-2], weights[name], fresh[name]) for name in fresh}


def _grown(layer: str, old: Tensor, fresh: Tensor) -> Tensor:
    if old.shape == fresh.shape:
        return old.clone()
    if old.dim() != fresh.dim() or any(a > b for a, b in zip(old.shape, fresh.shape)) or layer not in ("0", "2", "4"):
        raise ValueError("not wider")
    new = fresh.clone()
    if layer != "0" and old.dim() > 1:
        new[:len(old)] = 0
    new[tuple(slice(0, size) for size in old.shape)] = old
    return new
