"""Tests of DDFM slice by slice: equal sources, what lies between them, the finding about the released step, seeds and batches."""
import json

import numpy as np
import pytest
import torch
from PIL import Image

from FusionINNLib.methods import model_card
from FusionINNLib.methods.ddfm import prior as priors
from FusionINNLib.methods.ddfm.em import STEPS
from FusionINNLib.methods.ddfm.prior import GaussianPrior, UNetPrior
from FusionINNLib.methods.ddfm.sampler import Settings, noise_of_slice, sample
from FusionINNLib.methods.diffusion.unet import unet
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.io import read_volume

SIDE = 32
GREY = 127.5  # of the diffusion's scale


def network():
    torch.manual_seed(0)
    made = unet((8, 16))
    torch.nn.init.normal_(made.out[-1].conv.weight, std=0.05)
    return UNetPrior(made, 2)


PRIORS = {"gaussian": GaussianPrior(torch.full((SIDE, SIDE), -0.5), torch.full((SIDE, SIDE // 2 + 1), 0.05)), "unet": network(),
          "none": lambda x, step: torch.zeros_like(x)}


def pair(count=1, seed=0):
    """Smooth images (count, 1, SIDE, SIDE) with background around."""
    coarse = torch.rand(2 * count, 1, 6, 6, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    images = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic").clamp(-1, 1)
    images[..., :4], images[..., -4:] = -1, -1
    return images[:count], images[count:]


def fused(first, second, prior, seed=0, numbers=None, **settings):
    with torch.inference_mode():
        noise = [noise_of_slice(seed, k) for k in (numbers or range(len(first)))]
        return sample(first, second, prior, Settings(**settings), noise).fused


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("em", STEPS)
def test_equal_sources_come_out_as_they_are(em, name, sampler):
    image, _ = pair()
    torch.testing.assert_close(fused(image, image, PRIORS[name], em=em, sampler=sampler, steps=50), image, rtol=0, atol=1e-4)


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
@pytest.mark.parametrize("name", PRIORS)
def test_the_released_step_leaves_no_pixel_outside_of_both_sources(name, sampler):
    first, second = pair()
    result = fused(first, second, PRIORS[name], sampler=sampler, steps=30)
    assert float((torch.minimum(first, second) - result).max()) < 1e-3 and float((result - torch.maximum(first, second)).max()) < 1e-3
    assert float((result - first).abs().mean()) > 0.05 and float((result - second).abs().mean()) > 0.05


def test_values_beyond_the_scale_stay():
    """A source brighter than the scale's white, which the prior cannot believe in."""
    first, second = pair()
    first[..., 10:14, 10:14] = second[..., 10:14, 10:14] = 1.6
    result = fused(first, second, PRIORS["gaussian"], steps=50)
    torch.testing.assert_close(result[..., 11:13, 11:13], first[..., 11:13, 11:13], rtol=0, atol=1e-3)


@pytest.mark.parametrize("em", STEPS)
def test_with_all_that_is_published_settings_count(em):
    first, second = pair()
    usual = fused(first, second, PRIORS["gaussian"], em=em, steps=20)
    for changed in ({"sampler": "ancestral"}, {"steps": 21}, {"update_scales": False}, {"eta": 0.5}):
        assert float((fused(first, second, PRIORS["gaussian"], **{"em": em, "steps": 20} | changed) - usual).abs().max()) > 1e-4, changed


def test_the_same_seed_gives_the_same_whatever_the_batch():
    first, second = pair(4)
    whole = fused(first, second, PRIORS["gaussian"], steps=20, numbers=[3, 4, 5, 6])
    assert torch.equal(whole, fused(first, second, PRIORS["gaussian"], steps=20, numbers=[3, 4, 5, 6]))
    order = [2, 0, 3, 1]
    turned = fused(first[order], second[order], PRIORS["gaussian"], steps=20, numbers=[5, 3, 6, 4])
    torch.testing.assert_close(turned, whole[order], rtol=0, atol=1e-5)
    alone = fused(first[2:3], second[2:3], PRIORS["gaussian"], steps=20, numbers=[5])
    torch.testing.assert_close(alone, whole[2:3], rtol=0, atol=1e-5)
    for other in (fused(first, second, PRIORS["gaussian"], steps=20, seed=1, numbers=[3, 4, 5, 6]),
                  fused(first, second, PRIORS["gaussian"], steps=20, numbers=[4, 5, 6, 7])):
        assert float((other - whole).abs().max()) > 1e-3


def test_fresh_noise_goes_by_the_slice_too():
    first, second = pair(2)
    whole = fused(first, second, PRIORS["gaussian"], steps=20, sampler="ancestral")
    alone = fused(first[1:], second[1:], PRIORS["gaussian"], steps=20, sampler="ancestral", numbers=[1])
    torch.testing.assert_close(alone, whole[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("em", STEPS)
def test_flat_slices_stay_finite(em):
    flat = torch.full((1, 1, SIDE, SIDE), -1.0)
    for other in (flat, torch.zeros_like(flat), flat + 1e-6):
        assert torch.isfinite(fused(flat, other, PRIORS["gaussian"], em=em, steps=20)).all()


def test_each_step_is_told_and_can_stop_the_work():
    told = []

    def on_step(images):
        told.append(images)
        if len(told) == 3:
            raise KeyboardInterrupt

    first, second = pair(2)
    with pytest.raises(KeyboardInterrupt):
        sample(first, second, PRIORS["gaussian"], Settings(steps=10), [noise_of_slice(0, k) for k in range(2)], on_step)
    assert told == [2, 2, 2]


# ---- the finding: as released it is the average ----------------------------------------------------------------------------------


def _differences(pairs):
    """Mean absolute differences to the average in grey levels, of 100 released steps with the shipped Gaussian prior."""
    found = []
    for k, (first, second) in enumerate(pairs):
        _, prior = priors.load(model_card.find("ddfm-gaussian")).placed(first.shape, (slice(0), slice(0)))
        first, second = (torch.from_numpy(2 * image - 1)[None, None] for image in (first, second))
        found.append(GREY * float((fused(first, second, prior, numbers=[k]) - (first + second) / 2).abs().mean()))
    return found


def test_released_on_t1ce_and_flair_it_is_the_average(shared_folder):
    case = shared_folder / "data/brats18/Brats18_TCIA02_370_1"
    volumes = (read_volume(case / f"{name}.nii.gz").array for name in ("t1ce", "flair"))
    first, second = (fit_volume(array).apply(array) for array in volumes)
    differences = _differences([(first[k], second[k]) for k in (60, 90)])
    assert 0.02 < min(differences) and max(differences) < 1


def test_released_on_ct_and_mri_it_is_the_average(shared_folder):
    folder = shared_folder / "data/harvard"
    held_out = json.loads((folder / "splits.json").read_text())["ct-mri"]["val"]["ids"]

    def image(name):
        return np.asarray(Image.open(folder / "ct-mri" / name).convert("L"), np.float32) / 255

    differences = _differences([(image(f"{name}_a.png"), image(f"{name}_b.png")) for name in held_out[::4][:2]])
    assert 0.02 < min(differences) and max(differences) < 1
