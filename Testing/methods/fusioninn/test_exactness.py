"""Which slices are fused the careful way, and which are given up."""
import numpy as np
import pytest
import torch
from making import head

from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.exactness import allowed_error, fuse_exactly
from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.preprocessing.normalization import Normalization
from FusionINNLib.results.recipe import SourceRecord, pack_not_finite


@pytest.fixture
def engine(tiny_model):
    return Engine(model_folder.load(find_card(tiny_model)), torch.device("cpu"))


def sources(count=3):
    return [np.random.default_rng(seed).random((count, 32, 32), np.float32) for seed in range(2)]


def limits(value, count=3):
    return np.full((2, count), value)


def test_ordinary_slices_cost_nothing(engine, monkeypatch):
    expected = engine.fuse(*sources())
    monkeypatch.setattr(engine, "fuse_precisely", None)
    monkeypatch.setattr(engine, "decompose", None)
    fused, latent, exact = fuse_exactly(engine, sources(), limits(1e-4))
    assert exact.all()
    np.testing.assert_array_equal(fused, expected[0])
    np.testing.assert_array_equal(latent, expected[1])


def test_fine_steps_are_fused_in_double(engine, tiny_model):
    network = model_folder.load(find_card(tiny_model)).double()
    with torch.inference_mode():
        wanted = network.fuse(torch.tensor(np.stack(sources(), 1), dtype=torch.float64))
    strict = limits(1e-4)
    strict[1, 1] = 3e-6  # the middle slice alone
    fused, latent, exact = fuse_exactly(engine, sources(), strict)
    assert exact.all()
    plain = engine.fuse(*sources())
    for got, careful, fast in zip((fused, latent), wanted, plain):
        np.testing.assert_array_equal(got[1], careful[1, 0].float().numpy())
        np.testing.assert_array_equal(got[[0, 2]], fast[[0, 2]])
        assert (got[1] != fast[1]).any(), "float64 gives what float32 gives: this test shows nothing"


def test_what_does_not_come_back_is_said(engine, monkeypatch):
    assert not fuse_exactly(engine, sources(), limits(0.0))[2].any()
    monkeypatch.setattr(engine, "fuse", lambda a, b: (np.full_like(a, np.nan), b))
    monkeypatch.setattr(engine, "fuse_precisely", lambda a, b: (np.full_like(a, np.nan), b))
    assert not fuse_exactly(engine, sources(), limits(1e9))[2].any()


@pytest.mark.parametrize("array, is_whole", [(head("u1", top=200), True), (head("i4"), True), (head("i4") * 1000, False),
                                             (head("f4"), False)])
def test_what_is_allowed(array, is_whole):
    def record(stored):
        return SourceRecord("", stored.dtype.name, 1.0, 0.0, False, (Normalization(0.0, 1.0),), pack_not_finite(stored))

    allowed = 0.25 if is_whole else 0.5e-5 * np.ptp(array)
    assert allowed_error(array, record(array)) == pytest.approx(allowed)
    if array.dtype.kind == "f":
        array = array.copy()
        array[0, 0, :2] = np.nan, np.inf
        assert allowed_error(array, record(array)) == pytest.approx(allowed)
