"""Q_SSIM of the fused image and of the estimate to both sources, for a trained row of Table 2."""
import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.methods.fusioninn import convolution, flow, networks
from FusionINNLib.metrics import ssim as ssim_module
from FusionINNLib.metrics.ssim import ssim
from training.ablation import slices
from training.ablation.slices import some_tumour_slices, whole_slice
from training.ablation.variants import PRIORS
from training.cached import cached, checksum, source_checksum
from training.data.prepare import PreparedCase
from training.loop.export import load_run
from training.losses import paper as paper_losses
from training.losses.paper import ReleasedProgram
from training.trainers.registry import TRAINERS

FIGURES = ("fused_1", "fused_2", "estimate_1", "estimate_2")
AVERAGE = ("average_1", "average_2")
"""Q_SSIM of the plain average to both sources: what estimates have that are both the average, which takes nothing apart."""
SEED = 0  # of the latents, with the number of the slice


def measure_run(run: Path, prior: str, cases: list[PreparedCase], most: int) -> dict[str, dict[str, float]]:
    """Means over at most `most` slices of each case, case -> `FIGURES` and `AVERAGE`, with a latent of a kind from `PRIORS`; kept beside
    the run."""
    code = source_checksum(*(Path(inspect.getfile(module)) for module in (convolution, flow, networks, ssim_module, paper_losses, slices)),
                           Path(__file__))
    key = checksum([(run / "best.pt").read_bytes(), code.encode(), repr([(case.name, most) for case in cases]).encode()])
    return cached(run / f"measured_{prior}_{most}.json", key, lambda: _measure(run, PRIORS[prior], cases, most))


def released_program(run: Path) -> ReleasedProgram:
    """The program of a trained row, sigmoids and all. Raises ModelError where there is none."""
    network = load_run(run, TRAINERS)
    assert isinstance(network, networks.FusionNetwork)  # what the trainer of the rows trains
    return ReleasedProgram(network)


def _measure(run: Path, prior: Callable[[Tensor], Tensor], cases: list[PreparedCase], most: int) -> dict[str, dict[str, float]]:
    program = released_program(run)
    result = {}
    for case in cases:
        rows = [_slice_figures(program, whole_slice(case, k), prior, SEED + k) for k in some_tumour_slices(case, most)]
        result[case.name] = {name: float(np.mean([row[name] for row in rows])) for name in FIGURES + AVERAGE}
    return result


def _slice_figures(program: ReleasedProgram, pair: np.ndarray, prior: Callable[[Tensor], Tensor], seed: int) -> dict[str, float]:
    """Similarities of one slice (2, J, I), the latent drawn once, as the authors' test does."""
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fused, latent = program.fuse(torch.from_numpy(pair)[None])
        guess = program.decompose(fused, prior(latent))[0].numpy()
    images = [*[fused[0, 0].numpy()] * 2, *guess, *[pair.mean(0)] * 2]
    return {name: ssim(image, source, 1.0) for name, image, source in zip(FIGURES + AVERAGE, images, [*pair] * 3)}
