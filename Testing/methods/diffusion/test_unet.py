"""Tests of the diffusion's U-Net: its sizes, and what it takes and gives."""
import pytest
import torch

from FusionINNLib.methods.diffusion.unet import multiple, noise_in, unet


@pytest.mark.parametrize("channels, attention, images, count", [
    ((32, 64, 128, 128), True, 1, 4_327_905), ((32, 64, 128), False, 1, 2_536_033), ((24, 48, 96), False, 1, 1_428_361)])
def test_its_parameters(channels, attention, images, count):
    """Counted in MONAI 1.6.1, the first two by others too."""
    assert sum(weight.numel() for weight in unet(channels, images, attention).parameters()) == count


@pytest.mark.parametrize("channels", [(8, 16), (8, 16, 16)])
def test_any_multiple_of_its_own(channels):
    side = 3 * multiple(channels)
    network = unet(channels, images=2).eval()
    with torch.inference_mode():
        assert noise_in(network, torch.zeros(2, 2, side, side + multiple(channels)), 5).shape == (2, 2, side, side + multiple(channels))


def test_one_step_for_all_or_one_each():
    torch.manual_seed(0)
    network = unet((8, 16)).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)  # fresh ones end in zeros
    x = torch.randn(2, 1, 8, 8)
    with torch.inference_mode():
        alike, apart = noise_in(network, x, 7), noise_in(network, x, torch.tensor([7, 900]))
    torch.testing.assert_close(alike[0], apart[0])
    assert not torch.allclose(alike[1], apart[1], atol=1e-3)


@pytest.mark.parametrize("channels", [(32,), (), (6, 12), (0, 8)])
def test_channels_that_make_none(channels):
    with pytest.raises(ValueError, match="multiples of 4"):
        unet(channels)
