"""Padding of every kind leaves the scale to the tissue, and nothing that is tissue or its background is taken for padding."""
import numpy as np
import pytest
from making import head, volume

from FusionINNLib.preprocessing.left_out import left_out
from FusionINNLib.preprocessing.normalization import fit_tissue, kept_apart, scaled, tamed
from FusionINNLib.reports.columns import window
from FusionINNLib.volumes.foreground import finite_values

SHAPE = (12, 60, 64)
INSIDE = head(np.float64, SHAPE) > 0
K, J, X = np.indices(SHAPE)
CORNERS = np.hypot(J - 29.5, X - 31.5) > 29  # outside of a circle
NOISE = np.random.default_rng(4).normal(0, 1, (2, *SHAPE))


def tissue() -> np.ndarray:
    """A head of 100..900 on zeros, without two voxels alike."""
    image = head(np.float64, SHAPE)
    return np.where(INSIDE, 100 + 0.85 * image + 4 * NOISE[0], 0)


def noisy() -> np.ndarray:
    """The same head in noise."""
    return np.hypot(tissue() + 10 * NOISE[0], 10 * NOISE[1])


def padded(dtype, ring, corners, *more, of=tissue) -> np.ndarray:
    """ring: value between head and circle; corners: outside of the circle. None leaves what is there. more: (where, value)."""
    image = of()
    for where, value in ((~INSIDE & ~CORNERS, ring), (CORNERS & ~INSIDE, corners), *more):
        if value is not None:
            image[where] = value
    return (np.rint(image) if np.dtype(dtype).kind in "iu" else image).astype(dtype)


def scattered(share: float, seed: int = 3) -> np.ndarray:
    """A share of the head's voxels, all over."""
    chosen = np.zeros(SHAPE, bool)
    spots = np.flatnonzero(INSIDE)
    chosen.flat[np.random.default_rng(seed).choice(spots, round(share * spots.size), replace=False)] = True
    return chosen


SMALL = np.hypot(np.hypot(J - 30, X - 32), 4 * (K - 6)) < 15
METAL = (abs(J - 30) < 2) & (abs(X - 32) < 2) & (abs(K - 6) < 2)

PADDED = {
    "low and high": (padded("i2", -32768, 32767), {-32768, 32767}),
    "high and low": (padded("i2", 32767, -32768), {-32768, 32767}),
    "below and above the head": (padded("i2", 0, 0, (K < 3, -32768), (K > 9, 32767)), {-32768, 32767}),
    "circle in air": (padded("i2", -300, -1000), {-1000}),
    "circle in far air": (padded("i2", -1024, -2000), {-1024, -2000}),
    "three low": (padded("i2", -300, -3024, (~INSIDE & (K == 0), -2000)), {-2000, -3024}),
    "zeros, low and lower": (padded("i2", 0, -3024, (~INSIDE & (K < 2), -1024)), {-3024, -1024}),
    "-1 and 4095": (padded("i2", -1, 4095), {4095}),
    "4095 and -1": (padded("i2", 4095, -1), {4095}),
    "4095 alone": (padded("i2", 4095, 4095), {4095}),
    "near above": (padded("i2", 0, 1500), {1500}),
    "two high": (padded("i2", 0, 10000, (~INSIDE & (K < 2), 30000)), {10000, 30000}),
    "unsigned": (padded("u2", 0, 65535), {65535}),
    "8 bit": (padded("u1", 0, 255, of=lambda: tissue() / 5), {255}),
    "signed 8 bit": (padded("i1", -128, 127, of=lambda: tissue() / 9), {-128, 127}),
    "32 bit": (padded("i4", -2 ** 31, 2 ** 31 - 1), {-2 ** 31, 2 ** 31 - 1}),
    "64 bit": (padded("i8", -2 ** 40, 2 ** 40), {-2 ** 40, 2 ** 40}),
    "vast": (padded("f4", -1e10, 1e20), {np.float32(-1e10), np.float32(1e20)}),
    "double": (padded("f8", -9999, 9999), {-9999, 9999}),
    "NaN besides": (padded("f4", -1, 4095, (~INSIDE & (K < 4), np.nan)), {4095}),
    "NaN and low": (padded("f4", np.nan, -32768), {-32768}),
    "NaN, infinity and high": (padded("f4", np.nan, 32767, (~INSIDE & (K < 2), np.inf)), {32767}),
    "an ADC map": (padded("f8", -10, 10, of=lambda: tissue() / 300), {-10, 10}),
    "in noise, low": (padded("i2", None, -32768, of=noisy), {-32768}),
    "in noise, high": (padded("i2", None, 4095, of=noisy), {4095}),
    "a thin rim": (padded("i2", 0, 0, (J < 2, -32768)), {-32768}),
    "slices": (padded("i2", 0, 0, (K < 2, -32768)), {-32768}),
    "hot voxels too": (padded("i2", -32768, 32767, (scattered(0.004), 20000)), {-32768, 32767}),
    "many hot voxels too": (padded("i2", -32768, -32768, (scattered(0.03), 20000)), {-32768}),
    "metal too": (padded("i2", -1, 4095, (METAL, 30000)), {4095}),
    "failed fits both ways": (padded("i2", -32768, -32768, (scattered(0.01), -9000), (scattered(0.01, 5), 30000)), {-32768}),
    "nearly all": (padded("i2", -32768, 32767, (~SMALL & ~CORNERS, -32768)), {-32768, 32767}),
    "nearly all, with hot voxels": (padded("i2", -32768, 32767, (~SMALL & ~CORNERS, -32768), (SMALL & scattered(0.05), 20000)),
                                    {-32768, 32767}),
}

_SATURATED = np.minimum(4 * tissue(), 2400)
_COIL = np.minimum(noisy() * np.exp(-X / 20) * 5 + 10, 2400)
ORDINARY = {
    "zeros": padded("i2", None, None),
    "noise": padded("i2", None, None, of=noisy),
    "zeros outside of a circle, noise within": padded("i2", None, 0, of=noisy),
    "saturated": _SATURATED.astype("i2"),
    "saturated in noise": np.minimum(4 * noisy(), 2400).astype("i2"),
    "saturated near the coil": _COIL.astype("i2"),
    "saturated 8 bit": np.minimum(tissue() / 2, 255).astype("u1"),
    "one bright value inside": padded("i2", 0, 0, (INSIDE & (np.hypot(J - 30, X - 32) < 8), 2000)),
    "air": padded("i2", -300, -300),
    "an ADC map on zeros": (tissue() / 300).astype("f4"),
    "narrow tissue on zeros": np.where(INSIDE, 200 + 0.6 * tissue(), 0).astype("i2"),
    "a mask": INSIDE.astype("u1"),
    "labels": np.digitize(tissue(), [50, 300, 500, 700]).astype("u1"),
    "far labels": np.where(INSIDE, 200 * np.digitize(tissue(), [50, 300, 500, 700]), 0).astype("i2"),
    "z-scores": ((tissue() - 500) / 200 * INSIDE).astype("f4"),
}


@pytest.mark.parametrize("name", PADDED)
def test_padding_is_background_and_tissue_gives_the_scale(name):
    array, values = PADDED[name]
    found = fit_tissue(array)
    assert set(found.padding) == values
    apart = kept_apart(array, found)
    entering = scaled(tamed(array, found, apart), found.normalization)
    padding = np.isin(array, list(values))
    assert apart[padding].all() and (entering[padding] == 0).all()
    usual = tissue() if array.dtype.kind == "f" and found.normalization.scale < 10 else tissue().astype(array.dtype)
    inside = INSIDE & ~apart & np.isfinite(array)
    spread = np.percentile(entering[inside], 95) - np.percentile(entering[inside], 5)
    alone = scaled(usual, fit_tissue(usual).normalization)[inside]
    assert spread > 0.5 * (np.percentile(alone, 95) - np.percentile(alone, 5)) > 0.1
    told = left_out(volume(array, "scan"))[0]
    assert told.startswith("scan: ") and "taken as padding" in told
    assert all(f"{np.count_nonzero(array == value)} voxels" in told and f"hold {float(value):g}" in told for value in values)


@pytest.mark.parametrize("name", ORDINARY)
def test_nothing_else_is_taken_for_padding(name):
    array = ORDINARY[name]
    found = fit_tissue(array)
    assert found.padding == () and not any("padding" in said for said in left_out(volume(array, "scan")))
    assert not kept_apart(array, found).any() or name == "one bright value inside"


@pytest.mark.parametrize("rules, values", [([-32768, -32768], {-32768}), ([-32768, 32767], {-32768, 32767}), ([4095, 4095], {4095})])
def test_what_interpolation_left_between_padding_and_tissue_has_no_part_in_the_scale(rules, values):
    from scipy.ndimage import shift, zoom

    array = padded("f8", *rules)
    fine = shift(zoom(array, (1, 4, 4), order=0), (0, 0.4, 0.3), order=1, mode="nearest").astype(np.float32)
    found, alone = fit_tissue(fine), fit_tissue(zoom(tissue(), (1, 4, 4), order=0))
    assert set(found.padding) == values
    assert 0.6 < found.normalization.scale / alone.normalization.scale < 2


def blended(array) -> np.ndarray:
    """On a finer grid, moved by a part of a voxel: values up to near the brightest lie at every border."""
    from scipy.ndimage import shift, zoom

    return shift(zoom(array, (1, 4, 4), order=0), (0, 0.1, 0.2), order=1, mode="nearest").astype(np.float32)


def test_bright_padding_that_blends_with_the_rest_must_hold_much_of_the_border():
    assert fit_tissue(blended(padded("f8", 0, 1500))).padding == (1500,)
    beside = blended(np.where((J < 6) & (abs(X - 32) < 12), 1500, tissue()))  # an arm, or what else reaches into the picture
    assert fit_tissue(beside).padding == ()


def test_few_wild_voxels_of_one_value_in_the_head_are_no_padding():
    wild = INSIDE & (np.hypot(J - 30, X - 32) < 6.5)
    found = fit_tissue(np.where(wild, 10000, tissue()).astype("i2"))
    assert 0.02 < wild.mean() < 0.05 and found.padding == () and found.high is not None and found.high < 10000


def test_a_window_and_a_registration_know_all_padding():
    array = padded("i2", -1, 4095)
    low, high = window(volume(array, "scan"), 0)
    assert -10 <= low < 200 and 700 < high < 1100
    both = padded("i2", -32768, 32767)
    assert 0 < finite_values(volume(both, "scan")).min() and finite_values(volume(both, "scan")).max() < 1200
