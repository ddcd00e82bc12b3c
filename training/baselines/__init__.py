"""What FusionINN is measured against beside the methods of the program: the networks of the paper, under one interface (`fuser.Fuser`).

    fuser = build("unet")
    fused = fuser.fuse(first, second)      # (B, 1, H, W) each, on nominal 0..1

Each network is written from its description in the paper and from the parameter counts of Kumar et al. 2024 (FusionINN).
"""
import importlib

from FusionINNLib.methods.base import Capabilities, MethodInfo
from training.baselines.fuser import Fuser


def _row(name: str, title: str, target: str, summary: str, citation: str, doi: str) -> MethodInfo:
    needs = Capabilities(needs_training=True)
    return MethodInfo(name, title, summary, citation, doi, f"training.baselines.{target}", needs, requires=("torch",))


ROWS = (
    _row("deepfuse", "DeepFuse", "deepfuse:DeepFuse", "Features of both images, added.",
         "Prabhakar, Srikar, Babu 2017: DeepFuse: A deep unsupervised approach for exposure fusion with extreme exposure image pairs",
         "10.1109/ICCV.2017.505"),
    _row("funfuseann", "FunFuseAn", "funfuseann:FunFuseAn", "Low and high frequencies in branches of their own.",
         "Kumar et al. 2019: Structural similarity based anatomical and functional brain imaging fusion", "10.1007/978-3-030-33226-6_14"),
    _row("half_unet", "Half-UNet", "half_unet:HalfUNet", "A U-Net whose way up only enlarges.",
         "Lu, She, Tie, Xu 2022: Half-UNet: A simplified U-Net architecture for medical image segmentation", "10.3389/fninf.2022.911679"),
    _row("unet", "UNet", "unet:UNet", "Down to a sixteenth and up again.",
         "Ronneberger, Fischer, Brox 2015: U-Net: Convolutional networks for biomedical image segmentation",
         "10.1007/978-3-319-24574-4_28"),
    _row("unet_plus_plus", "UNet++", "unet_plus_plus:UNetPlusPlus", "Nested U-Nets with dense skips.",
         "Zhou et al. 2018: UNet++: A nested U-Net architecture for medical image segmentation", "10.1007/978-3-030-00889-5_1"),
    _row("unet_3_plus", "UNet3+", "unet_3_plus:UNet3Plus", "Every level sees all scales.",
         "Huang et al. 2020: UNet 3+: A full-scale connected UNet for medical image segmentation", "10.1109/ICASSP40776.2020.9053405"),
)
"""As in the registry of the program's own methods, `FusionINNLib.methods.registry`; these are never shipped."""


def _class_of(row: MethodInfo) -> type[Fuser]:
    module, _, name = row.target.partition(":")
    return getattr(importlib.import_module(module), name)


TRAINED: dict[str, type[Fuser]] = {row.name: _class_of(row) for row in ROWS}
"""Networks by name."""

__all__ = ["ROWS", "TRAINED", "Fuser", "build"]


def build(name: str) -> Fuser:
    """The network of this name with fresh weights. Raises ValueError for a name that does not exist."""
    if name not in TRAINED:
        raise ValueError(f"there is no network {name!r}: choose among {', '.join(TRAINED)}")
    return TRAINED[name]()
