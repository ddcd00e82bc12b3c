"""What a volume's scale leaves out, told to the user by number and place: padding, implants, vessels, fits that failed."""
import numpy as np

from FusionINNLib.preprocessing.normalization import Tissue, fit_tissue, is_padding
from FusionINNLib.volumes.volume import Volume, transform_points

_FEW, _LOOK = 16, 1 << 16


def left_out(volume: Volume) -> tuple[str, ...]:
    """Sentences; none for an ordinary volume. Places are RAS in mm."""
    tissue = fit_tissue(volume.array)
    said: list[str] = []
    if tissue.padding:
        said.append(_told_padding(volume, tissue))
    for limit, beyond, word in ((tissue.high, np.greater, "above"), (tissue.low, np.less, "below")):
        if limit is None:
            continue
        with np.errstate(invalid="ignore"):
            extreme = beyond(volume.array, limit) & np.isfinite(volume.array) & ~is_padding(volume.array, tissue)
        if count := int(np.count_nonzero(extreme)):
            said.append(_sentence(volume, extreme, count, word, limit))
    return tuple(said)


def like_labels(volume: Volume) -> tuple[str, ...]:
    """A sentence where a volume holds so few values that it is a segmentation or a mask and no scan; none for any other."""
    found = np.unique(volume.array.reshape(-1)[:_LOOK])
    if found.size <= _FEW:
        found = np.unique(volume.array)
    if found.size > _FEW or volume.array.size < 100 * _FEW:
        return ()
    return (f"{volume.name}: this holds {found.size} different values, as a segmentation or a mask does and hardly a scan; check that you "
            "gave the right file.",)


def _told_padding(volume: Volume, tissue: Tissue) -> str:
    held: list[str] = []
    for value in tissue.padding:
        count = int(np.count_nonzero(volume.array == value))
        held.append(f"{count} voxels ({count / volume.array.size:.0%}) hold {_physical(volume, value)}")
    return f"{volume.name}: {' and '.join(held)}, far from everything else: taken as padding, which is background."


def _sentence(volume: Volume, extreme: np.ndarray, count: int, word: str, limit: float) -> str:
    values = np.where(extreme, volume.array, limit)
    farthest = np.unravel_index(np.argmax(values) if word == "above" else np.argmin(values), values.shape)
    place = ", ".join(f"{axis} {x:.0f}" for axis, x in zip("RAS", transform_points(volume.affine, np.array([farthest[::-1]], float))[0]))
    lie = "voxels lie" if count > 1 else "voxel lies"
    return (f"{volume.name}: {count} {lie} far {word} all tissue (extreme values up to {_physical(volume, volume.array[farthest])}, the "
            f"farthest at {place} mm), as implants, vessels or failed fits do: they come back exactly, but the scale was taken from the "
            "tissue.")


def _physical(volume: Volume, stored: float) -> str:
    return f"{float(stored) * volume.slope + volume.intercept:g}"
