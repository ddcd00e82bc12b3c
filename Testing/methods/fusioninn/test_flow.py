"""Every invertible layer under one harness, and the two networks made of them."""
import numpy as np
import pytest
import torch
from flows import check_flow

from FusionINNLib.methods.fusioninn.flow import (
    ActivationNorm,
    AffineCoupling,
    AverageDifference,
    Composition,
    Coring,
    HaarDown,
    HaarUp,
    Permutation,
    Squeeze,
    Unsqueeze,
)
from FusionINNLib.methods.fusioninn.networks import DefaultConfig, PaperConfig, build, default_network, describe, paper_network


def _subnet(c_in, c_out):
    return torch.nn.Sequential(torch.nn.Conv2d(c_in, 8, 3, padding=1), torch.nn.LeakyReLU(), torch.nn.Conv2d(8, c_out, 3, padding=1))


def _normed():
    layer = ActivationNorm(2)
    layer.initialize(3 + 2 * torch.randn(4, 2, 8, 8))
    return layer


ANY_SIZE = {"average and difference": (lambda: AverageDifference(4.0), 2), "coupling": (lambda: AffineCoupling(2, _subnet, torch.tanh), 2),
            "uneven coupling": (lambda: AffineCoupling(3, _subnet, torch.tanh), 3), "normalisation": (_normed, 2),
            "coring": (lambda: Coring(0.5), 2), "permutation": (lambda: Permutation([2, 0, 1]), 3),
            "composition": (lambda: Composition(AverageDifference(2.0), AffineCoupling(2, _subnet, torch.tanh)), 2)}
EVEN_SIZE = {"Haar down": (HaarDown, 2), "Haar up": (HaarUp, 8), "squeeze": (Squeeze, 2), "unsqueeze": (Unsqueeze, 8),
             "default network's flow": (lambda: default_network(DefaultConfig(1, 1, 1, 8, 8)).flow, 2),
             "paper network's flow": (lambda: paper_network().flow, 2)}


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 2e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("size", [(16, 24), (7, 9), (1, 5)])
@pytest.mark.parametrize("name", ANY_SIZE)
def test_layers_of_any_size(name, size, dtype, tolerance):
    torch.manual_seed(0)
    make, channels = ANY_SIZE[name]
    check_flow(make().to(dtype), torch.randn(2, channels, *size, dtype=dtype), tolerance)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 2e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", EVEN_SIZE)
def test_layers_of_even_size(name, memory, dtype, tolerance):
    torch.manual_seed(0)
    make, channels = EVEN_SIZE[name]
    check_flow(make().to(dtype), torch.randn(2, channels, 16, 24, dtype=dtype).contiguous(memory_format=memory), tolerance)


@pytest.mark.parametrize("name", [*ANY_SIZE, *EVEN_SIZE])
def test_log_determinant_is_that_of_the_jacobian(name):
    torch.manual_seed(0)
    make, channels = (ANY_SIZE | EVEN_SIZE)[name]
    flow, x = make().double(), torch.randn(1, channels, 4, 4, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v.view_as(x))[0].reshape(-1), x.reshape(-1))
    assert torch.linalg.slogdet(jacobian)[1].item() == pytest.approx(flow(x)[1].item(), abs=1e-8)


def test_haar_is_orthonormal_and_keeps_the_halves_apart():
    x = torch.zeros(1, 2, 4, 4)
    x[:, 0] = torch.rand(4, 4)
    y, _ = HaarDown()(x)
    assert torch.allclose(y.square().sum(), x.square().sum()) and y[:, :4].abs().sum() > 0 and y[:, 4:].abs().sum() == 0
    assert y[0, 0, 0, 0] == pytest.approx(x[0, 0, :2, :2].sum().item() / 2)


def test_coring_makes_what_is_nearly_black_black_and_loses_no_digit():
    threshold = 6 * 2.0 ** -10
    fused = torch.arange(-4 * threshold, 4 * threshold, 2.0 ** -23).view(1, 1, 4, -1)
    x = torch.cat([fused, torch.rand_like(fused)], 1)
    y, _ = Coring(threshold)(x)
    assert torch.equal(Coring(threshold).inverse(y)[0], x) and torch.equal(y[:, 1], x[:, 1])
    near, far = fused.abs() <= threshold, fused.abs() >= 2 * threshold
    assert y[:, :1][near].abs().max() < 1e-8 and torch.equal(y[:, :1][far], fused[far])
    assert (y[:, 0].flatten().diff() > 0).all()


def test_untrained_default_network_fuses_by_averaging():
    torch.manual_seed(0)
    x = torch.rand(1, 2, 32, 32)
    fused, latent = default_network().fuse(x)
    assert (fused[:, 0] - x.mean(1)).abs().mean() < 0.03 and (latent[:, 0] - 4 * (x[:, 0] - x[:, 1])).abs().mean() < 0.1


def test_paper_network_has_the_published_size():
    network = paper_network(PaperConfig(k=3))
    assert sum(p.numel() for p in network.parameters()) == 17_564


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_paper_network_of_every_depth_goes_there_and_back(k):
    torch.manual_seed(0)
    check_flow(paper_network(PaperConfig(k=k)).flow, torch.rand(2, 2, 10, 14), 2e-5)


def test_build_makes_what_describe_says():
    for network in (default_network(DefaultConfig(half_before=1, quarter=0)), paper_network(PaperConfig(k=2, seed=7))):
        again = build(**describe(network))
        assert again.config == network.config
        again.load_state_dict(network.state_dict())
        assert all(np.array_equal(a, b) for a, b in zip(again.state_dict().values(), network.state_dict().values()))
    with pytest.raises(ValueError, match="choose"):
        build("unknown", {})
