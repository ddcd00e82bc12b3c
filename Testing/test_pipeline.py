"""There and back without files: exact for every stored type and grid, in numbers; estimates; progress and cancel."""
import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from making import AFFINES, head, noise, volume

from FusionINNLib.errors import Cancelled, CapabilityError, InputError, ModelError, ResultError
from FusionINNLib.methods import devices, model_card
from FusionINNLib.methods.fusioninn import inference, latent_sampling, model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.record import record_of
from FusionINNLib.pipeline import decompose, estimate, fuse, preview
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import recipe_from_dict


def there_and_back(first, second, model, **options):
    fusion = fuse(first, second, model=model, device="cpu", **options)
    return fusion, decompose(fusion.fused, fusion.latent, fusion.recipe, model=model, device="cpu")


def assert_identical(back, source):
    assert back.array.dtype == source.array.dtype
    assert (back.slope, back.intercept, back.unit) == (source.slope, source.intercept, source.unit)
    np.testing.assert_array_equal(back.array, source.array)
    np.testing.assert_array_equal(back.affine, source.affine)


def error_of_range(back, source):
    assert back.array.dtype == source.array.dtype
    finite = np.isfinite(source.array)
    there = source.array[finite].astype(np.float64)
    return np.abs(back.array[finite].astype(np.float64) - there).max() / np.ptp(there)


# ---- exact -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["default", "tiny", "paper"])
@pytest.mark.parametrize("types", [("i2", "u2"), ("u1", "i1")])
def test_white_noise_over_the_full_range_comes_back_identical(kind, types, tiny_model, paper_model):
    model = {"default": model_card.DEFAULT, "tiny": tiny_model, "paper": paper_model}[kind]
    first, second = (volume(noise(dtype, (5, 61, 67), seed), name) for seed, (dtype, name) in enumerate(zip(types, "ab")))
    fusion, back = there_and_back(first, second, model)
    assert kind == "default" or len(record_of(fusion.recipe).boxes) == 5, "nothing went through the network"
    assert_identical(back[0], first)
    assert_identical(back[1], second)


def test_extremes_side_by_side_come_back_identical():
    """Values that float32 cannot take through the network and back: those slices are averaged, and that is said."""
    generator = np.random.default_rng(0)
    first = head(shape=(6, 61, 67), top=60)
    first[2, 30, 30], first[3, 30:33, 30:33] = 32767, 32767
    second = generator.choice(np.array([-32768, 32767], np.int16), first.shape)
    fusion, back = there_and_back(volume(first), volume(second), model_card.DEFAULT)
    np.testing.assert_array_equal(back[0].array, first)
    np.testing.assert_array_equal(back[1].array, second)
    assert any("plain average" in warning for warning in fusion.warnings)


def compute_otherwise(monkeypatch):
    """From here on the network computes as another device would: with other rounding."""
    lock = threading.Lock()  # slices are under way side by side

    def in_double(self, step, a, b):
        with lock, torch.inference_mode():
            self.network = self.network.double()
            return tuple(out[:, 0].float().numpy() for out in step(*(torch.tensor(x, dtype=torch.float64)[:, None] for x in (a, b))))

    monkeypatch.setattr(inference.Engine, "_try", in_double)


@pytest.mark.parametrize("kind", ["noise", "head", "outliers"])
@pytest.mark.parametrize("model", ["default", "tiny", "paper"])
def test_another_device_gives_the_same_integers(kind, model, tiny_model, paper_model, monkeypatch):
    model = {"default": model_card.DEFAULT, "tiny": tiny_model, "paper": paper_model}[model]
    shape = (5, 61, 67)
    first, second = (noise("i2", shape, seed) if kind == "noise" else head(shape=shape, seed=seed, top=32000) for seed in range(2))
    if kind == "outliers":
        first = head(shape=shape, top=300)
        first[2, 30:32, 30] = 32767
    fusion = fuse(volume(first), volume(second), model=model, device="cpu")
    if kind == "head":
        assert len(record_of(fusion.recipe).boxes) == 5, "ordinary anatomy must go through the network, however fine its steps"
    compute_otherwise(monkeypatch)
    back = decompose(fusion.fused, fusion.latent, fusion.recipe, model=model, device="cpu")
    np.testing.assert_array_equal(back[0].array, first)
    np.testing.assert_array_equal(back[1].array, second)


def test_slices_that_come_back_anyway_are_not_averaged(tiny_model):
    fusion, _ = there_and_back(volume(head()), volume(head(seed=1)), tiny_model)
    assert len(record_of(fusion.recipe).boxes) == 6 and not fusion.warnings
    box = record_of(fusion.recipe).boxes[3]
    x1, x2 = (record.normalization(box.k).apply(source.array[box.index])
              for record, source in zip(fusion.recipe.sources, (fusion.first, fusion.second)))
    assert np.abs(fusion.fused.array[box.index] - (x1 + x2) / 2).mean() > 0.01, "the couplings of the test network do nothing"


@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_wide_integers_that_span_little_come_back_identical(preset, tiny_model, paper_model):
    model = tiny_model if preset == "tiny" else paper_model
    for dtype, lowest in (("i4", 2_000_000_000), ("u4", 4_000_000_000), ("i8", -2 ** 60), ("u8", 2 ** 63)):
        first = volume((np.array([lowest], dtype) + noise("u2", (3, 40, 44)).astype(dtype)).astype(dtype))
        second = volume(head(shape=(3, 40, 44)))
        _, back = there_and_back(first, second, model)
        assert_identical(back[0], first)
        assert_identical(back[1], second)


def test_scale_factors_and_units_come_back(tiny_model):
    first, second = volume(head(), slope=-0.25, intercept=3.5, unit="1e-6 mm2/s"), volume(head(seed=1), slope=1e-6, intercept=-2.0)
    _, back = there_and_back(first, second, tiny_model)
    assert_identical(back[0], first)
    assert_identical(back[1], second)


@pytest.mark.parametrize("preset", ["default", "tiny", "paper"])
@pytest.mark.parametrize("types", [("f4", "f8"), ("f8", "i4")])
def test_others_come_back_to_a_hundred_thousandth_of_their_range(preset, types, tiny_model, paper_model):
    model = {"default": model_card.DEFAULT, "tiny": tiny_model, "paper": paper_model}[preset]
    first, second = (volume(noise(dtype, (4, 48, 52), seed)) for seed, dtype in enumerate(types))
    _, back = there_and_back(first, second, model)
    assert max(error_of_range(back[0], first), error_of_range(back[1], second)) < 1e-5
    far = volume(1e6 + head("f8"))  # a small range far from zero
    _, back = there_and_back(far, volume(head(seed=1)), tiny_model)
    assert error_of_range(back[0], far) < 1e-5


@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_what_is_not_finite_is_restored(preset, tiny_model, paper_model):
    first = head("f4", (6, 61, 67))
    first[1, 20:25, 30], first[0], first[3, 10, 10], first[3, 60, 66] = np.nan, np.nan, np.inf, -np.inf
    second = head("f8", (6, 61, 67), seed=1)
    second[1, 22, 30] = np.nan
    fusion, back = there_and_back(volume(first), volume(second), tiny_model if preset == "tiny" else paper_model)
    assert np.isfinite(fusion.fused.array).all() and np.isfinite(fusion.latent.array).all()
    for got, source in zip(back, (first, second)):
        np.testing.assert_array_equal(np.isnan(got.array), np.isnan(source))
        np.testing.assert_array_equal(got.array[np.isinf(source)], source[np.isinf(source)])
        assert error_of_range(got, volume(source)) < 1e-5


@pytest.mark.parametrize("grid", AFFINES)
def test_any_orientation_comes_back(grid, tiny_model):
    first, second = (volume(head(shape=(17, 31, 26), seed=seed), affine=AFFINES[grid]) for seed in range(2))
    fusion, back = there_and_back(first, second, tiny_model)
    assert fusion.recipe.axis == first.through_plane_axis
    assert_identical(back[0], first)
    assert_identical(back[1], second)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_slices_along_any_axis(axis, preset, tiny_model, paper_model):
    spacing = np.ones(4)
    spacing[2 - axis] = 5.0
    shape = [29, 34, 39]
    shape[axis] = 5
    first, second = (volume(head(shape=tuple(shape), seed=seed), affine=np.diag(spacing)) for seed in range(2))
    fusion, back = there_and_back(first, second, tiny_model if preset == "tiny" else paper_model)
    assert fusion.recipe.axis == axis and {box.k for box in record_of(fusion.recipe).boxes} <= set(range(5))
    assert fusion.fused.array.flags.c_contiguous
    assert_identical(back[0], first)
    assert_identical(back[1], second)


def test_the_reference_gives_the_grid_and_order_stays(tiny_model):
    thin = volume(head(shape=(12, 40, 44)), affine=np.diag([1.0, 1.0, 1.0, 1.0]))
    thick = volume(head(shape=(6, 40, 44), seed=1), affine=np.diag([1.0, 1.0, 2.0, 1.0]))
    for reference, grid, kept in (("first", thin, 0), ("second", thick, 1)):
        fusion, back = there_and_back(thin, thick, tiny_model, reference=reference, alignment="header")
        assert fusion.fused.shape == grid.shape
        assert [record.resampled for record in fusion.recipe.sources] == [kept == 1, kept == 0]
        assert_identical(back[kept], (thin, thick)[kept])
        resampled = (fusion.first, fusion.second)[1 - kept]
        assert error_of_range(back[1 - kept], resampled) < 1e-5 and back[1 - kept].array.dtype == np.float32


def test_changing_the_latent_changes_the_result(tiny_model):
    fusion, back = there_and_back(volume(head()), volume(head(seed=1)), tiny_model)
    other = replace(fusion.latent, array=fusion.latent.array + np.float32(0.5))
    unseen = replace(fusion.recipe, record={key: value for key, value in fusion.recipe.record.items() if key != "sketches"})
    changed = decompose(fusion.fused, other, unseen, model=tiny_model, device="cpu")  # or else it would be refused
    assert all((one.array != two.array).mean() > 0.3 for one, two in zip(back, changed))


def test_slices_smaller_than_a_cell_are_averaged_and_come_back(tiny_model):
    first, second = volume(noise("i2", (4, 3, 3))), volume(noise("u1", (4, 3, 3), 2))
    fusion, back = there_and_back(first, second, tiny_model)
    assert record_of(fusion.recipe).boxes == ()
    assert_identical(back[0], first)
    assert_identical(back[1], second)


# ---- refused ---------------------------------------------------------------------------------------------------------------------


def test_the_latent_of_another_fusion_is_refused(tiny_model):
    first, second, third = (volume(head(seed=seed)) for seed in range(3))
    fusion, other = (fuse(first, one, model=tiny_model, device="cpu") for one in (second, third))
    recipe = recipe_from_dict(json.loads(json.dumps(fusion.recipe.to_dict())))
    for fused, latent in ((fusion.fused, other.latent), (other.fused, fusion.latent)):
        with pytest.raises(ResultError, match="belong together"):
            decompose(fused, latent, recipe, model=tiny_model, device="cpu")
    chosen = [4, 2]
    some = preview(fusion, chosen, model=tiny_model, device="cpu").exact
    assert_identical(some[0], replace(first, array=first.array[chosen]))
    with pytest.raises(ResultError, match="belong together"):
        preview(replace(fusion, latent=other.latent), chosen, model=tiny_model, device="cpu")


def test_what_does_not_belong_together_is_refused(tiny_model, paper_model):
    fusion, _ = there_and_back(volume(head()), volume(head(seed=1)), tiny_model)
    with pytest.raises(ResultError, match="belong together"):
        decompose(fusion.fused, replace(fusion.latent, array=fusion.latent.array[1:]), fusion.recipe, model=tiny_model)
    with pytest.raises(ModelError, match="other weights"):
        decompose(fusion.fused, fusion.latent, fusion.recipe, model=paper_model)
    with pytest.raises(ResultError, match="cropped"):
        estimate(replace(fusion.fused, array=fusion.fused.array[1:]), fusion.recipe, model=tiny_model)
    with pytest.raises(InputError, match="latent"):
        estimate(fusion.fused, fusion.recipe, samples=0, model=tiny_model)
    with pytest.raises(InputError, match="reference"):
        fuse(volume(head()), volume(head(seed=1)), reference="third", model=tiny_model)
    with pytest.raises(InputError, match="same value"):
        fuse(volume(head() * 0), volume(head(seed=1)), model=tiny_model)


@pytest.mark.parametrize("edit", [{"axis": 3}, {"record": None}, {"model": "../elsewhere"},
                                  {"levels": [0.0]}, {"shape": [1, 2]}, {"sources": []}, {"format": "1"}, {"levels": [float("nan"), 0.0]}])
def test_a_record_that_no_fusion_wrote_is_refused(edit, tiny_model):
    fusion, _ = there_and_back(volume(head()), volume(head(seed=1)), tiny_model)
    data = fusion.recipe.to_dict()
    assert recipe_from_dict(data) == fusion.recipe
    with pytest.raises(ResultError, match="damaged"):
        recipe_from_dict(data | edit)
    with pytest.raises(ResultError, match="newer"):
        recipe_from_dict(data | {"format": 3})


@pytest.mark.parametrize("edit", [{"boxes": [[99, 0, 16, 0, 16]]}, {"boxes": [[0, -4, 16, 0, 16]]}, {"background": [0.0]}, {"boxes": None},
                                  {"background": [float("nan"), 0.0]}])
def test_a_record_of_the_method_that_no_fusion_wrote_is_refused(edit, tiny_model):
    fusion, _ = there_and_back(volume(head()), volume(head(seed=1)), tiny_model)
    edited = replace(fusion.recipe, record=fusion.recipe.record | edit)
    for work in (lambda: decompose(fusion.fused, fusion.latent, edited, model=tiny_model),
                 lambda: estimate(fusion.fused, edited, model=tiny_model)):
        with pytest.raises(ResultError, match="damaged"):
            work()


# ---- estimates -------------------------------------------------------------------------------------------------------------------


def test_an_estimate_is_reproducible_and_depends_on_its_seed(tiny_model):
    fusion, _ = there_and_back(volume(head(), unit="a.u."), volume(head(seed=1), slope=2.0), tiny_model)
    one, two, other = (estimate(fusion.fused, fusion.recipe, samples=3, seed=seed, model=tiny_model, device="cpu") for seed in (5, 5, 6))
    for name in ("first", "second", "first_spread", "second_spread", "cycle_error"):
        np.testing.assert_array_equal(getattr(one, name).array, getattr(two, name).array)
        assert (getattr(one, name).array != getattr(other, name).array).any()
        assert getattr(one, name).array.dtype == np.float32 and getattr(one, name).shape == fusion.fused.shape
    assert one.first.unit == one.first_spread.unit == "a.u." and one.second.unit == ""
    assert (one.first_spread.array >= 0).all() and one.first_spread.array.max() > 0


def test_mean_spread_and_cycle_error_are_what_their_names_say(tiny_model):
    fusion, _ = there_and_back(volume(head()), volume(head(seed=1), slope=2.0, intercept=10.0), tiny_model)
    card = find_card(tiny_model)
    engine = inference.Engine(model_folder.load(card), devices.choose_device("cpu"))
    box, samples = record_of(fusion.recipe).boxes[2], 4
    image = fusion.fused.array[box.index]
    drawn = latent_sampling.draw(samples, box.shape, [9, box.k])
    sources = np.stack([engine.decompose(image[None], z[None]) for z in drawn])[:, :, 0]
    got = estimate(fusion.fused, fusion.recipe, samples=samples, seed=9, model=tiny_model, device="cpu")
    scale = [fusion.recipe.sources[n].normalizations[0].scale for n in range(2)]
    np.testing.assert_allclose(got.first.array[box.index], sources[:, 0].mean(0) * scale[0], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(got.second.array[box.index], sources[:, 1].mean(0) * scale[1] * 2 + 10, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(got.second_spread.array[box.index], sources[:, 1].std(0, ddof=1) * scale[1] * 2, rtol=1e-3, atol=1e-3)
    again = engine.fuse(*sources.mean(0)[:, None])[0][0]
    np.testing.assert_allclose(got.cycle_error.array[box.index], again - image, atol=1e-5)


def test_one_sample_has_no_spread(tiny_model):
    fusion, _ = there_and_back(volume(head()), volume(head(seed=1)), tiny_model)
    one = estimate(fusion.fused, fusion.recipe, samples=1, model=tiny_model, device="cpu")
    assert (one.first_spread.array == 0).all() and (one.second_spread.array == 0).all() and one.first.array.std() > 0


# ---- progress --------------------------------------------------------------------------------------------------------------------


def test_counts_reach_the_total_and_cancel_stops(tiny_model):
    seen = []
    fusion = fuse(volume(head()), volume(head(seed=1)), model=tiny_model, device="cpu", progress=Progress(lambda *step: seen.append(step)))
    counted = [(done, total) for task, done, total in seen if task == "fusing slices"]
    assert counted == [(n, 6) for n in range(1, 7)]
    for work in (lambda progress: fuse(volume(head()), volume(head(seed=1)), model=tiny_model, device="cpu", progress=progress),
                 lambda progress: decompose(fusion.fused, fusion.latent, fusion.recipe, model=tiny_model, device="cpu", progress=progress),
                 lambda progress: estimate(fusion.fused, fusion.recipe, samples=2, model=tiny_model, device="cpu", progress=progress)):
        steps = []

        def stop_at_two(task, done, total):
            steps.append(done)
            if task.endswith("slices") and done == 2:
                progress.cancel()

        progress = Progress(stop_at_two)
        with pytest.raises(Cancelled):
            work(progress)
        assert steps[-1] == 2


def test_the_spread_is_scaled_by_the_card(tiny_model, tmp_path):
    folder = tmp_path / "wider"
    shutil.copytree(tiny_model, folder)
    card = json.loads((folder / model_card.CARD).read_text())
    (folder / model_card.CARD).write_text(json.dumps(card | {"spread_scale": 3.0}))
    fusion = fuse(volume(head(seed=0)), volume(head(seed=1)), model=tiny_model, device="cpu")
    as_drawn, wider = (estimate(fusion.fused, fusion.recipe, samples=3, model=str(model), device="cpu") for model in (tiny_model, folder))
    np.testing.assert_allclose(wider.first_spread.array, 3 * as_drawn.first_spread.array, rtol=1e-5)
    np.testing.assert_array_equal(wider.first.array, as_drawn.first.array)
    assert as_drawn.first_spread.array.max() > 0


def test_a_way_back_without_its_latent_is_refused_in_words():
    first, second = volume(head(), "first"), volume(head(seed=1), "second")
    fused, by_average = fuse(first, second, device="cpu"), fuse(first, second, method="average")
    with pytest.raises(ResultError, match="latent image is not there"):
        decompose(fused.fused, None, fused.recipe, device="cpu")
    with pytest.raises(CapabilityError, match="only fuses"):
        decompose(by_average.fused, None, by_average.recipe)
