"""The classical methods against what their definitions say."""
import numpy as np
import pytest

from FusionINNLib.methods import registry

RANDOM = np.random.default_rng(2)
FIRST, SECOND = (RANDOM.random((3, 33, 40), np.float32) for _ in range(2))


def fused(name: str, first=FIRST, second=SECOND) -> np.ndarray:
    return registry.create(name).fuse_slices(first, second)


def test_average_and_maximum():
    np.testing.assert_allclose(fused("average"), (FIRST + SECOND) / 2)
    np.testing.assert_array_equal(fused("maximum"), np.maximum(FIRST, SECOND))


CLASSICAL = [name for name, info in registry.METHODS.items() if info.target.startswith("FusionINNLib.methods.classical.")]


@pytest.mark.parametrize("name", CLASSICAL)
def test_an_image_with_itself_is_itself(name):
    np.testing.assert_allclose(fused(name, FIRST, FIRST), FIRST, atol=1e-5)


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 5, 3), (2, 16, 31)])
def test_any_size_any_number(name, shape):
    a, b = RANDOM.random(shape, np.float32), RANDOM.random(shape, np.float32)
    out = fused(name, a, b)
    assert out.shape == shape and np.isfinite(out).all()
    np.testing.assert_allclose(out[0], fused(name, a[:1], b[:1])[0], atol=1e-6)


@pytest.mark.parametrize("name", CLASSICAL)
def test_black_stays_black(name):
    assert not fused(name, np.zeros_like(FIRST), np.zeros_like(FIRST)).any()


@pytest.mark.parametrize("name", ["laplacian", "gradient"])
def test_the_source_with_the_edge_wins(name):
    """A step in one source, nothing in the other: the fused step is nearer to the whole one than the average's half."""
    step = np.zeros((1, 48, 48), np.float32)
    step[:, :, 24:] = 1
    flat = np.full_like(step, 0.5)
    out = fused(name, step, flat)[0, 24]
    assert out[26] - out[21] > 0.75


def test_gradient_weights_follow_the_stronger_edges():
    busy = 0.5 + 0.4 * np.sin(np.arange(64) * 0.8)[None, None, :] * np.ones((1, 64, 1))
    calm = np.full_like(busy, 0.2)
    left, right = busy.copy(), busy.copy()
    left[:, :, 32:], right[:, :, :32] = 0.2, 0.2
    out = fused("gradient", left.astype(np.float32), right.astype(np.float32))
    inner = np.r_[6:24, 40:58]
    assert np.abs(out - busy)[:, :, inner].mean() < 0.15 * np.abs(calm - busy)[:, :, inner].mean()


@pytest.mark.parametrize("name", ["laplacian", "wavelet", "gradient"])
@pytest.mark.parametrize("order", [1, -1])
def test_texture_of_one_source_is_kept_whole(name, order):
    """The average would keep half of it, and a method that takes the weaker details nothing."""
    texture = (0.5 + 0.2 * np.sin(np.arange(64) * 1.3)[None, None, :] * np.ones((1, 64, 1))).astype(np.float32)
    pair = (texture, np.full_like(texture, 0.5))[::order]
    assert fused(name, *pair)[0, 16:48, 16:48].std() > 0.8 * texture[0, 16:48, 16:48].std()
