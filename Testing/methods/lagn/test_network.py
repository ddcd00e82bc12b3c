"""LAGN's network: the diffusion's features are its own and stay as they are, branches do what their names say, any size goes through."""
import pytest
import torch
from torch import nn

from FusionINNLib.methods.diffusion.schedule import alphas_cumprod, clean_of, noised
from FusionINNLib.methods.diffusion.unet import noise_in
from FusionINNLib.methods.lagn.features import features_at
from FusionINNLib.methods.lagn.network import Blend, GlobalUnit, Lagn, LocalUnit, Size, size_from

SIZE = Size(channels=(8, 16), widths=(8, 8), steps=(5, 100))


def network(size=SIZE, seed=0) -> Lagn:
    torch.manual_seed(seed)
    made = Lagn(size)
    for module in made.out.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.2)
    return made.eval()


def pair(height=32, width=24, count=1, seed=1):
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.rand(count, 1, height, width, generator=generator) for _ in range(2))
    return first, second, torch.randn(count, 4, height, width, generator=generator)


def test_features_are_what_the_diffusion_itself_computes():
    """Its own forward pass gives the same noise; with the true noise the pair comes back."""
    unet, (first, second, noise) = network().unet, pair()
    images, noise = torch.cat([first, second], 1), noise[:, :2]
    seen: list[torch.Tensor] = []
    hooks = [block.resnets[-1].register_forward_hook(lambda module, inputs, output: seen.append(output)) for block in unet.up_blocks]
    kept = float(alphas_cumprod()[100])
    believed = noise_in(unet, noised(images, noise, kept), 100)
    for hook in hooks:
        hook.remove()
    levels, clean = features_at(unet, images, noise, 100)
    assert [level.shape[2:] for level in levels] == [(16, 12), (32, 24)]
    assert all(torch.equal(one, other) for one, other in zip(levels, seen)) and len(seen) == 2
    torch.testing.assert_close(clean, clean_of(noised(images, noise, kept), believed, kept))
    torch.testing.assert_close(clean_of(noised(images, noise, kept), noise, kept), images, atol=1e-5, rtol=0)


def test_no_gradient_reaches_the_diffusion_and_every_level_of_the_blending_gets_one():
    net = network()
    fused, _ = net(*pair())
    fused.square().sum().backward()
    assert all(parameter.grad is None for parameter in net.unet.parameters())
    for level in net.levels:
        assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in level.parameters())


def test_it_begins_as_the_mean_and_then_lies_near_the_range_of_its_sources():
    torch.manual_seed(0)
    first, second, noise = pair()
    fresh, _ = Lagn(SIZE).eval()(first, second, noise)
    torch.testing.assert_close(fresh, (first + second) / 2)
    fused, _ = network()(first, second, noise)
    assert (fused - fresh).abs().max() > 0.01
    assert (fused <= torch.maximum(first, second) + 0.25).all() and (fused >= torch.minimum(first, second) - 0.25).all()


@pytest.mark.parametrize("height, width", [(8, 8), (40, 24), (64, 96)])
def test_every_multiple_of_eight_goes_through(height, width):
    first, second, noise = pair(height, width)
    fused, believed = network()(first, second, noise)
    assert fused.shape == (1, 1, height, width) and believed.shape == (1, 2, height, width) and torch.isfinite(fused).all()


def test_two_samples_give_what_each_gives_alone():
    first, second, noise = pair(count=2)
    net = network()
    both, _ = net(first, second, noise)
    for n in range(2):
        alone, _ = net(first[n:n + 1], second[n:n + 1], noise[n:n + 1])
        torch.testing.assert_close(alone[0], both[n], atol=1e-5, rtol=1e-4)


def test_the_local_branch_sees_its_neighbours_and_the_global_one_everything():
    torch.manual_seed(0)
    x = torch.rand(1, 8, 24, 24)
    changed = x.clone()
    changed[..., 0, 0] += 1
    for unit, reaches in ((LocalUnit(8), False), (GlobalUnit(8), True)):
        difference = (unit(changed) - unit(x))[..., 16:, 16:].abs().max()
        assert (difference > 0) == reaches


@pytest.mark.parametrize("switch", ["local", "global_"])
def test_a_branch_that_is_left_out_has_no_parameters(switch):
    whole, less = Blend(16, 8, None, SIZE), Blend(16, 8, None, size_from({switch: False}))
    gone = whole.local if switch == "local" else whole.global_
    count = [sum(parameter.numel() for parameter in one.parameters()) for one in (whole, less, gone)]
    mixing = 2 * 8 + 1 + 8 * 8  # what weighs the branches, and the channels of one in what joins them
    assert count[0] - count[1] == count[2] + mixing


def test_without_features_the_diffusion_counts_for_nothing():
    first, second, noise = pair()
    blind = network(Size(channels=(8, 16), widths=(8, 8), steps=(5, 100), features=False))
    one, _ = blind(first, second, noise)
    other, _ = blind(first, second, -noise)
    assert torch.equal(one, other)
    seeing = network()
    assert not torch.equal(seeing(first, second, noise)[0], seeing(first, second, -noise)[0])


@pytest.mark.parametrize("settings", [{"channels": [8, 16]}, {"widths": [6, 8, 8]}, {"steps": [1000]}, {"steps": []},
                                      {"local": False, "global_": False}, {"steps": ["5"]}])
def test_settings_that_make_no_network(settings):
    with pytest.raises((ValueError, TypeError)):
        size_from(settings)
