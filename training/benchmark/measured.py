"""Every metric of a method on every slice of a set, kept case by case: an interrupted benchmark goes on, a repeated one is quick."""
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from FusionINNLib import metrics
from FusionINNLib.errors import InputError
from FusionINNLib.metrics import MASKED_KEYS, WHOLE_KEYS, evaluate_slice
from FusionINNLib.metrics.gaussian_window import masked_mean
from FusionINNLib.metrics.images import HIGHEST, LOWEST
from FusionINNLib.metrics.ssim import ssim_map
from training.benchmark.methods import Method
from training.benchmark.pairs import CasePairs
from training.cached import cached, checksum, source_checksum

ESTIMATE_KEYS = ("estimate_1", "estimate_2", "estimate_1_masked", "estimate_2_masked")
KEYS = (*WHOLE_KEYS, *MASKED_KEYS, *ESTIMATE_KEYS)
FOLDER = "measured"  # in the folder of runs
SEED = 0  # of the latents, with the number of the slice

SliceFigures = dict[str, float]
_CODE = source_checksum(*Path(metrics.__file__).parent.glob("*.py"), Path(__file__))


def measure_case(method: Method, pairs: CasePairs, set_key: str, runs: Path, device: str,
                 report: Callable[[str], None]) -> dict[int, SliceFigures]:
    """Slice number -> `KEYS`, NaN for what cannot be measured; from the folder of runs where nothing has changed since."""
    key = checksum([method.checksum.encode(), pairs.checksum.encode(), _CODE.encode()])
    path = runs / FOLDER / set_key / method.key / f"{pairs.name}_{len(pairs.numbers)}.json"

    def compute() -> dict:
        report(f"measuring {method.title} on {set_key}/{pairs.name}, {len(pairs.numbers)} slices")
        return {str(k): measure_slice(method, pairs, n, device) for n, k in enumerate(pairs.numbers)}

    return {int(k): figures for k, figures in cached(path, key, compute).items()}


def fuse_slice(method: Method, pairs: CasePairs, n: int, device: str) -> np.ndarray:
    """The n-th slice fused, (J, I) float32."""
    with torch.inference_mode():
        first, second = (torch.from_numpy(stack[n])[None, None].to(device) for stack in (pairs.first, pairs.second))
        return method.ready.fuse(first, second)[0, 0].cpu().numpy()


def estimate_slice(method: Method, fused: np.ndarray, k: int, device: str) -> np.ndarray:
    """Both sources (2, J, I) as the network believes them to be, from a fused image (J, I) and one latent drawn for slice k."""
    generator = torch.Generator().manual_seed(SEED + k)
    with torch.inference_mode():
        return method.ready.estimate(torch.from_numpy(fused)[None, None].to(device), generator)[0].cpu().numpy()


def measure_slice(method: Method, pairs: CasePairs, n: int, device: str) -> SliceFigures:
    """All figures of the n-th slice."""
    fused, mask = fuse_slice(method, pairs, n, device), pairs.mask[n]
    figures: SliceFigures = dict.fromkeys(KEYS, float("nan"))
    try:  # beyond -0.5..1.5 images were never meant to be: what a network puts there is cut off, as a picture would cut it
        first, second, shown = (np.clip(image, LOWEST, HIGHEST) for image in (pairs.first[n], pairs.second[n], fused))
        figures |= evaluate_slice(first, second, shown, mask)
    except InputError:
        pass  # a constant image, or one that is not finite: such a fused image has no figures
    if method.ready.can_estimate:
        guess = estimate_slice(method, fused, pairs.numbers[n], device)
        for number, (image, source) in enumerate(zip(guess, (pairs.first[n], pairs.second[n])), start=1):
            values = ssim_map(image, source, 1.0)
            figures |= {f"estimate_{number}": float(values.mean()), f"estimate_{number}_masked": masked_mean(values, mask)}
    return figures
