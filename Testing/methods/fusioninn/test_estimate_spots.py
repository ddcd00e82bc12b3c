"""What a fused image does not tell of single voxels is in its record, and where no network worked an estimate says how little it knows."""
from dataclasses import replace

import numpy as np
import pytest

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.boxes import Box
from FusionINNLib.methods.fusioninn import spots
from FusionINNLib.methods.fusioninn.outside import spread_outside, what_is_outside
from FusionINNLib.methods.fusioninn.record import of_slices, record_of
from FusionINNLib.pipeline import estimate, fuse
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume


@pytest.fixture(scope="module")
def spotted():
    """Smooth heads that differ wildly in single voxels, as a diffusion fit does at the edge of a head."""
    return fuse_wild(0.01)


def fuse_wild(share: float):
    """Fusion of two heads of which so many voxels differ wildly, and where the heads are."""
    generator = np.random.default_rng(3)
    k, j, i = np.mgrid[:3, :80, :80]
    head = (j - 40) ** 2 + (i - 40) ** 2 < 26 ** 2
    first, second = (head * (0.4 + 0.2 * np.sin(j / shape) * np.cos(i / shape) + 0.01 * generator.standard_normal(head.shape))
                     for shape in (5, 7))
    wild = head & (generator.random(head.shape) < share)
    first[wild] = generator.uniform(0.2, 1.2, wild.sum())
    second[wild] = 0.05
    volumes = [Volume(np.float32(array * 1000), np.diag([1.0, 1.0, 3.0, 1.0]), name) for array, name in ((first, "a"), (second, "b"))]
    return fuse(*volumes, device="cpu"), head


def largest_error(fusion, recipe, head) -> float:
    """The largest error of both estimates inside the head, as a share of the range of the sources."""
    found = estimate(fusion.fused, recipe, samples=4, device="cpu")
    return max(float(np.abs(guess.array - source.array)[head].max() / np.ptp(source.array))
               for guess, source in ((found.first, fusion.first), (found.second, fusion.second)))


def test_an_estimate_has_no_spots(spotted):
    fusion, head = spotted
    record = record_of(fusion.recipe)
    assert 5 < record.spots.slices.size < 400
    without = replace(fusion.recipe, record={key: value for key, value in fusion.recipe.record.items() if key != "spots"})
    assert largest_error(fusion, without, head) > 0.05, "as it would be, and as files from before are"
    assert largest_error(fusion, fusion.recipe, head) < 0.02


def test_what_a_checksum_says_is_as_it_was_written_is_not_told_to_be_changed():
    """Slices so wild that their digits do not look like those of latents."""
    fusion, head = fuse_wild(0.15)
    found = estimate(fusion.fused, fusion.recipe, samples=4, device="cpu")
    assert found.warnings == () and found.trust is Trust.AS_WRITTEN
    assert largest_error(fusion, fusion.recipe, head) < 0.1
    older = {key: value for key, value in fusion.recipe.record.items() if key != "sketches"}
    assert "changed since" in " ".join(estimate(fusion.fused, replace(fusion.recipe, record=older), samples=4, device="cpu").warnings)


def test_spots_are_kept_with_their_places(spotted):
    fusion, _ = spotted
    record = record_of(fusion.recipe)
    again = spots.from_text(record.spots.to_text(), fusion.recipe.shape)
    for name in ("slices", "rows", "columns", "latents"):
        np.testing.assert_array_equal(getattr(again, name), getattr(record.spots, name))
    found = fusion.latent.array[again.slices, again.rows, again.columns]
    np.testing.assert_array_equal(found, again.latents)
    parts = record_of(of_slices(fusion.recipe, [2, 0])).spots
    for place, k in enumerate([2, 0]):
        np.testing.assert_array_equal(parts.latents[parts.slices == place], again.latents[again.slices == k])
    rows, columns, latents = again.within((1, slice(16, 48), slice(8, 72)))
    np.testing.assert_array_equal(fusion.latent.array[1, 16:48, 8:72][rows, columns], latents)
    assert 0 < latents.size < (again.slices == 1).sum()


@pytest.mark.parametrize("wrong", ["AAAA", "!", 7, spots.put_together([(3, np.array([0]), np.array([0]), np.float32([1]))]).to_text(),
                                   spots.put_together([(0, np.array([0]), np.array([0]), np.float32([np.nan]))]).to_text()])
def test_spots_that_cannot_be_are_refused(wrong, spotted):
    fusion, _ = spotted
    with pytest.raises(ResultError, match="damaged"):
        record_of(replace(fusion.recipe, record=fusion.recipe.record | {"spots": wrong}))


def test_a_rim_that_no_network_saw_has_a_spread_and_is_told():
    """A head up to the edges of slices of 66 x 67, of which the network takes 64 x 64."""
    generator = np.random.default_rng(0)
    j, i = np.mgrid[:66, :67]
    volumes = [Volume(np.float32(np.stack([shape + 100 * np.sin(i / 9) * np.cos(j / 11) + generator.normal(0, 2, j.shape)] * 2)),
                      np.diag([1.0, 1.0, 3.0, 1.0]), name) for shape, name in ((700, "a"), (400, "b"))]
    fusion = fuse(*volumes, device="cpu")
    found = estimate(fusion.fused, fusion.recipe, samples=4, device="cpu")
    rim = np.ones(fusion.fused.shape, bool)
    for box in record_of(fusion.recipe).boxes:
        rim[box.index] = False
    assert rim.sum() == 2 * (66 * 67 - 64 * 64)
    for guess, spread, source in ((found.first, found.first_spread, fusion.first), (found.second, found.second_spread, fusion.second)):
        error = np.abs(guess.array - source.array)[rim]
        assert 0.7 < np.sqrt((error ** 2).mean() / (spread.array[rim] ** 2).mean()) < 1.4
    assert any("passed no network" in sentence for sentence in found.warnings)


def test_slices_without_a_box_have_the_spread_of_the_others_and_background_none():
    mean = np.zeros((2, 2, 32, 32), np.float32)
    mean[0, 0, 8:24, 8:24], mean[1, 0, 8:24, 8:24] = 0.8, 0.6
    mean[:, 1, 8:24, 8:24] = 0.7
    spread = np.zeros_like(mean)
    assert spread_outside(mean, spread, (Box(0, 0, 32, 0, 32),)) == 256
    np.testing.assert_allclose(spread[:, 1, 8:24, 8:24], 0.1, rtol=1e-5)
    assert not spread[:, 0].any() and not spread[:, 1, :8].any() and what_is_outside(0) == ()
    assert spread_outside(mean, spread, ()) == 512
    np.testing.assert_allclose(spread[:, 1, 8:24, 8:24], 0.7, rtol=1e-5)
