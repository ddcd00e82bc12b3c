"""What the way back needs besides the images: how the sources were normalised, where the network worked, which network it was.

It goes into `fusion.json` and, as text, into the header of `fused.nii.gz`. It holds no names, folders or patients.
"""
import base64
import json
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.preprocessing.normalization import Normalization
from FusionINNLib.preprocessing.slicing import Box

FORMAT = 1
NEAR_BACKGROUND = 1.5 / 255  # fused values no farther from the background than this are taken for background, once rounded
NOTICE = "Research use only. Not for diagnosis."
_KINDS = (np.nan, np.inf, -np.inf)  # codes 1, 2, 3 of voxels that are not finite


@dataclass(frozen=True)
class SourceRecord:
    """How one source became network input: one normalisation for the volume, or one for each slice.

    Args:
        unit: of the physical values, `stored * slope + intercept`.
        dtype: NumPy name of the stored type.
        resampled: whether the source was brought onto the reference grid, so that the way back ends at the resampled volume.
        not_finite: voxels that are NaN or infinite, packed; None where there are none.
    """

    unit: str
    dtype: str
    slope: float
    intercept: float
    resampled: bool
    normalizations: tuple[Normalization, ...]
    not_finite: str | None = None

    def normalization(self, k: int) -> Normalization:
        """The map of slice k."""
        return self.normalizations[k if len(self.normalizations) > 1 else 0]


@dataclass(frozen=True)
class Recipe:
    """Everything but the images.

    Args:
        model, sha256: id of the network and its fingerprint, see methods/model_card.py.
        shape: voxels of the fused volume (k, j, i).
        axis: through-plane axis in (k, j, i).
        boxes: where the network worked, see preprocessing/slicing.py.
        background: fused and latent value of background.
        levels: dark and bright percentile of the fused image, to find its scale again where it was lost, see
        preprocessing/normalization.py. sources: first and second.
    """

    model: str
    sha256: str
    shape: tuple[int, int, int]
    axis: int
    boxes: tuple[Box, ...]
    background: tuple[float, float]
    levels: tuple[float, float]
    sources: tuple[SourceRecord, SourceRecord]

    def without_masks(self) -> "Recipe":
        """The constants alone: what an estimate needs, and no list of single voxels."""
        return replace(self, sources=tuple(replace(source, not_finite=None) for source in self.sources))

    def of_slices(self, chosen: list[int]) -> "Recipe":
        """The recipe of a volume made of these slices alone, in this order; voxels that are not finite come out as background."""
        boxes = tuple(replace(box, k=chosen.index(box.k)) for box in self.boxes if box.k in chosen)
        sources = tuple(replace(source, normalizations=tuple(source.normalization(k) for k in chosen), not_finite=None)
                        for source in self.sources)
        shape = tuple(len(chosen) if axis == self.axis else size for axis, size in enumerate(self.shape))
        return replace(self, shape=shape, boxes=boxes, sources=sources)

    def to_dict(self) -> dict:
        """JSON-ready, compact."""
        return {"format": FORMAT, "model": self.model, "sha256": self.sha256, "shape": list(self.shape), "axis": self.axis,
                "background": list(self.background), "levels": list(self.levels),
                "boxes": [[box.k, box.j0, box.j1, box.i0, box.i1] for box in self.boxes],
                "sources": [asdict(source) | {"normalizations": [[n.offset, n.scale] for n in source.normalizations]}
                            for source in self.sources]}


def recipe_from_dict(data: dict) -> Recipe:
    """What `to_dict` gave. Raises ResultError for another format or a damaged one."""
    try:
        if data["format"] > FORMAT:
            raise ResultError(f"This result was written by a newer version of FusionINN (format {data['format']}): "
                              "update FusionINN to read it.")
        first, second = (SourceRecord(**source | {"normalizations": tuple(Normalization(*n) for n in source["normalizations"])})
                         for source in data["sources"])
        k, j, i = map(int, data["shape"])
        fused, latent = map(float, data["background"])
        dark, bright = map(float, data["levels"])
        boxes = tuple(Box(*map(int, box)) for box in data["boxes"])
        recipe = Recipe(str(data["model"]), str(data["sha256"]), (k, j, i), int(data["axis"]), boxes, (fused, latent),
                        (dark, bright), (first, second))
        _check(recipe)
        return recipe
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as problem:
        raise ResultError(f"The record of the fusion is damaged ({type(problem).__name__}): fuse the sources again.") from problem


def _check(recipe: Recipe) -> None:
    """Raise ValueError for what no fusion can have written: the record in an image header has no checksum."""
    if recipe.axis not in (0, 1, 2) or min(recipe.shape) < 1 or not np.isfinite([*recipe.background, *recipe.levels]).all():
        raise ValueError("grid or background")
    if recipe.model != PurePosixPath(recipe.model).name or "\\" in recipe.model:
        raise ValueError("the model of a record is an id, never a folder")
    count = recipe.shape[recipe.axis]
    rows, columns = (size for axis, size in enumerate(recipe.shape) if axis != recipe.axis)
    if not all(0 <= box.k < count and 0 <= box.j0 < box.j1 <= rows and 0 <= box.i0 < box.i1 <= columns for box in recipe.boxes):
        raise ValueError("boxes")
    for source in recipe.sources:
        constants = [source.slope, source.intercept, *(number for map_ in source.normalizations for number in (map_.offset, map_.scale))]
        if np.dtype(source.dtype).kind not in "biuf" or len(source.normalizations) not in (1, count) or not np.isfinite(constants).all():
            raise ValueError("source")
        if not isinstance(source.unit, str) or any(map_.scale <= 0 for map_ in source.normalizations):
            raise ValueError("source")


def to_extension(recipe: Recipe) -> bytes:
    """The text that goes into the header of the fused volume."""
    return json.dumps({"FusionINN": recipe.without_masks().to_dict(), "notice": NOTICE}, separators=(",", ":")).encode("ascii")


def from_extensions(extensions: list[bytes]) -> Recipe | None:
    """The recipe among the comments of a NIfTI header, or None where there is none."""
    for extension in extensions:
        try:
            data = json.loads(extension.rstrip(b"\0 ").decode("utf-8"))
        except ValueError:
            continue
        if isinstance(data, dict) and "FusionINN" in data:
            return recipe_from_dict(data["FusionINN"])
    return None


def pack_not_finite(stored: np.ndarray) -> str | None:
    """Which voxels (k, j, i) are NaN, +inf or -inf, as text; None where all are finite."""
    if stored.dtype.kind != "f" or np.isfinite(stored).all():
        return None
    codes = np.zeros(stored.shape, np.uint8)
    for code, test in enumerate((np.isnan, np.isposinf, np.isneginf), start=1):
        codes[test(stored)] = code
    return base64.b64encode(zlib.compress(codes.tobytes(), 9)).decode("ascii")


def restore_not_finite(stored: np.ndarray, packed: str | None) -> None:
    """Put NaN and infinities back into an array (k, j, i), in place."""
    if packed is None:
        return
    try:
        codes = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(stored.shape)
    except (ValueError, zlib.error) as problem:
        raise ResultError("The record of voxels that are not finite is damaged: fuse the sources again.") from problem
    for code, value in enumerate(_KINDS, start=1):
        stored[codes == code] = value
