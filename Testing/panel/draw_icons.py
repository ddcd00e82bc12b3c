"""Draws the module's icon and the picture of the sample case for Sample Data: python Testing/panel/draw_icons.py"""
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
ICONS = ROOT / "FusionINN" / "Resources" / "Icons"
SIDE, FINER = 128, 8  # drawn large and made small, which smooths the edges
FIRST, SECOND, FUSED = (76, 142, 237), (95, 191, 96), (237, 213, 76)  # the colors of the views in the comparison


def module_icon() -> Image.Image:
    """Two discs, one for each volume, and what they share."""
    side = SIDE * FINER
    icon = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    masks = []
    for left in (0.04, 0.36):
        mask = Image.new("L", (side, side), 0)
        ImageDraw.Draw(mask).ellipse([left * side, 0.20 * side, (left + 0.60) * side, 0.80 * side], fill=255)
        masks.append(mask)
    for color, mask in zip((FIRST, SECOND, FUSED), (*masks, ImageChops.multiply(*masks))):
        icon.paste(Image.new("RGBA", icon.size, (*color, 255)), mask=mask)
    pen = ImageDraw.Draw(icon)
    for left in (0.04, 0.36):
        pen.ellipse([left * side, 0.20 * side, (left + 0.60) * side, 0.80 * side], outline=(40, 40, 40, 255), width=round(0.018 * side))
    return icon.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def sample_picture() -> Image.Image:
    """The FLAIR of the sample case at its largest tumor, outlined."""
    sys.path.insert(0, str(ROOT))
    from scipy import ndimage

    from FusionINNLib.phantom.case import sample_case

    case = sample_case()
    k = int(np.argmax(np.count_nonzero(case.segmentation.array, axis=(1, 2))))
    gray = np.clip(case.second.array[k][::-1] / 900 * 255, 0, 255).astype(np.uint8)  # j runs to anterior: up in the picture
    inside = case.segmentation.array[k][::-1] > 0
    picture = np.repeat(gray[..., None], 3, axis=2)
    picture[inside & ~ndimage.binary_erosion(inside)] = (255, 0, 0)
    small = Image.fromarray(picture).resize((252, 269), Image.Resampling.LANCZOS)
    card = Image.new("RGB", (260, 280), (0, 0, 0))
    card.paste(small, (4, 5))
    return card


if __name__ == "__main__":
    ICONS.mkdir(parents=True, exist_ok=True)
    module_icon().save(ICONS / "FusionINN.png", optimize=True)
    sample_picture().save(ICONS / "FusionINNSampleCase.png", optimize=True)
