"""Tests of DDFM's priors: the Gaussian against theory, at other sizes, and what of a model folder is read and refused."""
import hashlib
import json
import pickle
import sys

import numpy as np
import pytest
import torch

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import model_card, weights
from FusionINNLib.methods.ddfm import prior
from FusionINNLib.methods.ddfm.frame import Frame
from FusionINNLib.methods.ddfm.prior import GaussianPrior, UNetPrior
from FusionINNLib.methods.diffusion.schedule import alphas_cumprod, clean_of, noised
from FusionINNLib.methods.diffusion.unet import unet


def spectrum_of(side):
    """Falling with the square of the frequency, as those of photographs and of heads do."""
    rows, columns = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
    return 1e-3 / (rows ** 2 + columns ** 2 + 1e-3)


def fields(count, side=32, seed=0):
    """A mean image, and images (count, side, side) drawn from the Gaussian of `spectrum_of` around it."""
    white = torch.randn(count, side, side, generator=torch.Generator().manual_seed(seed))
    mean = torch.linspace(-1, 0.5, side)[:, None] * torch.ones(side)
    return mean, mean + torch.fft.irfft2(torch.fft.rfft2(white, norm="ortho") * spectrum_of(side).sqrt(), (side, side), norm="ortho")


def test_mean_and_spectrum_are_found():
    mean, images = fields(4000)
    fitted = GaussianPrior.fit(images)
    torch.testing.assert_close(fitted.mean, mean, rtol=0, atol=0.1)
    assert float((fitted.spectrum / spectrum_of(32)).log().abs().mean()) < 0.03


@pytest.mark.parametrize("step", [5, 100, 400, 900])
def test_its_error_is_the_least_there_can_be(step):
    """sum S (1 - a) / (a S + 1 - a) over all frequencies, for images of its own Gaussian; noise and x0 agree with each other."""
    mean, images = fields(1500, seed=1)
    made, kept = GaussianPrior(mean, spectrum_of(32)), float(alphas_cumprod()[step])
    x = noised(images[:, None], torch.randn(1500, 1, 32, 32, generator=torch.Generator().manual_seed(2)), kept)
    power = torch.fft.fft2(torch.fft.irfft2(spectrum_of(32), (32, 32))).real  # of every frequency, not half of them
    least = float((power * (1 - kept) / (kept * power + 1 - kept)).mean())
    error = float((made.clean(x, step) - images[:, None]).square().mean())
    assert error == pytest.approx(least, rel=0.02)
    torch.testing.assert_close(clean_of(x, made(x, step), kept), made.clean(x, step), rtol=0, atol=1e-3)


@pytest.mark.parametrize("side", [24, 32, 33, 48])
def test_at_another_size_it_knows_the_same_field_of_view(side):
    """A cosine of three cycles across, drawn with many amplitudes: where its power lies, and how much, goes with the size."""
    def waves(side):
        across = torch.cos(2 * torch.pi * 3 * torch.arange(side) / side)[None] * torch.ones(side, 1)
        return torch.linspace(-1, 1, 41)[:, None, None] * across

    found, expected = GaussianPrior.fit(waves(32)).resized(side), GaussianPrior.fit(waves(side))
    assert found.mean.shape == (side, side) and found.spectrum.shape == (side, side // 2 + 1)
    place = int(found.spectrum.argmax())
    assert place == int(expected.spectrum.argmax()) == 3
    assert float(found.spectrum.flatten()[3]) == pytest.approx(float(expected.spectrum.flatten()[3]), rel=1e-3)
    assert float(found.spectrum.flatten()[[0, 1, 2, 4]].max()) < 1e-3 * float(found.spectrum.max())


def test_the_gaussian_works_on_the_square_around_a_slice():
    made = GaussianPrior(torch.zeros(32, 32), torch.ones(32, 17))
    frame, same = made.placed((32, 20), (slice(3, 30), slice(2, 18)))
    assert (frame, same is made) == (Frame(0, 32, -6, 26), True)
    frame, other = made.placed((40, 48), (slice(0, 40), slice(0, 48)))
    assert frame == Frame(-4, 44, 0, 48) and other.mean.shape == (48, 48)


def test_the_network_sees_the_head_and_a_margin_in_multiples():
    made = UNetPrior(unet((8, 16, 16)), 4)
    frame, _ = made.placed((100, 90), (slice(30, 61), slice(2, 88)))
    assert frame == Frame(22, 70, 0, 92)  # 22..69 and 0..90, lengthened to multiples of 4
    assert made(torch.zeros(1, 1, 48, 92), 3).shape == (1, 1, 48, 92)


# ---- model folders ---------------------------------------------------------------------------------------------------------------


def folder_of(path, state, **card):
    path.mkdir()
    weights.write(path, state, {"id": path.name, "description": "for tests", "method": "ddfm", **card})
    return model_card.find(str(path))


def test_a_gaussian_survives_its_model_folder(tmp_path):
    mean, images = fields(50)
    made = GaussianPrior.fit(images)
    read = prior.load(folder_of(tmp_path / "gaussian", made.stored(), prior={"kind": "gaussian"}))
    assert isinstance(read, GaussianPrior)
    torch.testing.assert_close(read.mean, made.mean, rtol=0, atol=1e-3)
    torch.testing.assert_close(read.spectrum, made.spectrum, rtol=1e-2, atol=0)


def test_a_network_survives_its_model_folder(tmp_path):
    network = unet((8, 16))
    torch.nn.init.normal_(network.out[-1].conv.weight, std=0.1)
    state = {name: weight.half() for name, weight in network.state_dict().items()}
    read = prior.load(folder_of(tmp_path / "unet", state, prior={"kind": "unet", "channels": [8, 16]}))
    x = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(read(x, 50), UNetPrior(network, 2)(x, 50), rtol=0, atol=1e-2)


@pytest.mark.parametrize("state, card, words", [
    ({"mean": torch.zeros(4, 4)}, {"prior": {"kind": "gaussian"}}, "do not fit its card"),
    ({"mean": torch.zeros(4, 4), "log_spectrum": torch.zeros(4, 4)}, {"prior": {"kind": "gaussian"}}, "do not fit its card"),
    ({"mean": torch.zeros(4, 4)}, {"prior": {"kind": "unet", "channels": [8, 16]}}, "do not fit its card"),
    ({"mean": torch.zeros(4, 4)}, {"prior": {"kind": "unet", "channels": "many"}}, "card of model 'x' is damaged"),
    ({"mean": torch.zeros(4, 4)}, {}, "card of model 'x' is damaged")])
def test_what_makes_no_prior_is_refused(tmp_path, state, card, words):
    with pytest.raises(ModelError, match=words):
        prior.load(folder_of(tmp_path / "x", state, **card))


def test_an_unknown_kind_of_prior_is_refused(tmp_path):
    state = GaussianPrior(torch.zeros(4, 4), torch.ones(4, 3)).stored()
    with pytest.raises(ModelError, match="damaged"):
        prior.load(folder_of(tmp_path / "x", state, prior={"kind": "oracle"}))


def test_weights_execute_no_code(tmp_path):
    """A pickle that would write a file when it is read: it is refused, and no file is there."""
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "sprung"), "w")

    card = folder_of(tmp_path / "x", {}, prior={"kind": "gaussian"})
    (card.folder / "weights.pt").write_bytes(pickle.dumps(Trap(), protocol=2))
    text = json.loads((card.folder / "card.json").read_text())
    text["sha256"] = hashlib.sha256((card.folder / "weights.pt").read_bytes()).hexdigest()
    (card.folder / "card.json").write_text(json.dumps(text))
    with pytest.raises(ModelError, match="do not fit its card"):
        prior.load(model_card.find(str(card.folder)))
    assert not (tmp_path / "sprung").exists()


def test_without_monai_the_gaussian_goes_on(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.networks.nets.diffusion_model_unet", None)
    card = folder_of(tmp_path / "unet", {}, prior={"kind": "unet", "channels": [8, 16]})
    with pytest.raises(ModelError, match="needs the packages monai and einops: install them"):
        prior.load(card)
    assert isinstance(prior.load(model_card.find("ddfm-gaussian")), GaussianPrior)


def test_the_shipped_gaussian_is_of_heads():
    """Dark around, brighter in the middle, left like right; most of the power in what is coarse."""
    made = prior.load(model_card.find("ddfm-gaussian"))
    assert made.mean.shape == (240, 240) and float(made.mean[:20].max()) < -0.98
    assert float(made.mean[100:140, 100:140].mean()) > -0.7
    assert np.corrcoef(made.mean.flatten(), made.mean.flip(-1).roll(1, -1).flatten())[0, 1] > 0.9
    assert float(made.spectrum[:10, :10].mean()) > 1e3 * float(made.spectrum[100:140, 100:].mean())
