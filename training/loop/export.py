"""A trained run becomes a model folder: averaged weights that load without pickle, and a card that says where they come from."""
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.atomic import new_folder
from FusionINNLib.errors import ModelError
from FusionINNLib.methods import model_card, weights
from FusionINNLib.methods.fusioninn.digits import DRAWN
from FusionINNLib.methods.fusioninn.networks import FusionNetwork, build
from FusionINNLib.methods.fusioninn.released_checkpoint import PAPER_MARGIN
from FusionINNLib.volumes.foreground import foreground
from training.data.paper_slices import slice_sources
from training.data.prepare import PreparedCase
from training.loop.config import load_config
from training.losses.losses import CELL

BLACK = 6 * CELL  # one and a half grey levels of 8-bit storage: what convolutions ring by around the head
DEFAULT_MARGIN = 8  # pixels; a crop in training ends in the head as often as in background, so little is needed


def load_run(run: Path) -> FusionNetwork:
    """The best averaged weights of a run. Raises ModelError where it has none yet."""
    if not (run / "best.pt").exists():
        raise ModelError(f"{run} holds no best.pt: train to the first validation at least.")
    if not (run / "config.json").exists():
        raise ModelError(f"{run} holds no config.json: give the folder of a run.")
    try:
        config = load_config(run / "config.json")
        network = build(config.preset, config.settings)
    except (ValueError, TypeError) as problem:
        raise ModelError(f"The config.json of {run.name} is damaged or of another version ({problem}): train again.") from problem
    try:
        network.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True))
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as problem:
        raise ModelError(f"The weights best.pt of {run.name} are damaged or of another network: train again.") from problem
    return network.eval().requires_grad_(False)


def export(run: Path, folder: Path, cases: list[PreparedCase], facts: dict, overwrite: bool = False) -> None:
    """Write weights and card.

    Args:
        cases: of the training split; the typical brightness of fused images is measured on them.
        facts: what else the card says: data, split, command, metrics, terms; JSON-ready.
    """
    config, network = load_config(run / "config.json"), load_run(run)
    is_paper = config.preset == "paper"
    if not is_paper:
        network = completed(network)
    sources_of = slice_sources if is_paper else PreparedCase.sources
    measured = measure(network, [pair for case in cases for pair in _some_slices(case, sources_of)])
    card = {"id": folder.name, "description": facts["description"], "normalization": "slice" if is_paper else "volume",
            "margin": PAPER_MARGIN if is_paper else DEFAULT_MARGIN, **measured,
            "training": json.loads((run / "config.json").read_text()), **facts}
    with new_folder(folder, overwrite, frozenset({model_card.CARD, model_card.WEIGHTS})) as part:
        weights.write(part, network, card)


def completed(network: FusionNetwork) -> FusionNetwork:
    """The same network with the exchange of digits and the coring after it, which are not there in training."""
    complete = build("default", asdict(network.config) | {"cell": CELL, "black": BLACK})
    complete.load_state_dict(network.state_dict())
    return complete.eval().requires_grad_(False)


def _some_slices(case: PreparedCase, sources_of: Callable) -> list[np.ndarray]:
    """Seven slices of T1ce and FLAIR, (2, J, I) with sides cut to multiples of 4."""
    pairs = [sources_of(case, k, [case.index("t1ce"), case.index("flair")])
             for k in (np.linspace(0.2, 0.8, 7) * (case.contrasts.shape[1] - 1)).round().astype(int)]
    return [pair[:, :pair.shape[1] // 4 * 4, :pair.shape[2] // 4 * 4] for pair in pairs]


@torch.no_grad()
def measure(network: FusionNetwork, pairs: list[np.ndarray]) -> dict[str, float]:
    """What a card says of the model's output, from slices (2, J, I) of training patients.

    typical_bright: 99.9th percentile of the fused images inside the head.
    spread_scale: root mean square of the error of an estimate over that of its standard deviation over 8 latents, inside the head.
    spread_scale_rounded: the same from fused images in 8 bit.
    """
    bright, whole, rounded = [], [], []
    generator = torch.Generator().manual_seed(0)
    for pair in pairs:
        sources = torch.from_numpy(pair[None])
        head = foreground(sources.split(1, 1))
        fused, latent = network.fuse(sources)
        bright.append(fused[head].numpy())
        drawn = torch.randn((8, *latent.shape[1:]), generator=generator)
        within = drawn.clamp(-DRAWN.reach, DRAWN.reach)
        whole.append(_error_and_variance(network.decompose(fused.repeat(8, 1, 1, 1), within), sources, head))
        rounded.append(_error_and_variance(network.decompose_rounded(in_8_bit(fused).repeat(8, 1, 1, 1), drawn), sources, head))
    scales = (float(np.sqrt(error / max(variance, 1e-12))) for error, variance in (np.sum(whole, 0), np.sum(rounded, 0)))
    return {"typical_bright": round(float(np.percentile(np.concatenate(bright), 99.9)), 4),
            **{name: round(scale, 3) for name, scale in zip(("spread_scale", "spread_scale_rounded"), scales)}}


def in_8_bit(fused: Tensor) -> Tensor:
    """An image rounded to 256 steps over its range."""
    low, step = fused.min(), (fused.max() - fused.min()) / 255
    return torch.round((fused - low) / step) * step + low


def _error_and_variance(draws: Tensor, sources: Tensor, head: Tensor) -> tuple[float, float]:
    """Sums over the head: squared error of the mean of the draws (8, 2, J, I), and their variance."""
    return float(((draws.mean(0) - sources).square() * head).sum()), float((draws.var(0) * head).sum())
