"""CSAD learns: four slices by heart, the same weights again from the same seed, slices without any lesion, fixed targets."""
import pytest
import torch

from FusionINNLib.outlining.networks import build
from training.losses.outlines import outline_loss


def slices(side=32):
    """Two contrasts (4, 1, side, side) of discs on textures, and the discs."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")
    label = torch.stack([((rows - 8 - 4 * n) ** 2 + (columns - 20 + 3 * n) ** 2 < 30).float() for n in range(4)])[:, None]
    first, second = (torch.randn(4, 1, side, side, generator=generator) + weight * label for weight in (1.0, 2.0))
    return first, second, label


def fitted(steps, weight=0.1, norm="softmax_sum", seed=0):
    torch.manual_seed(seed)
    network = build({"architecture": "csad", "unit": 8})
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    first, second, label = slices()
    for _ in range(steps):
        answer = network(first, second)
        loss, parts = outline_loss(answer, label, weight, norm)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        found = answer.logits > 0
        if float(2 * (found & (label > 0)).sum() / (found.sum() + label.sum())) > 0.9:
            return network, True
    return network, False


@pytest.mark.parametrize("norm", ["softmax_sum", "l2"])
def test_four_slices_are_learned_by_heart(norm):
    assert fitted(400, norm=norm)[1]


def test_the_same_seed_gives_the_same_weights():
    first, second, other = fitted(3)[0], fitted(3)[0], fitted(3, seed=1)[0]
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), second.parameters()))
    assert not all(torch.equal(one, two) for one, two in zip(first.parameters(), other.parameters()))


def test_slices_without_lesion_and_constant_ones_cost_a_finite_loss():
    network = build({"architecture": "csad", "unit": 4})
    for image in (torch.zeros(2, 1, 32, 32), torch.full((2, 1, 32, 32), -1.0)):
        loss, parts = outline_loss(network(image, image), torch.zeros(2, 1, 32, 32), 0.1, "softmax_sum")
        loss.backward()
        assert torch.isfinite(loss) and all(torch.isfinite(weight.grad).all() for weight in network.parameters() if weight.grad is not None)


def test_distillation_is_a_part_of_the_loss_where_it_has_a_weight():
    answer, label = build({"architecture": "csad", "unit": 4})(*slices()[:2]), slices()[2]
    (plain, none), (total, parts) = outline_loss(answer, label, 0.0, "l2"), outline_loss(answer, label, 0.5, "l2")
    assert none["distilled"] == 0 and parts["distilled"] > 0
    assert total.item() == pytest.approx(plain.item() + 0.5 * parts["distilled"], rel=1e-5)
    unet = build({"architecture": "unet", "slices": 1, "channels": (4, 8), "residual": 1})
    assert outline_loss(unet(*slices()[:2]), label, 0.5, "l2")[1]["distilled"] == 0, "it has no maps"
