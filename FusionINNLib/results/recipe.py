"""What the way back needs besides the images: how the sources were normalised, which method and model it was, and what that keeps.

It goes into `fusion.json` and, as text, into the header of `fused.nii.gz`. It holds no names, folders or patients.
"""
import base64
import json
import math
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any, TypeGuard

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.json_text import parsed
from FusionINNLib.preprocessing.normalization import Normalization

MOST_VOXELS = 2 ** 40  # that no memory holds
FORMAT = 2  # 1 knew one method, whose record it held itself
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
        kept_apart: voxels that do not enter a fusion as they are, packed, see results/kept_apart.py; None where there are none.
    """

    unit: str
    dtype: str
    slope: float
    intercept: float
    resampled: bool
    normalizations: tuple[Normalization, ...]
    not_finite: str | None = None
    kept_apart: str | None = None

    def normalization(self, k: int) -> Normalization:
        """The map of slice k."""
        return self.normalizations[k if len(self.normalizations) > 1 else 0]


@dataclass(frozen=True)
class Recipe:
    """Everything but the images.

    Args:
        method: name of the fusion method, see methods/registry.py.
        model: id of its trained model; None for a method without one.
        sha256: fingerprint of model and method (`FusionMethod.fingerprint`): what a way back depends on.
        shape: voxels of the fused volume (k, j, i).
        axis: through-plane axis in (k, j, i).
        record: what the method itself needs for a way back, JSON-ready; the method reads and checks it.
        levels: dark and bright percentile of the fused image, to find its scale again where it was lost, see normalization.py.
        sources: first and second.
    """

    method: str
    model: str | None
    sha256: str
    shape: tuple[int, int, int]
    axis: int
    record: dict[str, Any]
    levels: tuple[float, float]
    sources: tuple[SourceRecord, SourceRecord]

    def without_masks(self) -> "Recipe":
        """The constants alone: what an estimate needs, and no list of single voxels."""
        first, second = (replace(source, not_finite=None, kept_apart=None) for source in self.sources)
        return replace(self, sources=(first, second))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, compact."""
        return {"format": FORMAT, "method": self.method, "model": self.model, "sha256": self.sha256, "shape": list(self.shape),
                "axis": self.axis, "record": self.record, "levels": list(self.levels),
                "sources": [_source_to_dict(source) for source in self.sources]}


def _source_to_dict(source: SourceRecord) -> dict[str, Any]:
    """JSON-ready; without what only few sources need where they don't, so that earlier versions read all others."""
    data = asdict(source) | {"normalizations": [[n.offset, n.scale] for n in source.normalizations]}
    return {key: value for key, value in data.items() if value is not None or key != "kept_apart"}


def recipe_from_dict(data: dict[str, Any]) -> Recipe:
    """What `to_dict` gave. Raises ResultError for another format or a damaged one."""
    try:
        if data["format"] > FORMAT:
            raise ResultError(f"This result was written by a newer version of FusionINN (format {data['format']}): "
                              "update FusionINN to read it.")
        first, second = (SourceRecord(**source | {"normalizations": tuple(Normalization(*n) for n in source["normalizations"])})
                         for source in data["sources"])
        if data["format"] == 1:
            data = data | {"method": "fusioninn", "record": {"boxes": data["boxes"], "background": data["background"]}}
        k, j, i = map(int, data["shape"])
        dark, bright = map(float, data["levels"])
        model = None if data["model"] is None else str(data["model"])
        recipe = Recipe(str(data["method"]), model, str(data["sha256"]), (k, j, i), int(data["axis"]), dict(data["record"]),
                        (dark, bright), (first, second))
        _check(recipe)
        return recipe
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as problem:
        raise ResultError(f"The record of the fusion is damaged ({type(problem).__name__}): fuse the sources again.") from problem


def _check(recipe: Recipe) -> None:
    """Raise ValueError for what no fusion can have written: the record in an image header has no checksum."""
    if min(recipe.shape) < 1 or math.prod(recipe.shape) > MOST_VOXELS:
        raise ValueError("grid")
    if recipe.axis not in (0, 1, 2) or not np.isfinite(recipe.levels).all():
        raise ValueError("grid or levels")
    if recipe.model is not None and (recipe.model != PurePosixPath(recipe.model).name or "\\" in recipe.model):
        raise ValueError("the model of a record is an id, never a folder")
    count = recipe.shape[recipe.axis]
    for source in recipe.sources:
        constants = [source.slope, source.intercept, *(number for map_ in source.normalizations for number in (map_.offset, map_.scale))]
        if np.dtype(source.dtype).kind not in "biuf" or len(source.normalizations) not in (1, count) or not np.isfinite(constants).all():
            raise ValueError("source")
        if not isinstance(source.unit, str):  # pyright: ignore[reportUnnecessaryIsInstance] - it came from JSON
            raise ValueError("unit")
        texts = [packed for packed in (source.not_finite, source.kept_apart) if packed is not None]
        if not all(isinstance(packed, str) for packed in texts):  # pyright: ignore[reportUnnecessaryIsInstance] - likewise
            raise ValueError("voxels that are kept apart")
        if any(map_.scale <= 0 for map_ in source.normalizations):
            raise ValueError("source")


def is_record(content: object) -> TypeGuard[dict[str, Any]]:
    """Whether what was read as JSON is an object."""
    return isinstance(content, dict)


def to_extension(recipe: Recipe) -> bytes:
    """The text that goes into the header of the fused volume."""
    return json.dumps({"FusionINN": recipe.without_masks().to_dict(), "notice": NOTICE}, separators=(",", ":")).encode("ascii")


def from_extensions(extensions: list[bytes]) -> Recipe | None:
    """The recipe among the comments of a NIfTI header, or None where there is none."""
    for extension in extensions:
        try:
            data = parsed(extension.rstrip(b"\0 ").decode("utf-8"))
        except ValueError:
            continue
        if is_record(data) and "FusionINN" in data:
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
