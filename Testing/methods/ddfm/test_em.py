"""Tests of both EM steps of DDFM against integrals, closed forms, dense solutions and what they must lower."""
import numpy as np
import pytest
import torch
from scipy import integrate

from FusionINNLib.methods.ddfm import em

PSI, ETA = 0.5, 0.1


def images(count=3, side=24, seed=0):
    """What the prior believes in, and both sources: (1, 1, side, side) float64 in -1..1."""
    return torch.rand(count, 1, 1, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def gradient(x):
    """Each pixel less the one below, less the one to its right, periodic."""
    return torch.cat([x - x.roll(-1, -2), x - x.roll(-1, -1)], 1)


@pytest.mark.parametrize("residual", np.concatenate([np.linspace(0.05, 1.9, 15), -np.geomspace(0.02, 1.0, 5)]))
def test_expectations_are_those_of_the_posterior(residual):
    """Numerical integrals over the variance m of N(r; 0, m) Exp(m; mean 0.7): of 1/m and of m."""
    scale = 0.7

    def weighed(power):
        """Integral in log m, where it is smooth: m to the power times likelihood, prior and dm = m d(log m)."""
        def integrand(u):
            return np.exp((power + 0.5) * u - residual ** 2 / 2 * np.exp(-u) - np.exp(u) / scale)

        return integrate.quad(integrand, -25, 6, limit=400)[0]

    found = em.inverse_variance(torch.tensor(residual), scale)
    assert float(found) == pytest.approx(weighed(-1) / weighed(0), rel=2e-3)
    assert float(1 / found + scale / 2) == pytest.approx(weighed(1) / weighed(0), rel=1e-3)


def test_the_scales_are_means_of_expected_variances():
    believed, first, second = images()
    state = em.start(believed)
    after = em.paper(believed, first, second, state, psi=PSI, eta=ETA).state
    noise, signal = em.inverse_variance(first - believed, 1.0), em.inverse_variance(believed - second, 1.0)
    assert float(after.first_scale) == pytest.approx(float((1 / noise + 0.5).mean()))
    assert float(after.second_scale) == pytest.approx(float((1 / signal + 0.5).mean()))
    kept = em.paper(believed, first, second, state, psi=PSI, eta=ETA, update_scales=False).state
    assert float(kept.first_scale) == float(kept.second_scale) == 1


def test_without_coupling_each_pixel_of_the_papers_step_has_a_closed_form():
    believed, first, second = images()
    noise, signal = em.inverse_variance(first - believed, 1.0), em.inverse_variance(believed - second, 1.0)
    done = em.paper(believed, first, second, em.start(believed), psi=PSI, eta=0)
    torch.testing.assert_close(done.fused, second + noise * (first - second) / (noise + signal), rtol=0, atol=1e-12)
    torch.testing.assert_close(done.fused, done.weight * first + (1 - done.weight) * second, rtol=0, atol=1e-12)


def test_without_coupling_the_released_step_is_a_weighted_mean():
    believed, first, second = images()
    of_second, of_first = em.inverse_variance(first - believed, 1.0), em.inverse_variance(believed - second, 1.0)
    capped = of_first.minimum(2 * of_second)
    assert 0.1 < float((of_first > capped).double().mean()) < 0.9, "both sides of the cap are tried"
    done = em.released(believed, first, second, em.start(believed), psi=PSI, eta=0)
    torch.testing.assert_close(done.fused, (capped * first + of_second * second) / (of_second + capped), rtol=0, atol=1e-6)
    assert 0 < float(done.weight.min()) and float(done.weight.max()) <= 2 / 3 + 1e-12
    loose = em.released(believed, first, second, em.start(believed), psi=PSI, eta=0.001)
    torch.testing.assert_close(loose.fused, done.fused, rtol=0, atol=1e-3)


def test_the_released_step_reflects_the_weight():
    """What was w of the first source between the two becomes 1 - w, within the cap and with equal scales."""
    _, first, second = images()
    for weight in (0.4, 0.5, 0.6):
        done = em.released(weight * first + (1 - weight) * second, first, second, em.start(first), psi=PSI, eta=0)
        far = (first - second).abs() > 0.2
        torch.testing.assert_close(done.weight[far], torch.full_like(done.weight[far], 1 - weight), rtol=0, atol=1e-3)


def test_the_scales_of_the_released_step_follow_the_cap():
    """The code cuts the weight off before it updates the scales."""
    believed, first, second = images()
    of_second, of_first = em.inverse_variance(first - believed, 1.0), em.inverse_variance(believed - second, 1.0)
    after = em.released(believed, first, second, em.start(believed), psi=PSI, eta=ETA).state
    assert float(after.second_scale) == pytest.approx(float((1 / of_first.minimum(2 * of_second) + 0.5).mean()))
    assert float(after.first_scale) == pytest.approx(float((1 / of_second + 0.5).mean()))


def test_the_fourier_solution_is_the_dense_one():
    """(1 + D'D) k = x + D'u on 8 x 8 pixels, D the periodic differences, u those of a k before."""
    x, before, _ = images(side=8)
    differences = gradient(torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)).reshape(64, 128).T  # u = D k
    share = ETA / (2 * PSI + ETA)
    edges = share * differences @ before.flatten()
    dense = torch.linalg.solve(torch.eye(64, dtype=torch.float64) + differences.T @ differences, x.flatten() + differences.T @ edges)
    found, spectrum = em.smoothed(x, torch.fft.rfft2(before), PSI, ETA)
    torch.testing.assert_close(found.flatten(), dense, rtol=0, atol=1e-10)
    torch.testing.assert_close(spectrum, torch.fft.rfft2(found), rtol=0, atol=1e-10)


@pytest.mark.parametrize("eta", [0.001, 0.1, 1.0])
def test_a_sweep_never_raises_what_it_minimises(eta):
    """sum mbar (x-y)^2 + nbar x^2 + psi |u|^2 + eta/2 (|u - grad k|^2 + |k - x|^2), of the paper's step from any x and k."""
    for seed in range(5):
        believed, first, second = images(seed=seed)
        x, y = believed - second, first - second
        before = images(1, seed=100 + seed)[0]
        noise, signal = em.inverse_variance(y - x, 1.0), em.inverse_variance(x, 1.0)

        def objective(x, k, u, noise=noise, signal=signal, y=y):
            return float((noise * (x - y) ** 2 + signal * x ** 2).sum() + PSI * (u ** 2).sum()
                         + eta / 2 * (((u - gradient(k)) ** 2).sum() + ((k - x) ** 2).sum()))

        share = eta / (2 * PSI + eta)
        smooth, _ = em.smoothed(x, torch.fft.rfft2(before), PSI, eta)
        state = em.State(torch.fft.rfft2(before), torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
        after = em.paper(believed, first, second, state, psi=PSI, eta=eta, update_scales=False).fused - second
        values = [objective(x, before, share * gradient(before)), objective(x, smooth, share * gradient(before)),
                  objective(x, smooth, share * gradient(smooth)), objective(after, smooth, share * gradient(smooth))]
        assert all(later <= earlier + 1e-9 for earlier, later in zip(values, values[1:])) and values[-1] < values[0] - 1e-3


@pytest.mark.parametrize("step", em.STEPS.values(), ids=em.STEPS)
def test_residuals_of_nothing_and_of_minus_a_millionth_do_no_harm(step):
    """The released code divides by (y - x + 1e-6)^2, which is 0 at a residual of -1e-6."""
    first = torch.zeros(1, 1, 8, 8)
    for believed in (first, first + 1e-6, first - 1e-6):
        done = step(believed, first, first, em.start(first), psi=PSI, eta=0.001)
        assert torch.isfinite(done.fused).all() and torch.isfinite(done.weight).all() and torch.isfinite(done.state.first_scale).all()


@pytest.mark.parametrize("step", em.STEPS.values(), ids=em.STEPS)
def test_a_slice_does_not_know_the_others_of_its_batch(step):
    believed, first, second = (x.expand(2, -1, -1, -1).clone() for x in images())
    first[1] *= 0.1
    state = em.start(first)
    both = step(believed, first, second, state, psi=PSI, eta=ETA)
    alone = step(believed[:1], first[:1], second[:1], em.start(first[:1]), psi=PSI, eta=ETA)
    torch.testing.assert_close(both.fused[:1], alone.fused)
    assert both.state.first_scale[0] == alone.state.first_scale[0] != both.state.first_scale[1]
