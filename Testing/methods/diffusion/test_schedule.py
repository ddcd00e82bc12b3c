"""Tests of the diffusion's noise and of its steps back, against MONAI's scheduler and by what they must undo."""
import numpy as np
import pytest
import torch

from FusionINNLib.methods.diffusion import schedule


def test_the_schedule_is_monais():
    """Weights trained with MONAI's scheduler see the same noise here."""
    from monai.networks.schedulers import DDPMScheduler

    theirs = DDPMScheduler(schedule.STEPS, schedule="linear_beta", beta_start=1e-4, beta_end=0.02).alphas_cumprod
    torch.testing.assert_close(schedule.alphas_cumprod().float(), theirs, rtol=2e-5, atol=0)


@pytest.mark.parametrize("steps", [2, 20, 50, 100, 1000])
def test_steps_are_spread_evenly_from_the_last_to_the_first(steps):
    found = schedule.indices(steps)
    assert found == [round(i * 999 / (steps - 1)) for i in range(steps)][::-1]
    assert (found[0], found[-1]) == (999, 0) and len(set(found)) == steps


@pytest.mark.parametrize("steps", [1, 0, 1001])
def test_no_such_number_of_steps(steps):
    with pytest.raises(ValueError, match="2 to 1000 steps"):
        schedule.indices(steps)


def test_an_exact_belief_leads_back_to_the_image():
    """With the very noise that is in it, x0 is the image at every step, and the last step gives it."""
    clean, noise = torch.randn(2, 2, 1, 8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kept, steps = schedule.alphas_cumprod(), schedule.indices(20)
    x = schedule.noised(clean, noise, kept[999])
    for t, after in zip(steps, [*steps[1:], None]):
        believed = schedule.clean_of(x, noise, kept[t])
        torch.testing.assert_close(believed, clean, rtol=0, atol=1e-10)
        torch.testing.assert_close(schedule.noise_of(x, clean, kept[t]), noise, rtol=0, atol=1e-10)
        x = schedule.ddim_step(x, believed, kept[t], 1.0 if after is None else kept[after])
    torch.testing.assert_close(x, clean, rtol=0, atol=1e-10)


def test_the_last_step_gives_what_is_believed_in():
    x, clean = torch.randn(2, 1, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(schedule.ddim_step(x, clean, schedule.alphas_cumprod()[0], 1.0), clean)
    torch.testing.assert_close(schedule.ancestral_step(x, clean, schedule.alphas_cumprod()[0], 1.0, x), clean)


@pytest.mark.parametrize("t", [999, 400, 30])
def test_a_step_with_fresh_noise_is_monais(t):
    """Between neighbours it is MONAI's step of the same prediction, where its 1 - a_t has digits left in float32."""
    from monai.networks.schedulers import DDPMScheduler

    theirs = DDPMScheduler(1000, schedule="linear_beta", beta_start=1e-4, beta_end=0.02, prediction_type="sample", clip_sample=False)
    x, clean = torch.randn(2, 1, 1, 6, 6, generator=torch.Generator().manual_seed(2))
    fresh = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    expected, _ = theirs.step(clean, t, x, torch.Generator().manual_seed(3))
    kept = schedule.alphas_cumprod()
    torch.testing.assert_close(schedule.ancestral_step(x, clean, kept[t], kept[t - 1], fresh), expected, rtol=1e-4, atol=5e-5)


def test_a_long_step_keeps_the_noise_that_its_place_has():
    """From images whose noise is that of step t to those of an earlier one, however far: variances stay those of the diffusion."""
    rng = torch.Generator().manual_seed(4)
    clean, noise, fresh = torch.randn(3, 1, 1, 400, 400, generator=rng)
    kept = schedule.alphas_cumprod()
    x = schedule.ancestral_step(schedule.noised(clean, noise, kept[900]), clean, kept[900], kept[300], fresh)
    left = (x - kept[300].sqrt() * clean) / (1 - kept[300]).sqrt()
    assert np.isclose(float(left.mean()), 0, atol=0.01) and np.isclose(float(left.var()), 1, atol=0.02)
