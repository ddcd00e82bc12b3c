"""The block of DC2Fusion: windows, attention, deformation; and the released code's defects, each shown to be mended."""
import pytest
import torch
import torch.nn.functional as F

from FusionINNLib.methods.dc2fusion.attention import (
    Block,
    CrossFeatureBlend,
    Deformation,
    Level,
    first,
    last,
    reference_grid,
    sampled,
    unwindowed,
    windows,
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


@pytest.mark.parametrize("sides", [(5, 6, 7), (4, 4, 4), (1, 3, 2)])
def test_windows_and_back_is_nothing(sides):
    x = tokens(2, *sides, 3)
    parts = windows(x)
    assert parts.shape == (2 * -(-sides[0] // 2) * -(-sides[1] // 2) * -(-sides[2] // 2), 8, 3)
    assert torch.equal(unwindowed(parts, x.shape), x)
    assert torch.equal(parts[0].reshape(2, 2, 2, 3), F.pad(x, (0, 0, 0, 1, 0, 1, 0, 1))[0, :2, :2, :2])


def test_no_offset_samples_every_token_exactly():
    """Released: align_corners=True with the middles of voxels, up to half a token off."""
    x = tokens(1, 3, 4, 5, 8)
    assert torch.allclose(sampled(x, torch.zeros(1, 3, 4, 5, 3)), x, atol=1e-6)


def test_each_axis_is_divided_by_its_own_size():
    """Released: x by D, z by H. A ramp along each axis is sampled to itself, and one token further along it by one."""
    for axis, size in enumerate((3, 5, 8)):
        ramp = torch.arange(size, dtype=torch.float32).reshape([-1 if n == axis else 1 for n in range(3)]).expand(3, 5, 8)[None, ..., None]
        offsets = torch.zeros(1, 3, 5, 8, 3)
        assert torch.allclose(sampled(ramp, offsets), ramp, atol=1e-5)
        offsets[..., axis] = 2 / size
        assert torch.allclose(sampled(ramp, offsets), (ramp + 1).clamp(max=size - 1), atol=1e-5)


def test_what_is_sampled_keeps_its_channels():
    """Released: grid_sample's result, channels first, is reshaped as if its channels were last: keys that have nothing to do with the
    stream they come from."""
    x = tokens(1, 4, 4, 4, 16)
    grid = reference_grid((4, 4, 4), x).flip(-1)[None]
    released = F.grid_sample(first(x), grid, align_corners=True).reshape(x.shape)
    ours = sampled(x, torch.zeros(1, 4, 4, 4, 3))

    def correlation(y):
        return float(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1])

    assert correlation(ours) > 0.999 and abs(correlation(released)) < 0.2


def test_offsets_reach_one_token_and_no_further():
    deform = Deformation(8)
    torch.nn.init.constant_(deform.offset.weight, 100.0)
    offsets = deform.offsets(tokens(1, 3, 4, 5, 8), tokens(1, 3, 4, 5, 8))
    in_tokens = offsets * torch.tensor([3, 4, 5]) / 2
    assert in_tokens.abs().max() <= 1 + 1e-6 and in_tokens.abs().max() > 0.99
    shifted = torch.roll(x := tokens(1, 4, 4, 4, 8), 1, 2)
    back = torch.zeros(1, 4, 4, 4, 3)
    back[..., 1] = 2 / 4
    assert torch.allclose(sampled(shifted, back)[:, :, :3], x[:, :, :3], atol=1e-5), "a stream shifted by a token can be shifted back"


@pytest.mark.parametrize("softmax", [True, False])
def test_attention_is_that_of_a_loop(softmax):
    """Over windows and heads. Released: no softmax, which the option keeps."""
    blend = CrossFeatureBlend(24, 3, softmax)
    x, other, strength = tokens(1, 4, 2, 4, 24), tokens(1, 4, 2, 4, 24), torch.rand(1, 24)
    found = windows(blend.attend(x, other, strength))
    q, k, v = windows(blend.query(x)), windows(blend.key(other)), windows(blend.value(x) * strength)
    for window in range(len(q)):
        for head in range(3):
            part = slice(8 * head, 8 * head + 8)
            weights = q[window, :, part] @ k[window, :, part].T / 8 ** 0.5
            expected = (weights.softmax(-1) if softmax else weights) @ v[window, :, part]
            assert torch.allclose(found[window, :, part], expected, atol=1e-5)


def test_a_block_is_what_the_paper_draws():
    """Written out once more: the convolution steers the values, the attention gates the convolution, both are merged, with one norm."""
    block = Block(24, 3).eval()
    blend, x, other = block.blend, tokens(1, 4, 4, 4, 24), tokens(1, 4, 4, 4, 24)
    y = block.norm(x)
    keys = block.deform(y, other)
    both = torch.cat([y, keys], -1).reshape(1, 4, 4, 4, 2, 24).transpose(-1, -2).reshape(1, 4, 4, 4, 48)
    c = F.gelu(blend.conv_norm(blend.conv(first(both))))
    strength = torch.sigmoid(blend.channels(c.mean((2, 3, 4))))
    t = blend.attend(y, keys, strength)
    gated = torch.sigmoid(blend.places(t)) * last(blend.conv_out(c))
    middle = x + blend.merge(torch.cat([gated, block.norm(t)], -1))
    assert torch.allclose(block(x, other), middle + block.mlp(block.norm(middle)), atol=1e-5)
    assert not torch.allclose(blend.attend(y, keys, strength), blend.attend(y, keys, torch.ones_like(strength)), atol=1e-3)


def test_each_group_of_the_convolution_sees_both_streams():
    """Released: the first half of the groups sees one stream alone, the second half the other."""
    blend = CrossFeatureBlend(24, 3).eval()
    seen = []
    blend.conv.register_forward_hook(lambda module, inputs, output: seen.append(output))
    norm, x, other = torch.nn.LayerNorm(24), tokens(1, 4, 4, 4, 24), tokens(1, 4, 4, 4, 24)
    for changed in ((x, other), (x + 1, other), (x, other + 1)):
        blend(*changed, norm)
    for after in seen[1:]:
        assert (seen[0] != after).flatten(2).any(-1).all(), "a channel that did not notice"
    assert blend.conv_norm.eps == 1e-5, "released: as large as the number of channels"


def test_the_second_stream_sees_the_first_as_it_was_just_changed():
    level = Level([Block(24, 3)]).eval()
    x, other = tokens(1, 4, 4, 4, 24), tokens(1, 4, 4, 4, 24)
    block = level.blocks[0]
    new_x, new_other = level(x, other)
    assert torch.equal(new_x, block(x, other)) and torch.equal(new_other, block(other, new_x))
    assert not torch.allclose(new_other, block(other, x))


def test_without_deformation_the_other_stream_is_left_alone():
    x = tokens(1, 4, 4, 4, 24)
    assert Deformation(24, deformable=False)(x, x) is x and not list(Deformation(24, deformable=False).parameters())
    assert torch.equal(last(first(x)), x)
