"""The Gaussian prior of DDFM: mean and power spectrum of the slices of the training patients. Nothing is trained, a minute is enough."""
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.atomic import new_folder
from FusionINNLib.errors import InputError
from FusionINNLib.methods import weights
from FusionINNLib.methods.ddfm.prior import GaussianPrior
from FusionINNLib.methods.diffusion.schedule import alphas_cumprod, noise_of, noised
from FusionINNLib.methods.model_card import CARD, WEIGHTS
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.volumes.foreground import foreground
from FusionINNLib.volumes.io import read_volume
from training.data.crops import VALIDATED_SET
from training.data.prepare import ENDING, SMALLEST_HEAD
from training.data.splits import read_splits
from training.data.windows import CONTRASTS
from training.trainers.ddfm_unet import LEVELS

FILES = frozenset({CARD, WEIGHTS})
METHOD = "ddfm"


def fit_prior(data: Path, splits: Path, folder: Path, facts: dict, overwrite: bool = False, report: Callable[[str], None] = print) -> None:
    """A model folder of the method: float16, with a card that says what it was fitted to and how much noise it sees in others.

    Args:
        data: SET/CASE/{t1ce,flair}.nii.gz in it; of the set that validates, the cases that `splits` names.
        facts: what else the card says; JSON-ready.

    Raises InputError where a case is missing, or slices are not square and of one size.
    """
    cases = read_splits(splits).get(VALIDATED_SET, {})
    images = {part: _slices(data / VALIDATED_SET, cases.get(part, []), report) for part in ("train", "val")}
    prior = GaussianPrior.of_stored(GaussianPrior.fit(images["train"]).stored())  # rounded, as it will be used
    errors = {f"step_{step}": round(error, 6) for step, error in noise_errors(prior, images["val"])}
    card = {"id": folder.name, "description": "Gaussian prior of DDFM: what slices of the head look like, T1 with contrast and FLAIR.",
            "method": METHOD, "prior": {"kind": "gaussian"}, "split": {VALIDATED_SET: cases}, "split_by": "patient",
            "slices": {part: len(some) for part, some in images.items()},
            "validation": {"what": "mean squared error of the noise seen in slices of the val cases (1: none is seen)", **errors}, **facts}
    with new_folder(folder, overwrite, FILES) as part:
        weights.write(part, prior.stored(), card)


def noise_errors(prior: GaussianPrior, images: Tensor, most: int = 64) -> Iterator[tuple[int, float]]:
    """(step, mean squared error of the noise that is seen) over evenly spaced ones of images (N, H, W), noise by seed 0."""
    some = images[np.linspace(0, len(images) - 1, min(most, len(images))).round().astype(int)][:, None]
    noise, kept = torch.randn(some.shape, generator=torch.Generator().manual_seed(0)), alphas_cumprod()
    for step in LEVELS:
        seen = noise_of(x := noised(some, noise, kept[step]), prior.clean(x, step), kept[step])
        yield step, float((seen - noise).square().mean())


def _slices(folder: Path, cases: list[str], report: Callable[[str], None]) -> Tensor:
    """Slices (N, H, W) of both contrasts that show enough head, in the diffusion's scale."""
    if not cases:
        raise InputError(f"The split names no cases of {VALIDATED_SET} on one of its sides: add some.")
    found: list[np.ndarray] = []
    for case in cases:
        for name in CONTRASTS:
            volume = read_volume(folder / case / f"{name}{ENDING}")
            stack = to_stack(fit_volume(volume.array).apply(volume.array), volume.through_plane_axis)
            found += [2 * image - 1 for image in stack if foreground([image]).mean() > SMALLEST_HEAD]
        report(f"{case}: read")
    if len(shapes := {image.shape for image in found}) != 1 or len(set(*shapes)) != 1:
        raise InputError("A Gaussian prior needs square slices of one size: give cases that have them.")
    return torch.from_numpy(np.stack(found))
