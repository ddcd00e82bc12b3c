"""What training computes in a quicker way than PyTorch's layers would: the same numbers and the same gradients."""
import copy

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F

from FusionINNLib.methods.fusioninn.flow import AffineCoupling
from FusionINNLib.methods.fusioninn.networks import paper_network
from training.losses.gaussian_window import gaussian
from training.trainers.fusioninn_subnets import ImageByImage, QuickSubnet, quicken


@pytest.mark.parametrize("size", [(1, 6, 4), (2, 5, 7)])
def test_the_quicker_gradient_is_the_gradient(size):
    torch.manual_seed(0)
    subnet = next(module for module in paper_network().double().modules() if isinstance(module, AffineCoupling)).for_first
    quick, x = QuickSubnet(*subnet), torch.randn(size[0], 1, *size[1:], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, *weights: quick(x), (x, *quick.parameters()))
    assert torch.allclose(quick(x), subnet(x))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_quickened_networks_train_as_others_do(memory):
    """On more pixels than are worked on at a time. In float64: in float32 ReLUs near 0 fall to either side."""
    torch.manual_seed(0)
    slow = paper_network().double().to(memory_format=memory)
    quick = copy.deepcopy(slow)
    quicken(quick)
    assert list(quick.state_dict()) == list(slow.state_dict())
    assert [sum(isinstance(module, kind) for module in quick.modules()) for kind in (QuickSubnet, ImageByImage)] == [4, 2]
    sources = torch.rand(2, 2, 96, 104, dtype=torch.float64).contiguous(memory_format=memory)
    results = []
    for network in (slow, quick):
        fused, latent, log_det = network(sources)
        (network.decompose(fused.sigmoid(), latent.cos()).square().mean() + log_det.mean() / 1e4).backward()
        results.append([fused, latent, log_det, *(parameter.grad for parameter in network.parameters())])
    for mine, theirs in zip(*reversed(results)):
        assert np.allclose(mine.detach(), theirs.detach(), rtol=0, atol=1e-10 * float(theirs.detach().abs().max()))
    with torch.no_grad():
        assert torch.allclose(quick.fuse(sources)[0], slow.fuse(sources)[0])


@pytest.mark.parametrize("shape", [(2, 1, 11, 12), (3, 2, 131, 77), (1, 1, 240, 240)])
def test_the_window_is_a_convolution(shape):
    line = torch.from_numpy(np.exp(-(np.arange(11) - 5) ** 2 / 4.5))
    line = line / line.sum()
    x = torch.rand(shape, dtype=torch.float64)
    flat = x.flatten(0, 1)[:, None]
    expected = F.conv2d(flat, torch.outer(line, line)[None, None])[:, 0].view(*shape[:2], shape[2] - 10, shape[3] - 10)
    assert torch.allclose(gaussian(x), expected, rtol=0, atol=1e-7)  # its taps are float32
    assert torch.allclose(gaussian(x.permute(1, 0, 2, 3)), expected.permute(1, 0, 2, 3), rtol=0, atol=1e-7)


def test_the_window_has_the_gradient_of_what_it_gives():
    assert gradcheck(gaussian, (torch.rand(2, 1, 14, 55, dtype=torch.float64, requires_grad=True),))
