"""CSAD's attention maps (model file; Zagoruyko & Komodakis 2017, Hou et al. 2019): where the features of a stage are strong."""
from collections.abc import Callable

from torch import Tensor, nn

REACH = (1, 2, 4, 8)
"""By how much the features of stages 1 to 4 are magnified, so that all maps have the size of the first."""


def attention_map(features: Tensor, factor: int, norm: str = "softmax_sum") -> Tensor:
    """(B, 1, H, W) of features (B, C, H / factor, W / factor): magnified bilinearly (corners aligned), squared, added up over channels.

    Args:
        norm: of `NORMS`. `softmax_sum` is the model file's: next to one-hot with ReLU features, its gradients come from single pixels.
    """
    if factor > 1:
        features = nn.functional.interpolate(features, scale_factor=factor, mode="bilinear", align_corners=True)
    return NORMS[norm](features.square())


def attention_maps(features: list[Tensor], norm: str = "softmax_sum") -> list[Tensor]:
    """The maps of the four stages of an encoder, each (B, 1, H/2, W/2)."""
    return [attention_map(feature, factor, norm) for feature, factor in zip(features, REACH)]


def _softmax(strength: Tensor) -> Tensor:
    return strength.flatten(1).softmax(1).view_as(strength)


def _unit(strength: Tensor) -> Tensor:
    return strength / strength.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)


NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax_sum": lambda squares: _softmax(squares.sum(1, keepdim=True)),
    "softmax_mean": lambda squares: _softmax(squares.mean(1, keepdim=True)),
    "l2": lambda squares: _unit(squares.mean(1, keepdim=True)),
}
"""Name -> (B, C, H, W) squares to (B, 1, H, W): sum 1 an image (`softmax_*`; the mean over channels is ours) or norm 1 (`l2`, after
Zagoruyko & Komodakis, ours here)."""


def distillation_loss(first: list[Tensor], second: list[Tensor], is_target_fixed: bool = True) -> Tensor:
    """Each map against the next deeper one of the other modality: six links, squared distances summed over pixels, mean over the batch.

    The X-shaped pairs are the figure's. Distance, direction and reduction are not published and ours, after Hou et al. (2019): the
    shallow map imitates the deep one, through which no gradient goes (`is_target_fixed`).

    Args:
        first, second: the four maps (B, 1, H, W) of each modality.
    """
    total = first[0].new_zeros(())
    for shallow, deep in ((first, second), (second, first)):
        for at, target in zip(shallow[:-1], deep[1:]):
            total = total + (at - (target.detach() if is_target_fixed else target)).square().sum((1, 2, 3)).mean()
    return total
