"""What is done for speed changes nothing: quicker convolutions, and boxes instead of whole slices."""
import numpy as np
import pytest
import torch

from FusionINNLib.methods.boxes import find_boxes
from FusionINNLib.methods.fusioninn.convolution import NarrowConv, PointConv
from FusionINNLib.methods.fusioninn.released_checkpoint import PAPER_MARGIN


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("make", [lambda: PointConv(6, 5), lambda: NarrowConv(6, 2), lambda: NarrowConv(6, 1)],
                         ids=["point", "narrow 2", "narrow 1"])
def test_quick_convolutions_agree_with_the_plain_one(make, memory, dtype, tolerance):
    torch.manual_seed(0)
    for batch, height, width in ((1, 12, 16), (3, 7, 5), (1, 1, 3)):
        layer = make().to(dtype).to(memory_format=memory)
        x = torch.randn(batch, 6, height, width, dtype=dtype).contiguous(memory_format=memory)
        plain = torch.nn.Conv2d.forward(layer, x)
        with torch.inference_mode():
            quick = layer(x)
        assert quick.shape == plain.shape and (quick - plain).abs().max() < tolerance


def test_quick_convolutions_keep_names_and_gradients():
    for layer, plain in ((PointConv(3, 4), torch.nn.Conv2d(3, 4, 1)), (NarrowConv(3, 2), torch.nn.Conv2d(3, 2, 3, padding=1))):
        plain.load_state_dict(layer.state_dict())
        x = torch.randn(1, 3, 8, 8)
        for one in (layer, plain):
            one(x).square().sum().backward()
        assert torch.equal(layer.weight.grad, plain.weight.grad) and torch.equal(layer.bias.grad, plain.bias.grad)


def _heads() -> np.ndarray:
    """Two int16 sources (2, K, J, I) of heads of many sizes in the midst of zeros, one of them at the border."""
    j, i = np.mgrid[:120, :104]
    centres, radii = ((60, 52), (50, 44), (30, 60), (60, 52)), ((20, 14), (9, 25), (29, 20), (3, 2))
    inside = np.stack([((j - y) / a) ** 2 + ((i - x) / b) ** 2 < 1 for (y, x), (a, b) in zip(centres, radii)])
    return np.random.default_rng(0).integers(50, 900, (2, *inside.shape), np.int16) * inside


def test_boxes_give_the_head_as_whole_slices_under_freia_do():
    pytest.importorskip("FrEIA", reason="FrEIA is a test dependency: install the extra 'test'")
    from training.speed.networks import worker

    pair = _heads()
    boxes = find_boxes(iter(pair.any(0)), 2, PAPER_MARGIN)
    assert len(boxes) == 4 and all(box.shape[0] * box.shape[1] < 0.8 * pair[0, 0].size for box in boxes)
    ours, theirs = (np.zeros(pair.shape, np.float32) for _ in range(2))
    worker("paper", pair, ours)()
    worker("reference", pair, theirs)()
    head = pair.any(0)
    assert np.abs(ours - theirs)[:, head].max() < 1e-5 * np.abs(theirs).max()
    assert np.abs(ours - theirs)[:, ~head].max() > 1e-3  # near the border of the image, which does not belong to the head
