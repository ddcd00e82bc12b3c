"""The two networks: `paper` as it was published, `default` as this project builds it. Both are a `FusionNetwork`.

    fused, latent = network.fuse(sources)              # (B, 2, H, W) -> (B, 1, H, W) each
    sources = network.decompose(fused, latent)         # and back

Sources are on the nominal 0..1 scale of `preprocessing/normalization.py`, float32 or float64.
"""
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from FusionINNLib.methods.fusioninn.convolution import NarrowConv, PointConv
from FusionINNLib.methods.fusioninn.digits import DigitExchange
from FusionINNLib.methods.fusioninn.flow import (
    ActivationNorm,
    AffineCoupling,
    AverageDifference,
    Composition,
    Coring,
    Flow,
    HaarDown,
    HaarUp,
    Permutation,
    Squeeze,
    Unsqueeze,
)

MOST_STEPS, WIDEST = 64, 1024  # couplings in a row, channels in a subnet


@dataclass(frozen=True)
class DefaultConfig:
    """Couplings at half resolution, at quarter resolution, and at half resolution again, with the widths of their subnets."""

    half_before: int = 2
    quarter: int = 3
    half_after: int = 2
    half_width: int = 48
    quarter_width: int = 64
    gain: float = 4.0
    cell: float = 0.0  # of the digit exchange at the end; 0, as in training, is none: it has nothing to learn and no gradient
    black: float = 0.0  # threshold of the coring after it, likewise
    multiple: int = 4  # H and W must be multiples of this

    def __post_init__(self):
        for name in ("half_before", "quarter", "half_after"):
            _check_count(name, getattr(self, name), 0, MOST_STEPS)
        for name in ("half_width", "quarter_width", "multiple"):
            _check_count(name, getattr(self, name), 1, WIDEST)
        for name, least, most in (("gain", 1e-6, 1e6), ("cell", 0.0, 1.0), ("black", 0.0, 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise ValueError(f"{name} must be a number of {least:g} to {most:g}")


@dataclass(frozen=True)
class PaperConfig:
    """The published network with k coupling blocks; k = 3 is the released one (17,564 parameters)."""

    k: int = 3
    seed: int = 0  # of the channel permutations, which the released code left unseeded
    multiple: int = 2

    def __post_init__(self):
        _check_count("k", self.k, 1, MOST_STEPS)
        _check_count("multiple", self.multiple, 1, WIDEST)


def _check_count(name: str, value: object, least: int, most: int) -> None:
    """Raise ValueError for what no network has: one of thousands of steps would take minutes to build before its weights do not fit."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number of {least} to {most}")


class FusionNetwork(nn.Module):
    """A flow between two source images and a fused image with its latent.

    Args:
        flow: what is learned. Maps (B, 2, H, W) to (B, 2, H, W); channel 0 of its output is the fused image, channel 1 the latent.
        digits, coring: what follows it; with no flows in them, nothing does.
        config: what they were made from; saved with the weights.
    """

    def __init__(self, flow: Composition, digits: Composition, coring: Composition, config: DefaultConfig | PaperConfig):
        super().__init__()
        self.flow, self.digits, self.coring = flow, digits, coring
        self.config = config

    def forward(self, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """sources (B, 2, H, W) -> fused (B, 1, H, W), latent (B, 1, H, W), log|det| (B,)."""
        out, total = self.flow(sources)
        for step in (self.digits, self.coring):
            out, log_det = step(out)
            total = total + log_det
        return out[:, :1], out[:, 1:], total

    def fuse(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """sources (B, 2, H, W) -> fused (B, 1, H, W), latent (B, 1, H, W)."""
        return self(sources)[:2]

    def decompose(self, fused: Tensor, latent: Tensor) -> Tensor:
        """fused, latent (B, 1, H, W) -> sources (B, 2, H, W). Exact with the latent that came with the fused image, else an estimate."""
        learned_and_digits, _ = self.coring.inverse(torch.cat([fused, latent], 1))
        return self.flow.inverse(self.digits.inverse(learned_and_digits)[0])[0]

    def decompose_rounded(self, fused: Tensor, latent: Tensor) -> Tensor:
        """As `decompose`, an estimate from a fused image (B, 1, H, W) that was rounded to steps too coarse for the exchanged digits."""
        return self.flow.inverse(self.coring.inverse(torch.cat([fused, latent], 1))[0])[0]


def build(preset: str, settings: dict) -> FusionNetwork:
    """A network with fresh weights from the name of its preset, `default` or `paper`, and the fields of its config."""
    if preset == "default":
        return default_network(DefaultConfig(**settings))
    if preset == "paper":
        return paper_network(PaperConfig(**settings))
    raise ValueError(f"there is no preset {preset!r}: choose 'default' or 'paper'")


def describe(network: FusionNetwork) -> dict:
    """The preset and settings that `build` makes this network from, JSON-ready."""
    preset = "default" if isinstance(network.config, DefaultConfig) else "paper"
    return {"preset": preset, "settings": asdict(network.config)}


# ---- default ---------------------------------------------------------------------------------------------------------------------


def default_network(config: DefaultConfig = DefaultConfig()) -> FusionNetwork:
    """This project's network: average and difference first, then couplings that hide the difference in the average.

    Untrained it fuses by averaging, because the last convolution of each subnet starts near zero. Channels are kept in two halves,
    fused image first, latent second, through both wavelet steps, so every coupling acts between the two.
    """
    half = [_default_coupling(8, config.half_width) for _ in range(config.half_before + config.half_after)]
    quarter = [_default_coupling(32, config.quarter_width) for _ in range(config.quarter)]
    steps = [AverageDifference(config.gain), HaarDown(), *half[:config.half_before]]    # (B, 2, H, W) -> (B, 8, H/2, W/2)
    if quarter:
        steps += [HaarDown(), *quarter, HaarUp()]                                       # (B, 32, H/4, W/4) and back
    steps += [*half[config.half_before:], HaarUp()]                                     # (B, 8, H/2, W/2) -> (B, 2, H, W)
    digits = [DigitExchange(config.cell)] if config.cell else []
    coring = [Coring(config.black)] if config.black else []
    return FusionNetwork(Composition(*steps), Composition(*digits), Composition(*coring), config)


def _default_coupling(channels: int, width: int) -> AffineCoupling:
    return AffineCoupling(channels, lambda c_in, c_out: _default_subnet(c_in, c_out, width), torch.tanh)


def _default_subnet(c_in: int, c_out: int, width: int) -> nn.Sequential:
    # In this order, in which they draw their weights.
    first, point, last = nn.Conv2d(c_in, width, 3, padding=1), PointConv(width, width), nn.Conv2d(width, c_out, 3, padding=1)
    nn.init.normal_(last.weight, std=1e-3)
    assert last.bias is not None  # as a convolution has by itself
    nn.init.zeros_(last.bias)
    return nn.Sequential(first, nn.LeakyReLU(0.1, inplace=True), point, nn.LeakyReLU(0.1, inplace=True), last)


# ---- paper -----------------------------------------------------------------------------------------------------------------------


def paper_network(config: PaperConfig = PaperConfig()) -> FusionNetwork:
    """The published network (Kumar et al. 2024, section 3; k = 3 as released), without the sigmoids that the released code puts outside.

    Activation normalisation first. Odd blocks couple the two images at full resolution; even blocks couple their pixels at half
    resolution, between `Squeeze` and `Unsqueeze`; a permutation follows every block but the last. For k = 3 this is the released
    order; k = 1, 2 and 4 were never released and follow the same rule, which ends at full resolution in every case.
    """
    generator = torch.Generator().manual_seed(config.seed)
    steps: list[Flow] = [ActivationNorm(2)]
    for block in range(1, config.k + 1):
        last = block == config.k
        if block % 2:
            steps.append(AffineCoupling(2, lambda c_in, c_out: _paper_subnet(c_in, c_out, 32), _paper_bound))
            if not last:
                steps.append(Permutation(torch.randperm(2, generator=generator)))
        else:
            steps += [Squeeze(), AffineCoupling(8, lambda c_in, c_out: _paper_subnet(c_in, c_out, 64), _paper_bound)]
            if not last:
                steps.append(Permutation(torch.randperm(8, generator=generator)))
            steps.append(Unsqueeze())
    return FusionNetwork(Composition(*steps), Composition(), Composition(), config)


def _paper_subnet(c_in: int, c_out: int, width: int) -> nn.Sequential:
    last = NarrowConv(width, c_out) if c_out <= 2 else nn.Conv2d(width, c_out, 3, padding=1)
    return nn.Sequential(nn.Conv2d(c_in, width, 3, padding=1), nn.ReLU(inplace=True), last, nn.ReLU(inplace=True))


def _paper_bound(log_scale: Tensor) -> Tensor:
    """Soft clamp at 2: FrEIA's 2 * 0.636 * atan(s), with its rounding of 2 / pi."""
    return 2.0 * 0.636 * torch.atan(log_scale)
