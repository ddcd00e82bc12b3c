"""The rows of the table of outlines: name -> what is trained for it, the shipped one first. All by the same loop, data and number of steps,
but for CSAD's short ones."""
from dataclasses import dataclass, field

THRESHOLD = "threshold"
"""The row that needs no network: FLAIR above a threshold inside the head."""


@dataclass(frozen=True)
class Row:
    """title: in the table. settings: of `OutlineConfig` where they differ from the preset ones."""

    title: str
    settings: dict[str, object] = field(default_factory=dict)


_FAITHFUL = {"architecture": "csad", "slices": 1, "unit": 16}
_GENTLE = {"learning_rate": 1e-3}
_SHORT = {"steps": 250, "validate_every": 125, **_GENTLE}  # a step of CSAD's costs five of the others'

ROWS = {
    "unet": Row("plain two-channel U-Net (MONAI)"),
    "three-slices": Row("U-Net with skips at full resolution, three neighbouring slices",
                        {"settings": {"architecture": "basic_unet", "slices": 3}}),
    "unet-short": Row("plain two-channel U-Net (MONAI), as few steps as CSAD", {"steps": 250, "validate_every": 125}),
    "csad": Row("CSAD, u = 16, as published", {"settings": _FAITHFUL, "distill": 0.1, **_SHORT}),
    "csad-no-distillation": Row("the same without distillation", {"settings": _FAITHFUL, **_SHORT}),
    "csad-long": Row("CSAD, u = 16, as published, as many steps as the U-Net", {"settings": _FAITHFUL, "distill": 0.1, **_GENTLE}),
    "csad-long-no-distillation": Row("the same without distillation, as many steps", {"settings": _FAITHFUL, **_GENTLE}),
    "csad-skips": Row("CSAD with skips, three slices, u = 8, attention of norm 1",
                      {"settings": {"architecture": "csad", "slices": 3, "unit": 8, "skips": True}, "distill": 0.1, "attention": "l2"}),
}
