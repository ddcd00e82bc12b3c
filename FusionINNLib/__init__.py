"""FusionINN: fuse two MR volumes into one image with an invertible network, and take that image apart again.

    import FusionINNLib as fi
    fusion = fi.fuse(fi.read_volume("adc.nii.gz"), fi.read_volume("flair.nii.gz"))
    first, second = fi.decompose(fusion.fused, fusion.latent, fusion.recipe)      # exact
    guess = fi.estimate(fusion.fused, fusion.recipe)                              # from the fused image alone: estimated

Importing this package loads neither torch nor slicer; each function loads what it needs when it is first used.
"""
import importlib

__version__ = "0.2.0"

_HOMES = {"list_methods": "pipeline", "fuse": "pipeline", "decompose": "pipeline", "estimate": "pipeline", "read_fused": "pipeline",
          "read_scan": "volumes.color_files", "luminances": "results.color", "fused_color": "results.color",
          "read_fusion": "results.folder", "read_volume": "volumes.io", "read_segmentation": "volumes.io", "write_nifti": "volumes.io",
          "Volume": "volumes.volume", "Progress": "progress", "FusionINNError": "errors"}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(f"FusionINNLib.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
