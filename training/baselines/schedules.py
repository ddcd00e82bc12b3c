"""How long each network is trained for the benchmark: settings that differ from those of every run, and which of them are small."""

_COMMON = {"crop": 64, "batch": 4, "flat": 0.5, "average": 0.99}
_LARGE = _COMMON | {"steps": 2500, "validate_every": 125, "precision": "bfloat16"}
SCHEDULES = {
    "deepfuse": _COMMON | {"steps": 10000, "validate_every": 500},
    "funfuseann": _COMMON | {"steps": 2000, "validate_every": 100, "clip": 1e9},  # its published division makes gradients of 1e5
    "half_unet": _LARGE, "unet": _LARGE, "unet_plus_plus": _LARGE | {"crop": 48},
    "unet_3_plus": _LARGE | {"steps": 1500, "validate_every": 75}}
SMALL = ("deepfuse", "funfuseann", "half_unet")
"""Those that even a quick run trains."""
