"""What is left of DDFM's prior in its result: every EM step by every prior and number of steps, beside the plain average.

Slices of the validation patients with labels 1 and 2, both sources on the scale of the volume; noise by seed 0 and the slice's number.
"""
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import InputError
from FusionINNLib.methods import model_card
from FusionINNLib.methods.ddfm import prior as priors
from FusionINNLib.methods.ddfm.frame import Frame
from FusionINNLib.methods.ddfm.method import GREY_LEVELS
from FusionINNLib.methods.ddfm.sampler import Prior, Settings, noise_of_slice, sample
from FusionINNLib.metrics.ssim import q_ssim_map
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.foreground import filled_foreground
from FusionINNLib.volumes.io import read_segmentation, read_volume
from training.data.crops import VALIDATED_SET
from training.data.prepare import ENDING
from training.data.splits import read_splits
from training.data.windows import CONTRASTS
from training.markdown import table

RULES = {"released": Settings(), "paper, scales learned": Settings(em="paper"),
         "paper, scales of 1": Settings(em="paper", update_scales=False)}
NO_PRIOR = "none"


@dataclass(frozen=True)
class Slice:
    """One pair of sources (J, I) on nominal 0..1, with its number in the volume."""

    case: str
    number: int
    first: np.ndarray
    second: np.ndarray


@dataclass(frozen=True)
class Figures:
    """Of a slice, or means over several. difference, in_head: to the average, grey levels. ssim: sum of the similarities with both sources;
    average_ssim: the average's; stretched, average_stretched: both from minimum to maximum. seconds: of computing."""

    difference: float
    in_head: float
    ssim: float
    average_ssim: float
    stretched: float
    average_stretched: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """One way of fusing. weight: of the first source in the head, 10th, 50th and 90th percentile."""

    rule: str
    prior: str
    steps: int
    means: Figures
    weight: tuple[float, float, float]


def validation_pairs(data: Path, splits: Path, per_case: int) -> list[Slice]:
    """Evenly spaced slices with labels 1 and 2 of each validation case. Raises InputError where there is none."""
    found = []
    for case in read_splits(splits).get(VALIDATED_SET, {}).get("val", []):
        folder = data / VALIDATED_SET / case
        first, second = (fit_volume(array).apply(array) for array in (read_volume(folder / f"{name}{ENDING}").array for name in CONTRASTS))
        labels = read_segmentation(folder / f"seg{ENDING}").array
        wanted = [k for k in range(len(labels)) if {1, 2} <= set(np.unique(labels[k]))]
        places = np.linspace(0, len(wanted) - 1, per_case + 2)[1:-1].round().astype(int) if wanted else []
        found += [Slice(case, wanted[n], first[wanted[n]], second[wanted[n]]) for n in sorted(set(places))]
    if not found:
        raise InputError(f"The split names no 'val' cases of {VALIDATED_SET} with a slice with labels 1 and 2: add some.")
    return found


def measure(slices: list[Slice], models: list[str], steps: tuple[int, ...], report: Callable[[str], None]) -> Iterator[Row]:
    """A row a rule, prior and number of steps. models: ids or folders of priors; none at all is tried too."""
    for name in (*models, NO_PRIOR):
        whole = None if name == NO_PRIOR else priors.load(model_card.find(name))
        for rule, settings in RULES.items():
            for count in steps:
                report(f"{rule}, prior {name}, {count} steps")
                figures, weights = zip(*(_figures(pair, whole, replace(settings, steps=count)) for pair in slices))
                means = Figures(*(float(np.mean([getattr(one, item.name) for one in figures])) for item in fields(Figures)))
                low, middle, high = np.quantile(np.concatenate(weights), (0.1, 0.5, 0.9))
                yield Row(rule, Path(name).name, count, means, (float(low), float(middle), float(high)))


def page(rows: list[Row], slices: list[Slice], command: str) -> str:
    """The table with the command that makes it."""
    lines = []
    for row in rows:
        of, (low, middle, high) = row.means, row.weight
        lines.append([row.rule, row.prior, str(row.steps), f"{of.difference:.2f}", f"{of.in_head:.2f}",
                      f"{of.ssim:.4f} ({of.average_ssim:.4f})", f"{of.stretched:.4f} ({of.average_stretched:.4f})",
                      f"{middle:.2f} ({low:.2f}..{high:.2f})", f"{of.seconds:.1f}"])
    names = sorted({pair.case for pair in slices})
    heading = ["EM step", "prior", "steps", "difference to the average", "in the head", "SSIM sum (average's)", "stretched (average's)",
               "weight of the first", "s a slice"]
    return (f"{len(slices)} slices of {len(names)} validation patients of {VALIDATED_SET} ({', '.join(names)}), {' and '.join(CONTRASTS)}, "
            f"seed 0; differences in grey levels of {GREY_LEVELS}.\n\n    {command}\n\n{table(heading, lines)}\n")


def _figures(pair: Slice, prior: priors.Prior | None, settings: Settings) -> tuple[Figures, np.ndarray]:
    """Of one slice, and the weights of the first source in the head."""
    occupied = (pair.first != 0) | (pair.second != 0)
    rows, columns = (np.flatnonzero(occupied.any(axis)) for axis in (1, 0))
    placed: Prior = _sees_nothing
    frame = Frame(0, pair.first.shape[0], 0, pair.first.shape[1])
    if prior is not None:
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        frame, placed = prior.placed((pair.first.shape[0], pair.first.shape[1]), box)
    first, second = (torch.from_numpy(frame.cut(2 * image - 1, -1.0))[None, None] for image in (pair.first, pair.second))
    began = time.perf_counter()
    with torch.inference_mode():
        done = sample(first, second, placed, settings, [noise_of_slice(0, pair.number)])
    seconds, average, head = time.perf_counter() - began, (pair.first + pair.second) / 2, filled_foreground(pair.first, pair.second)
    fused, weight = (frame.pasted(image[0, 0].numpy(), average) for image in ((done.fused + 1) / 2, done.weight))
    apart = GREY_LEVELS * np.abs(fused - average)
    return Figures(float(apart.mean()), float(apart[head].mean()), _ssim_sum(fused, pair), _ssim_sum(average, pair),
                   _ssim_sum(_stretched(fused), pair), _ssim_sum(_stretched(average), pair), seconds), weight[head]


def _sees_nothing(x: Tensor, step: int) -> Tensor:
    """No prior at all: any image is as likely as any other, and no noise is seen."""
    return torch.zeros_like(x)


def _ssim_sum(image: np.ndarray, pair: Slice) -> float:
    return 2 * float(q_ssim_map(image, pair.first, pair.second, data_range=1.0).mean())


def _stretched(image: np.ndarray) -> np.ndarray:
    return (image - image.min()) / float(np.ptp(image))
