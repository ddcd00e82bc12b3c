"""What FusionINN is measured against, under one interface (`fuser.Fuser`): methods without training, and the networks of the paper.

    fuser = build("unet")
    fused = fuser.fuse(first, second)      # (B, 1, H, W) each, on nominal 0..1

Each network is written from its description in the paper and from the parameter counts of Kumar et al. 2024 (FusionINN).
"""
from training.baselines.deepfuse import DeepFuse
from training.baselines.funfuseann import FunFuseAn
from training.baselines.fuser import Fuser
from training.baselines.half_unet import HalfUNet
from training.baselines.simple import Average, LaplacianPyramid, Maximum
from training.baselines.unet import UNet
from training.baselines.unet_3_plus import UNet3Plus
from training.baselines.unet_plus_plus import UNetPlusPlus

SIMPLE = {"average": Average, "maximum": Maximum, "laplacian": LaplacianPyramid}
"""Methods without training, by name."""
TRAINED = {"deepfuse": DeepFuse, "funfuseann": FunFuseAn, "half_unet": HalfUNet, "unet": UNet, "unet_plus_plus": UNetPlusPlus,
           "unet_3_plus": UNet3Plus}
"""Networks that are trained, by name."""
TITLES = {"average": "Average", "maximum": "Maximum", "laplacian": "Laplacian pyramid", "deepfuse": "DeepFuse", "funfuseann": "FunFuseAn",
          "half_unet": "Half-UNet", "unet": "UNet", "unet_plus_plus": "UNet++", "unet_3_plus": "UNet3+"}
"""Names as they are written in a table."""

__all__ = ["Fuser", "SIMPLE", "TITLES", "TRAINED", "build"]


def build(name: str) -> Fuser:
    """The method of this name, a network with fresh weights. Raises ValueError for a name that does not exist."""
    methods = SIMPLE | TRAINED
    if name not in methods:
        raise ValueError(f"there is no method {name!r}: choose among {', '.join(methods)}")
    return methods[name]()
