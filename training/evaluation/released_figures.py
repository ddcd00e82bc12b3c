"""What the released program, with its two sigmoids, makes of slices: figures for models of the `paper` preset, beside this program's."""
import numpy as np
import torch

from FusionINNLib.methods import devices
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from training.evaluation.quality import Pair, similarities
from training.losses.paper import ReleasedProgram


@torch.no_grad()
def released_figures(model: str, device: str, sources: Pair, heads: np.ndarray, chosen: list[int],
                     seed: int) -> dict[int, dict[str, float]]:
    """Figures of the chosen slices, index -> name -> value; none for a model of another preset.

    Args:
        sources: both stacks (K, J, I) float32 as the network sees them. heads: (K, J, I) boolean.

    `released_fused_...` of sigmoid(y) to both sources, `released_...` of sigmoid(f^-1([sigmoid(y), noise])), one draw, and
    `released_saved_...` of the same with the saved latent. Whole slices, without a last row or column where sides are odd.
    """
    card = find_card(model)
    if card.architecture != "paper":
        return {}
    program = ReleasedProgram(model_folder.load(card).to(devices.choose_device(device)))
    height, width = (side - side % card.multiple for side in heads.shape[1:])
    result = {}
    for k in chosen:
        pair, head = [source[k, :height, :width] for source in sources], heads[k, :height, :width]
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
