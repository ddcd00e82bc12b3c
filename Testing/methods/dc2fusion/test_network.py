"""The network of DC2Fusion as a whole: its size, samples that do not mix, FL1N, training that lowers the loss."""
import numpy as np
import pytest
import torch

from FusionINNLib.methods.dc2fusion.network import PAPER, DC2FusionNetwork, Size, blended, shares, size_from
from training.losses.dc2fusion import fusion_loss

TINY = Size(24, (1, 1), residual=True)


def parameters(size: Size) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in DC2FusionNetwork(size).parameters())


@pytest.mark.parametrize("width, released, idle", [(24, 7_453_634, 345_696), (48, 26_396_714, 1_377_984)])
def test_it_has_the_released_parameters_without_the_idle_ones(width, released, idle):
    """Released: a projection after each attention and one layer of the skip at the bottom are never used."""
    assert parameters(Size(width)) == released - idle


def test_the_paper_network():
    """98.8 million as released, 5.5 of them idle: of 24 projections (C + 1) C and one layer of 2 (8E)^2 + 8E, E = 96."""
    idle = sum(blocks * c * (c + 1) for blocks, c in ((4, 96), (4, 192), (12, 384), (4, 768))) + 2 * 768 ** 2 + 768
    assert PAPER.width == 96 and PAPER.depths == (2, 2, 6, 2) and round((parameters(PAPER) + idle) / 1e6, 1) == 98.8


def test_it_begins_with_the_sources_and_its_maps_have_their_size():
    torch.manual_seed(0)
    a, b = torch.rand(1, 1, 16, 32, 16), torch.rand(1, 1, 16, 32, 16)
    assert torch.equal(DC2FusionNetwork(TINY).eval()(a, b), torch.cat([a, b], 1))
    maps = DC2FusionNetwork(Size(24, (1, 1))).eval()(a, b)
    assert maps.shape == (1, 2, 16, 32, 16) and not torch.allclose(maps, torch.cat([a, b], 1))


def test_two_samples_give_what_each_gives_alone():
    torch.manual_seed(0)
    network = DC2FusionNetwork(Size(24, (1, 1))).eval()
    a, b = torch.rand(2, 2, 1, 16, 16, 16)
    both = blended(network(a, b))
    for n in range(2):
        assert torch.allclose(both[n:n + 1], blended(network(a[n:n + 1], b[n:n + 1])), atol=1e-5)


def test_fl1n_weighs_each_map_by_its_share():
    """Released: by its norm, so that twice the maps gave four times the image."""
    maps = torch.rand(2, 2, 4, 5, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 3.0])[None, :, None, None, None]
    maps[1] *= 7
    norms = np.abs(maps.numpy()).sum((2, 3, 4))
    np.testing.assert_allclose(shares(maps).numpy(), norms / norms.sum(1, keepdims=True), rtol=1e-6)
    expected = sum(norms[0, n] / norms[0].sum() * maps[0, n].numpy() for n in range(2))
    np.testing.assert_allclose(blended(maps)[0, 0].numpy(), expected, rtol=1e-5)
    assert torch.allclose(blended(2 * maps), 2 * blended(maps), rtol=1e-5)
    assert shares(torch.zeros(1, 2, 4, 4, 4)).tolist() == [[0.5, 0.5]] and (blended(torch.zeros(1, 2, 4, 4, 4)) == 0).all()


def test_a_few_steps_on_one_block_lower_the_loss_the_same_way_each_time():
    sources = torch.rand(1, 2, 16, 16, 16, generator=torch.Generator().manual_seed(1))

    def losses():
        torch.manual_seed(0)
        network = DC2FusionNetwork(TINY)
        optimizer, found = torch.optim.Adam(network.parameters(), 2e-3), []
        for _ in range(4):
            loss, _ = fusion_loss(blended(network(sources[:, :1], sources[:, 1:])), sources, (1.0, 1.0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    once = losses()
    assert once[-1] < once[0] and once == losses()


def test_the_loss_is_least_for_equal_images_and_says_what_is_too_small():
    image = torch.rand(1, 1, 12, 12, 12, generator=torch.Generator().manual_seed(0))
    total, parts = fusion_loss(image, image.repeat(1, 2, 1, 1, 1), (2.0, 1.0))
    assert parts["lncc"] == pytest.approx(-3, abs=0.1) and abs(parts["ssim"]) < 1e-3 and parts["grey"] == 0
    assert float(total) < float(fusion_loss(1 - image, image.repeat(1, 2, 1, 1, 1), (2.0, 1.0))[0])
    with pytest.raises(ValueError, match="windows of 11"):
        fusion_loss(image[:, :, :10], image.repeat(1, 2, 1, 1, 1)[:, :, :10], (1.0, 1.0))


@pytest.mark.parametrize("settings", [{"width": 20}, {"width": 24, "depths": []}, {"width": 24, "depths": [1, 0]}, {"breadth": 24}])
def test_settings_that_make_no_network_are_refused(settings):
    with pytest.raises((ValueError, TypeError)):
        size_from(settings)
