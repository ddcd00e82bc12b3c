"""What the training of a segmentation network minimises: cross-entropy with soft Dice, and CSAD's distillation of attention."""
from monai.losses.dice import DiceCELoss
from torch import Tensor

from FusionINNLib.outlining.attention import attention_maps, distillation_loss
from FusionINNLib.outlining.csad import Answer

_SEGMENTATION = DiceCELoss(sigmoid=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)  # one Dice a batch: slices without lesion have none


def outline_loss(answer: Answer, label: Tensor, weight: float, norm: str) -> tuple[Tensor, dict[str, float]]:
    """Total and parts, of logits and labels (B, 1, H, W).

    Args:
        weight: gamma of the distillation, 0 where there is none; not published, .1 after Hou et al. (2019).
        norm: of the attention maps, see outlining/attention.py.
    """
    drawn = _SEGMENTATION(answer.logits, label)
    if not weight or not answer.first:
        return drawn, {"loss": float(drawn.detach()), "distilled": 0.0}
    distilled = distillation_loss(attention_maps(answer.first, norm), attention_maps(answer.second, norm))
    total = drawn + weight * distilled
    return total, {"loss": float(drawn.detach()), "distilled": float(distilled.detach())}
