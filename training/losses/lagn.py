"""The loss of LAGN, with constraints among original, generated and fused images, as the abstract of Qu et al. 2025 has it.

The terms are ours, after Dif-Fusion (Yue et al. 2023) and DM-FNet (He et al. 2025).

    L = intensity(f; a, b) + edges(f; a, b) + 0.5 structure(f; a, b) + 0.5 (intensity(f; a', b') + edges(f; a', b'))

f fused, a and b the sources, a' and b' as the diffusion believes them to be. Images are (B, 1, H, W) on the nominal 0..1 scale.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

STRUCTURE, GENERATED = 0.5, 0.5
WINDOW, SIGMA, C2 = 11, 1.5, 0.03 ** 2


def lagn_loss(fused: Tensor, sources: Tensor, believed: Tensor, generated: bool = True,
              brightest: bool = True) -> tuple[Tensor, dict[str, float]]:
    """Total loss and its parts, means over the batch.

    Args:
        sources, believed: (B, 2, H, W).
        generated: whether the images that the diffusion believes in count.
        brightest: the fused image is to be as bright as the brighter source (Dif-Fusion), which drops dark lesions; False: as their mean.
    """
    parts = {"intensity": intensity(fused, sources, brightest), "edges": edges(fused, sources),
             "structure": STRUCTURE * structure(fused, sources)}
    if generated:
        parts["generated"] = GENERATED * (intensity(fused, believed, brightest) + edges(fused, believed))
    total = torch.stack(list(parts.values())).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}


def intensity(fused: Tensor, sources: Tensor, brightest: bool) -> Tensor:
    """Mean | f - max(a, b) |, or of the mean of both."""
    wanted = sources.amax(1, keepdim=True) if brightest else sources.mean(1, keepdim=True)
    return (fused - wanted).abs().mean()


def edges(fused: Tensor, sources: Tensor) -> Tensor:
    """Mean | S f - max(S a, S b) |, S the sum of the absolute values of both Sobel filters, zeros around."""
    return (_sobel(fused) - _sobel(sources).amax(1, keepdim=True)).abs().mean()


def structure(fused: Tensor, sources: Tensor) -> Tensor:
    """1 - mean contrast and structure (SSIM without luminance), at each pixel to the source with the larger local deviation (DM-FNet).

    Windows lie inside of the image (DM-FNet: zeros around it, whose edge is the liveliest of all).
    """
    fused, sources = fused.expand_as(sources).flatten(0, 1)[:, None], sources.flatten(0, 1)[:, None]
    mean_f, mean_s = _local(fused), _local(sources)
    var_f, var_s = _local(fused * fused) - mean_f ** 2, _local(sources * sources) - mean_s ** 2
    alike = (2 * (_local(fused * sources) - mean_f * mean_s) + C2) / (var_f + var_s + C2)
    alike, var_s = (part.view(-1, 2, *part.shape[2:]) for part in (alike, var_s))
    return 1 - alike.gather(1, var_s.argmax(1, keepdim=True)).mean()


def _sobel(x: Tensor) -> Tensor:
    kernel = x.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    flat = x.flatten(0, 1)[:, None]
    sides = F.conv2d(flat, torch.stack([kernel, -kernel.T])[:, None], padding=1)
    return sides.abs().sum(1).view_as(x)


def _local(x: Tensor) -> Tensor:
    """Means in Gaussian windows that fit inside."""
    offsets = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    kernel = torch.exp(-offsets ** 2 / (2 * SIGMA ** 2))
    kernel = kernel / kernel.sum()
    return F.conv2d(F.conv2d(x, kernel[None, None, :, None]), kernel[None, None, None])
