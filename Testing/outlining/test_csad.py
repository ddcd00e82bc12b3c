"""CSAD as published: size, layout, attention maps, the six links of distillation, correlated fusion; and its variants."""
import numpy as np
import pytest
import torch

from FusionINNLib.outlining.attention import attention_map, attention_maps, distillation_loss
from FusionINNLib.outlining.csad import CsadSettings, csad
from FusionINNLib.outlining.joining import CorrelatedFusion, ShuffleFusion
from FusionINNLib.outlining.networks import build


def images(side=32, slices=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, slices, side, side, generator=generator) for _ in range(2)]


def test_the_published_network_has_as_many_weights_as_it_should():
    assert sum(weight.numel() for weight in csad(CsadSettings()).parameters()) == 7_342_241


def test_features_halve_and_maps_have_the_size_of_the_first():
    answer = csad(CsadSettings(unit=4))(*images(64))
    assert answer.logits.shape == (2, 1, 64, 64)
    assert [tuple(one.shape[1:]) for one in answer.first] == [(8, 32, 32), (16, 16, 16), (32, 8, 8), (32, 4, 4)]
    assert all(one.shape == (2, 1, 32, 32) for one in attention_maps(answer.first) + attention_maps(answer.second))


def test_there_is_no_way_round_the_bottleneck():
    network = csad(CsadSettings(unit=4)).eval()
    for encoder in (network.first, network.second):
        encoder.stages[-1].register_forward_hook(lambda module, given, out: torch.zeros_like(out))
    first, second = images(), images(seed=1)
    assert not torch.equal(first[0], second[0])
    torch.testing.assert_close(network(*first).logits, network(*second).logits, rtol=0, atol=0)


def test_with_skips_there_is_one():
    torch.manual_seed(0)
    network = csad(CsadSettings(unit=4, skips=True)).eval()
    for encoder in (network.first, network.second):
        encoder.stages[-1].register_forward_hook(lambda module, given, out: torch.zeros_like(out))
    assert not torch.allclose(network(*images()).logits, network(*images(seed=1)).logits)


@pytest.mark.parametrize("norm", ["softmax_sum", "softmax_mean"])
def test_maps_are_those_of_a_loop_over_pixels_and_add_up_to_one(norm):
    features = torch.rand(2, 3, 4, 4) * 2
    found = attention_map(features, 2, norm).double()
    large = torch.nn.functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True).double().numpy()
    assert found.shape == (2, 1, 8, 8)
    for image in range(2):
        strength = np.zeros((8, 8))
        for row in range(8):
            for column in range(8):
                strength[row, column] = sum(large[image, channel, row, column] ** 2 for channel in range(3))
        powers = np.exp(strength / (3 if norm == "softmax_mean" else 1))
        np.testing.assert_allclose(found[image, 0].numpy(), powers / powers.sum(), rtol=1e-4)
        assert float(found[image].sum()) == pytest.approx(1, abs=1e-5)


def test_maps_of_norm_one_have_it():
    assert attention_map(torch.rand(2, 3, 4, 4), 1, "l2").flatten(1).norm(dim=1).tolist() == pytest.approx([1, 1])
    assert torch.isfinite(attention_map(torch.zeros(1, 3, 4, 4), 1, "l2")).all()


def test_equal_maps_cost_nothing_and_each_of_six_links_counts_once():
    alike = [torch.rand(1, 1, 4, 4)] * 4
    assert float(distillation_loss(alike, alike)) == 0
    first, second = [[torch.rand(3, 1, 4, 4) for _ in range(4)] for _ in range(2)]
    links = [(first[n], second[n + 1]) for n in range(3)] + [(second[n], first[n + 1]) for n in range(3)]
    expected = sum(float(((shallow - deep) ** 2).sum()) / 3 for shallow, deep in links)
    assert float(distillation_loss(first, second)) == pytest.approx(expected, rel=1e-5)


def test_no_gradient_goes_into_targets_unless_asked_for():
    first, second = [[torch.rand(1, 1, 4, 4, requires_grad=True) for _ in range(4)] for _ in range(2)]
    distillation_loss(first, second).backward()
    assert first[3].grad is None and second[3].grad is None, "the deepest maps are targets only"
    assert all(one.grad is not None for one in first[:3] + second[:3])
    np.testing.assert_allclose(first[1].grad.numpy(), 2 * (first[1] - second[2]).detach().numpy(), rtol=1e-5)
    distillation_loss(first, second, is_target_fixed=False).backward()
    assert first[3].grad is not None


def test_correlated_fusion_is_that_of_a_loop_over_pairs_of_pixels():
    fusion = CorrelatedFusion(3, "batch").eval()
    first, second = torch.randn(1, 3, 2, 3), torch.randn(1, 3, 2, 3)
    embedded = [fusion.phi(one)[0].flatten(1) for one in (first, second)]
    expected = torch.zeros(2, 3, 6)
    for here in range(6):
        for there in range(6):
            alike = (embedded[0][:, here] * embedded[1][:, there]).sum()
            expected[0, :, there] += first[0].flatten(1)[:, here] * alike
            expected[1, :, here] += second[0].flatten(1)[:, there] * alike
    found = fusion.correlated(first, second)
    torch.testing.assert_close(torch.cat(found)[:].flatten(2), expected, rtol=1e-4, atol=1e-5)
    exchanged = fusion.correlated(second, first)
    torch.testing.assert_close(exchanged[0], found[1])
    torch.testing.assert_close(exchanged[1], found[0])


def test_a_divided_correlation_is_smaller_by_the_number_of_pixels():
    plain, divided = CorrelatedFusion(3, "instance"), CorrelatedFusion(3, "instance", is_divided=True)
    divided.load_state_dict(plain.state_dict())
    pair = torch.randn(1, 3, 2, 3), torch.randn(1, 3, 2, 3)
    torch.testing.assert_close(divided.correlated(*pair)[0] * 6, plain.correlated(*pair)[0])


def test_shuffling_interleaves_the_modalities():
    fusion = ShuffleFusion(2, "batch")
    torch.nn.init.constant_(fusion.gate.weight, 0)
    torch.nn.init.constant_(fusion.gate.bias, -100)  # the gate is shut
    first, second = torch.full((1, 2, 4, 4), 1.0), torch.full((1, 2, 4, 4), 2.0)
    assert fusion(first, second)[0, :, 0, 0].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("settings", [{"fusion": "concat"}, {"fusion": "shuffle"}, {"topology": "early"}, {"topology": "late"},
                                      {"norm": "instance", "is_divided": True}, {"slices": 3, "skips": True}])
def test_every_variant_looks_at_two_images_and_learns(settings):
    network = build({"architecture": "csad", "unit": 4, **settings})
    answer = network(*images(slices=settings.get("slices", 1)))
    assert answer.logits.shape == (2, 1, 32, 32)
    answer.logits.mean().backward()
    assert sum(weight.grad is not None for weight in network.parameters()) == len(list(network.parameters()))
    assert (len(answer.first) == 0) == (settings.get("topology") == "early")


@pytest.mark.parametrize("settings, word", [({"architecture": "resnet"}, "resnet"), ({"architecture": "csad", "fusion": "sum"}, "fusion"),
                                            ({"architecture": "csad", "unit": 0}, "unit"), ({"architecture": "unet", "unit": 3}, "take"),
                                            ({"architecture": "csad", "topology": "late", "skips": True}, "skips"), ({}, "None")])
def test_settings_that_make_no_network_are_refused(settings, word):
    with pytest.raises(ValueError, match=word):
        build(settings)
