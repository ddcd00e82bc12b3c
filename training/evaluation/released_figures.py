"""What the released program, with its two sigmoids, makes of slices: figures for published networks, beside this program's."""
import numpy as np
import torch

from FusionINNLib.methods import devices
from training.evaluation.quality import Pair, similarities
from training.losses.paper import ReleasedProgram
from training.trainers.registry import TRAINERS, load_model


@torch.no_grad()
def released_figures(model: str, device: str, sources: Pair, heads: np.ndarray, chosen: list[int],
                     seed: int) -> dict[int, dict[str, float]]:
    """Figures of the chosen slices, index -> name -> value; none for a model whose program is this one.

    Args:
        sources: both stacks (K, J, I) float32 as the network sees them. heads: (K, J, I) boolean.

    `released_fused_...` of sigmoid(y) to both sources, `released_...` of sigmoid(f^-1([sigmoid(y), noise])), one draw, and
    `released_saved_...` of the same with the saved latent. Whole slices, without a last row or column where sides are odd.
    """
    name, network = load_model(model)
    network = network.to(devices.choose_device(device))
    program = TRAINERS[name].program(network)
    if program is network:
        return {}
    height, width = (side - side % network.config.multiple for side in heads.shape[1:])
    result = {}
    for k in chosen:
        pair = sources[0][k, :height, :width], sources[1][k, :height, :width]
        head = heads[k, :height, :width]
        noise = torch.randn((1, 1, height, width), generator=torch.Generator().manual_seed(seed + k))
        values = _figures(program, torch.from_numpy(np.stack(pair))[None].to(devices.choose_device(device)), noise)
        result[k] = {}
        for name, images in values.items():
            result[k] |= similarities(name, images, pair, head)
    return result


def _figures(program: ReleasedProgram, sources: torch.Tensor, noise: torch.Tensor) -> dict[str, Pair]:
    fused, latent = program.fuse(sources)
    image = fused[0, 0].cpu().numpy()
    restored, saved = (program.decompose(fused, drawn)[0].cpu().numpy() for drawn in (noise.to(latent), latent))
    return {"released_fused": (image, image), "released": tuple(restored), "released_saved": tuple(saved)}
