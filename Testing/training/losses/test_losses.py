"""Each part of the loss that networks are trained with."""
import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from FusionINNLib.methods.fusioninn.flow import AverageDifference, Composition
from FusionINNLib.metrics.gradient import q_xy_map
from FusionINNLib.metrics.ssim import ssim_map as reference_ssim_map
from training.losses.losses import (
    CELL,
    background_loss,
    coding_noise,
    edge_loss,
    estimate_loss,
    fused_loss,
    learning_rate,
    likelihood_loss,
    salient_loss,
    ssim_map,
    statistics_loss,
    texture_loss,
)


def test_similarity_is_that_of_the_metrics():
    rng = np.random.default_rng(0)
    a = rng.random((3, 40, 33))
    b = np.clip(a + rng.normal(0, 0.2, a.shape), 0, 1)
    ours = ssim_map(torch.from_numpy(a)[:, None].float(), torch.from_numpy(b)[:, None].float())[:, 0].numpy()
    assert np.abs(ours - reference_ssim_map(a, b, 1.0)).max() < 1e-5


def test_perfect_images_cost_nothing():
    x = torch.rand(2, 1, 24, 24)
    assert abs(float(fused_loss(x, x.repeat(1, 2, 1, 1), 0.8))) < 1e-5
    pair = torch.rand(2, 2, 24, 24)
    wrong = pair.flip(1)
    assert abs(float(estimate_loss((pair, pair), pair, 0.8, 0.5))) < 1e-5 < float(estimate_loss((wrong, wrong), pair, 0.8, 0.5))


def test_an_honest_spread_costs_least():
    """The score of two draws is least where they vary as much as the truth does around what is known."""
    torch.manual_seed(0)
    truth = 0.5 + 0.1 * torch.randn(8, 2, 64, 64)
    costs = {}
    for spread in (0.0, 0.1, 0.3):
        draws = tuple(0.5 + spread * torch.randn_like(truth) for _ in range(2))
        costs[spread] = float(estimate_loss(draws, truth, 0.0, 1.0)) - float(((draws[0] + draws[1]) / 2 - truth).square().mean())
    assert costs[0.1] == min(costs.values())


def test_statistics_of_white_noise_cost_nothing_and_those_of_others_do():
    torch.manual_seed(0)
    fused, head = torch.rand(2, 1, 160, 160), torch.ones(2, 1, 160, 160)
    head[..., :40] = 0
    white = torch.randn(2, 1, 160, 160)
    coloured = torch.nn.functional.avg_pool2d(white, 3, 1, 1) * 3
    heavy = torch.where(torch.rand_like(white) < 0.05, 5 * white, white) / (0.95 + 0.05 * 25) ** 0.5
    standard = (fused - fused.mean()) / fused.std()
    cost = {name: float(statistics_loss(z, fused, head)) for name, z in {
        "white": white, "coloured": coloured, "scaled": 1.5 * white, "shifted": white + 0.5, "heavy tails": heavy,
        "of the fused image": 0.5 ** 0.5 * (white + standard)}.items()}
    assert cost["white"] < 0.01 and all(value > 10 * cost["white"] and value > 0.05 for name, value in cost.items() if name != "white")
    outside = white.clone()
    outside[..., :40] = 9
    assert abs(float(statistics_loss(outside, fused, head)) - cost["white"]) < 1e-5


def test_likelihood_is_that_of_a_linear_flow():
    torch.manual_seed(0)
    flow = Composition(AverageDifference(4.0))
    x = torch.randn(3, 2, 8, 8, dtype=torch.float64)
    out, log_det = flow(x)
    matrix = torch.cat([flow(torch.eye(2, dtype=torch.float64).view(2, 2, 1, 1))[0]]).view(2, 2).T
    expected = 0.5 * (torch.einsum("oc,bchw->bohw", matrix, x)[:, 1] ** 2).mean() - math.log(abs(float(torch.det(matrix))))
    assert torch.allclose(likelihood_loss(out[:, 1:], log_det), expected)


def test_coding_noise_is_that_of_8_bit_storage_and_of_the_digits():
    torch.manual_seed(0)
    fused = torch.rand(64, 1, 40, 40)
    noise = (coding_noise(fused, 0.006) - fused).abs().amax((1, 2, 3))
    assert noise.max() < (0.006 + CELL) / 2 and noise.min() > (0.003 + CELL) / 4 and noise.std() > 1e-4


def test_the_salient_loss_asks_for_the_contrast_of_whichever_source_has_some():
    rows = torch.arange(64).view(1, 1, 64, 1) * torch.ones(1, 1, 64, 64)
    waves, flat = 0.5 + 0.3 * torch.sin(rows / 3), torch.full((1, 1, 64, 64), 0.5)
    sources = torch.cat([waves, flat], 1)
    assert float(salient_loss(waves, sources)) < 0.01 < 0.1 < float(salient_loss(sources.mean(1, keepdim=True), sources))
    assert float(fused_loss(waves, sources, 1.0)) > float(fused_loss(sources.mean(1, keepdim=True), sources, 1.0))
    assert float(salient_loss(waves, sources.flip(1))) == pytest.approx(float(salient_loss(waves, sources)), abs=1e-6)


def test_the_texture_loss_sees_a_fused_image_that_is_rougher_than_both_sources():
    generator = torch.Generator().manual_seed(0)
    noise, head = torch.randn(1, 1, 40, 40, generator=generator), torch.ones(1, 1, 40, 40)
    sources = torch.cat([0.5 + 0.1 * noise, torch.full_like(noise, 0.3)], 1)
    assert float(texture_loss(sources[:, :1], sources, head)) == pytest.approx(0.1, abs=1e-4)
    assert float(texture_loss(sources.mean(1, keepdim=True), sources, head)) == 0
    assert float(texture_loss(0.5 + 0.2 * noise, sources, head)) == pytest.approx(4 - 0.9, rel=1e-4)
    assert float(texture_loss(0.5 + 0.2 * noise, sources, 0 * head)) == 0


def test_the_edge_loss_is_what_the_metric_lacks():
    rng = np.random.default_rng(0)
    first, second = (ndimage.gaussian_filter(rng.random((112, 112)), 3) * 8 - 3.5 for _ in range(2))
    sources = torch.tensor(np.round(np.clip([first, second], 0, 1) * 255) / 255, dtype=torch.float32)[None]
    for fused in (sources[:, :1], sources.mean(1, keepdim=True), torch.rand(sources[:, :1].shape)):
        levels = [np.round(image.numpy() * 255.0) for image in (sources[0, 0], sources[0, 1], fused[0, 0])]
        expected = 1 - q_xy_map(*levels)[1:-1, 1:-1].mean()
        assert float(edge_loss(fused, sources, torch.ones_like(fused))) == pytest.approx(expected, abs=0.01)
    assert float(edge_loss(fused, sources, torch.zeros_like(fused))) == 0


@pytest.mark.parametrize("image", [torch.zeros(1, 1, 20, 20), torch.arange(20.0).expand(1, 1, 20, 20) / 20])
def test_the_gradient_of_the_edge_loss_is_finite_where_there_is_no_edge_or_just_the_same(image):
    fused = image.clone().requires_grad_()
    edge_loss(fused, image.repeat(1, 2, 1, 1), torch.ones(1, 1, 20, 20)).backward()
    assert fused.grad.isfinite().all()


def test_the_background_loss_sees_ringing_outside_of_the_head_alone():
    sources, background = torch.zeros(2, 2, 8, 8), torch.ones(2, 1, 8, 8)
    sources[:, :, :4], background[:, :, :4] = 0.5, 0
    fused = sources.mean(1, keepdim=True).clone()
    fused[:, :, :4] += 0.3
    assert float(background_loss(fused, sources, background)) == 0
    fused[0, :, 4:] -= 0.02
    assert float(background_loss(fused, sources, background)) == pytest.approx(0.01)
    assert float(background_loss(fused, sources, torch.zeros_like(background))) == 0


def test_learning_rate_warms_up_stays_and_falls():
    rates = [learning_rate(step, 1000, 2e-3, 100, 0.4) for step in range(1000)]
    assert rates[0] == pytest.approx(2e-5) and rates[99:400] == pytest.approx([2e-3] * 301)
    assert all(a >= b for a, b in zip(rates[399:], rates[400:])) and rates[-1] == pytest.approx(2e-5)
