"""The exchange of digits between fused image and latent, alone and in the way of a volume."""
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch
from flows import check_flow
from making import head, volume
from scipy import ndimage

from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import ModelError
from FusionINNLib.methods import model_card
from FusionINNLib.methods.fusioninn import card as fusioninn_card
from FusionINNLib.methods.fusioninn import digits
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.digits import BASE, DRAWN, LARGEST, LEARNED, DigitExchange, changed_places, changed_share, holds_digits
from FusionINNLib.methods.fusioninn.record import record_of
from FusionINNLib.pipeline import decompose, estimate, fuse
from FusionINNLib.results.recipe import to_extension
from FusionINNLib.volumes.io import write_nifti
from training.evaluation.measure import as_integers

CELL = 2.0 ** -10


@pytest.fixture
def images():
    """(2, 2, 60, 50) float32: a fused image with negatives, and a latent."""
    generator = torch.Generator().manual_seed(0)
    fused, latent = torch.rand(2, 60, 50, generator=generator) * 1.4 - 0.2, torch.randn(2, 60, 50, generator=generator).clamp(-4, 4)
    return torch.stack([fused, latent], 1)


@pytest.fixture(scope="module")
def exchanging_model(tiny_model, tmp_path_factory) -> str:
    """The small model with an exchange and coring after it, and different scales of its two spreads."""
    folder = tmp_path_factory.mktemp("models") / "exchanging"
    shutil.copytree(tiny_model, folder)
    card = json.loads((folder / model_card.CARD).read_text())
    card["settings"] |= {"cell": CELL, "black": 6 * CELL}
    (folder / model_card.CARD).write_text(json.dumps(card | {"id": "exchanging", "spread_scale": 1.0, "spread_scale_rounded": 3.0}))
    return str(folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_there_and_back(dtype, memory, images):
    check_flow(DigitExchange(CELL), images.to(dtype).contiguous(memory_format=memory), 2e-6)


def test_log_determinant_is_that_of_the_jacobian(images):
    x = images[:1, :, :3, :4].double()
    jacobian = torch.autograd.functional.jacobian(lambda v: DigitExchange(CELL)(v.view_as(x))[0].reshape(-1), x.reshape(-1))
    assert torch.linalg.slogdet(jacobian)[1].item() == pytest.approx(DigitExchange(CELL)(x)[1].item(), abs=1e-8)


@pytest.mark.parametrize("distribution, scipys", [(DRAWN, scipy.stats.norm()), (LEARNED, scipy.stats.logistic())])
def test_distributions_are_those_of_scipy_and_go_on_beyond_their_ends(distribution, scipys):
    values = torch.linspace(-9, 9, 1001, dtype=torch.float64)
    share, inside = distribution.share(values), values.abs() <= distribution.reach
    assert (share.diff() > 0).all() and share[0] < 0 and share[-1] > 1
    np.testing.assert_allclose(share[inside], scipys.cdf(values[inside]))
    np.testing.assert_allclose(distribution.log_density(values)[inside], scipys.logpdf(values[inside]))
    assert torch.allclose(distribution.value(share), values, atol=1e-9)


def test_the_fused_image_moves_by_less_than_a_cell_and_the_latent_becomes_normal_noise(images):
    images[:, 1] = images[:, 1].sign() * 0.7  # anything but normal
    out, _ = DigitExchange(CELL)(images)
    assert 0 < (out[:, 0] - images[:, 0]).abs().max() < CELL
    latent = out[:, 1]
    assert abs(latent.mean()) < 0.05 and abs(latent.std() - 1) < 0.05 and abs((latent ** 4).mean() / latent.var() ** 2 - 3) < 0.3
    assert abs(torch.corrcoef(torch.stack([latent.flatten(), out[:, 0].flatten()]))[0, 1]) < 0.05


def latent_read(fused: torch.Tensor) -> torch.Tensor:
    """Share (B, H, W) of the latent that is read from fused images (B, H, W) with a drawn one."""
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randn(fused.shape, generator=generator).clamp(-DRAWN.reach, DRAWN.reach)
    return LEARNED.share(DigitExchange(CELL).inverse(torch.stack([fused, drawn], 1))[0][:, 1].double())


def test_the_fused_image_alone_tells_the_latent_to_a_digit(images):
    share = LEARNED.share(images[:, 1].double())
    fused = DigitExchange(CELL)(images)[0][:, 0]
    assert ((latent_read(fused) - share).abs() <= 1 / BASE).all()


@pytest.mark.parametrize("step", [2e-5, 1e-4])
def test_rounding_loses_in_proportion_also_across_the_borders_of_cells(step, images):
    images[:, 1] = (2 * images[:, 1]).clamp(-5.5, 5.5)  # so wide that many digits lie at the borders
    share = LEARNED.share(images[:, 1].double())
    fused = DigitExchange(CELL)(images)[0][:, 0]
    stored = torch.round(fused / step) * step
    assert (torch.floor(stored / CELL) != torch.floor(fused / CELL)).any()
    assert (latent_read(stored) - share).abs().max() < step / 2 / CELL + 2 / BASE


def test_what_has_no_digits_left_stays_as_it_is():
    images = torch.tensor([[[[3.0, -2.5, LARGEST, 0.5, 0.5]], [[0.1, 0.1, 1.0, 6.1, -50.0]]]])
    out, _ = DigitExchange(CELL)(images)
    assert torch.equal(out[:, 0], images[:, 0])
    assert torch.allclose(DigitExchange(CELL).inverse(out)[0], images, rtol=1e-6)


@pytest.mark.parametrize("what, expected", [("as it is", True), ("16 bit", True), ("12 bit", True), ("8 bit", False), ("smoothed", False),
                                            ("another scale", False), ("before the exchange", False), ("nothing", False)])
def test_whether_there_are_digits_is_seen_from_them(what, expected, images):
    fused = DigitExchange(CELL)(images)[0][:, 0].numpy()
    steps = {"16 bit": 65535, "12 bit": 4095, "8 bit": 255}
    if what in steps:
        fused = np.round(fused * steps[what] / 1.6) / np.float32(steps[what]) * np.float32(1.6)
    others = {"smoothed": 0.9 * fused + 0.1 * np.roll(fused, 1, 1), "another scale": fused * np.float32(1.01),
              "before the exchange": images[:, 0].numpy(), "nothing": np.zeros(0, np.float32)}
    assert holds_digits(others.get(what, fused).ravel(), CELL) == expected


def test_estimates_from_full_precision_are_far_closer_than_those_from_8_bit():
    """16 bit lose the digits of what coring made black around the head."""
    fusion = fuse(volume(head(shape=(3, 160, 160), seed=0)), volume(head(shape=(3, 160, 160), seed=1)), device="cpu")

    def error(stored):
        guess = estimate(stored, fusion.recipe, samples=4, device="cpu")
        return np.abs(guess.first.array - fusion.first.array)[fusion.first.array > 0].mean()

    whole, rounded = (error(stored) for stored in (fusion.fused, as_integers(fusion.fused, np.dtype(np.uint8))))
    assert error(as_integers(fusion.fused, np.dtype(np.int16))) < 0.3 * rounded
    assert whole < 0.1 * rounded


def test_each_kind_of_estimate_has_its_own_scale_of_the_spread(exchanging_model, tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "OUTER_OF_WINDOW", 2.0)  # the small model's latents are not everywhere as noisy as they are to be
    folder = tmp_path / "exchanging"
    shutil.copytree(exchanging_model, folder)
    card = json.loads((folder / model_card.CARD).read_text())
    (folder / model_card.CARD).write_text(json.dumps(card | {"spread_scale": 2.0, "spread_scale_rounded": 1.0}))
    fusion = fuse(volume(head(seed=0)), volume(head(seed=1)), model=exchanging_model, device="cpu")
    record = {name: value for name, value in fusion.recipe.record.items() if name != "sketches"}  # by which any spread would be put right
    fusion = replace(fusion, recipe=replace(fusion.recipe, record=record))
    for stored, ratio in ((fusion.fused, 2.0), (as_integers(fusion.fused, np.dtype(np.uint8)), 1 / 3)):
        one, other = (estimate(stored, fusion.recipe, samples=2, model=str(model), device="cpu").first_spread.array
                      for model in (exchanging_model, folder))
        np.testing.assert_allclose(other, ratio * one, rtol=1e-4, atol=1e-6)
        assert one.max() > 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_background_comes_back_as_background_from_integers(dtype):
    fusion = fuse(volume(head(shape=(3, 96, 100), seed=0)), volume(head(shape=(3, 96, 100), seed=1)), device="cpu")
    stored = as_integers(fusion.fused, np.dtype(dtype))
    assert (stored.values != 0).all(), "rounding moved the background, which is to be put right"
    guess = estimate(stored, fusion.recipe, samples=2, device="cpu")
    outside = ndimage.binary_erosion((fusion.first.array == 0) & (fusion.second.array == 0), np.ones((1, 9, 9)))
    inside = np.zeros_like(outside)
    for box in record_of(fusion.recipe).boxes:
        inside[box.index] = True
    assert (outside & inside).sum() > 100
    for guessed, record in zip((guess.first, guess.second), fusion.recipe.sources):
        assert np.abs(guessed.array[outside & inside]).mean() < 1e-4 * record.normalization(0).scale


def test_the_same_weights_with_other_settings_are_another_model(exchanging_model, tiny_model):
    assert find_card(exchanging_model).sha256 == find_card(tiny_model).sha256
    fusion = fuse(volume(head(seed=0)), volume(head(seed=1)), model=exchanging_model, device="cpu")
    with pytest.raises(ModelError, match="other weights or settings"):
        decompose(fusion.fused, fusion.latent, fusion.recipe, model=tiny_model, device="cpu")


def test_what_another_arithmetic_fused_is_refused(exchanging_model, monkeypatch):
    """The same weights and settings gave other voxels before the exchange went around the middle of a cell."""
    fusion = fuse(volume(head(seed=0)), volume(head(seed=1)), model=exchanging_model, device="cpu")
    monkeypatch.setattr(fusioninn_card, "ARITHMETIC", fusioninn_card.ARITHMETIC + 1)
    with pytest.raises(ModelError, match="another version"):
        decompose(fusion.fused, fusion.latent, fusion.recipe, model=exchanging_model, device="cpu")


def test_a_slice_that_somebody_smoothed_is_seen_and_the_others_are_not_worse_for_it():
    fusion = fuse(volume(head(shape=(4, 160, 160), seed=0)), volume(head(shape=(4, 160, 160), seed=1)), device="cpu")
    changed = fusion.fused.array.copy()
    changed[2] = ndimage.gaussian_filter(changed[2], 0.4)
    before, after = (estimate(replace(fusion.fused, array=array), fusion.recipe, samples=4, device="cpu")
                     for array in (fusion.fused.array, changed))
    inside = fusion.first.array > 0
    spread = [after.first_spread.array[k][inside[k]].mean() for k in range(4)]
    assert spread[2] > 3 * spread[1]
    np.testing.assert_array_equal(after.first.array[[0, 1, 3]], before.first.array[[0, 1, 3]])


CHANGES = {"painted": lambda part: np.full_like(part, 922 * CELL), "smoothed": lambda part: ndimage.gaussian_filter(part, 0.6),
           "lightened": lambda part: part + np.float32(0.1003), "nothing": lambda part: part}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_a_part_of_a_slice_is_seen_where_it_is(change):
    fusion = fuse(volume(head(shape=(3, 160, 160), seed=0)), volume(head(shape=(3, 160, 160), seed=1)), device="cpu")
    place = slice(66, 92), slice(66, 92)
    changed = fusion.fused.array.copy()
    changed[1][place] = CHANGES[change](changed[1][place])
    found = changed_places(changed_share(changed[1], np.abs(changed[1]) > 0.05, CELL))
    before, after = (estimate(replace(fusion.fused, array=array), fusion.recipe, samples=4, device="cpu")
                     for array in (fusion.fused.array, changed))
    assert before.warnings == ()
    if change == "nothing":
        assert not found.any() and after.warnings == ()
        np.testing.assert_array_equal(after.first.array, before.first.array)
        return
    assert after.warnings == ("1 of 3 slices of the fused image were changed since it was written, at least in part: the estimate is less "
                              "precise there and its spread larger.",)
    assert found[place].all() and not found[:36].any() and not found[:, 124:].any()
    assert after.first_spread.array[1][place].mean() > 3 * before.first_spread.array[1][place].mean()
    assert after.first_spread.array[1][:36].mean() < 1.1 * before.first_spread.array[1][:36].mean()
    np.testing.assert_array_equal(after.first.array[[0, 2]], before.first.array[[0, 2]])


def test_what_was_rounded_is_said_on_the_command_line(tmp_path, capsys):
    fusion = fuse(volume(head(shape=(3, 96, 100), seed=0)), volume(head(shape=(3, 96, 100), seed=1)), device="cpu")
    for dtype, expected in ((np.int16, False), (np.uint8, True)):
        path = tmp_path / f"{np.dtype(dtype)}.nii"
        write_nifti(as_integers(fusion.fused, np.dtype(dtype)), path, extension=to_extension(fusion.recipe))
        assert main(["decompose", str(path), "--estimate", "--samples", "1", "--out", str(tmp_path / path.stem), "--device", "cpu"]) == 0
        assert ("it was rounded, smoothed" in capsys.readouterr().err) == expected


def test_background_of_fused_images_is_nothing_to_a_similarity():
    """SSIM's constants see an offset of a thousandth over flat background, which no eye does."""
    fusion = fuse(volume(head(shape=(3, 96, 100), seed=0)), volume(head(shape=(3, 96, 100), seed=1)), device="cpu")
    outside = np.ones(fusion.fused.shape, bool)
    for box in record_of(fusion.recipe).boxes:
        outside[box.index] = False
    assert outside.any() and (fusion.fused.array[outside] == 0).all() and record_of(fusion.recipe).background[0] == 0


def test_background_moves_to_both_sides_when_digits_are_exchanged():
    images = torch.stack([torch.zeros(1, 64, 64), torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(0))], 1)
    fused = DigitExchange(CELL)(images)[0][:, 0]
    assert fused.abs().max() <= CELL / 2 and abs(fused.mean()) < CELL / 50


def test_what_was_made_black_comes_back_exactly(exchanging_model):
    first, second = (volume(head(shape=(3, 96, 100), seed=seed)) for seed in (0, 1))
    fusion = fuse(first, second, model=exchanging_model, device="cpu")
    inside = np.zeros(fusion.fused.shape, bool)
    for box in record_of(fusion.recipe).boxes:
        inside[box.index] = True
    black = (np.abs(fusion.fused.array) < 1e-7) & inside
    assert black.sum() > 300 and (fusion.fused.array[black] != 0).any()
    exact = decompose(fusion.fused, fusion.latent, fusion.recipe, model=exchanging_model, device="cpu")
    for found, source in zip(exact, (first, second)):
        np.testing.assert_array_equal(found.array, source.array)
