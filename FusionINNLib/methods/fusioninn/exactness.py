"""Slices through the network so that they come back exactly, on whichever device: what float32 may lose on the way is watched.

In ordinary slices rounding is a hundred times smaller than one step of the stored integers. Where values are extreme, or steps as fine as
16 bits allow, it need not be. Such slices are fused in float64, so that only the way back rounds, and tried.
"""
import numpy as np

from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.results.recipe import SourceRecord

ROUNDING = 5e-6  # of a way there and back through the network, for each 1 in the fused image; measured on noise, real slices have less
LATENT_REACH = 6.0  # the largest value of an ordinary latent


def allowed_error(stack: np.ndarray, record: SourceRecord) -> float:
    """Half of the largest error, in stored numbers, with which a source still comes back as promised: other devices round otherwise."""
    finite = stack if record.not_finite is None else stack[np.isfinite(stack)]
    low, high = finite.min(), finite.max()
    whole = stack.dtype.kind in "iu" and int(high) - int(low) < 2 ** 16
    return 0.25 if whole else 0.5e-5 * (float(high) - float(low))


def fuse_exactly(engine: Engine, sources: list[np.ndarray], limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fused images and latents (B, J, I) of normalised sources, and for each slice (B) whether the sources come back from them.

    Args:
        sources: first and second, (B, J, I) each.
        limits: (2, B), largest error of each source and slice on the nominal scale.
    """
    fused, latent = engine.fuse(*sources)
    exact = np.ones(len(fused), bool)
    reach = np.maximum(np.abs(fused).max((1, 2)), np.abs(latent).max((1, 2)) / LATENT_REACH)
    for n in np.flatnonzero(~(ROUNDING * reach <= limits.min(0))):  # also where the network gave NaN
        one = [source[n:n + 1] for source in sources]
        fused[n:n + 1], latent[n:n + 1] = engine.fuse_precisely(*one)
        back = engine.decompose(fused[n:n + 1], latent[n:n + 1])
        exact[n] = all(np.abs(there - here).max() <= limit for there, here, limit in zip(one, back, limits[:, n]))
    return fused, latent, exact
