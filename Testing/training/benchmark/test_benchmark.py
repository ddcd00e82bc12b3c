"""The parts of the benchmark: which slices, which methods, which figures, what an interval and a word mean, what is done only once."""
import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from making import head
from training_data import write_data, write_splits

from FusionINNLib.errors import InputError, ModelError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import MethodInfo, SliceMethod
from FusionINNLib.metrics import evaluate_slice
from FusionINNLib.metrics.ssim import ssim
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.io import read_segmentation, read_volume
from training.baselines import build
from training.benchmark import measured, timing
from training.benchmark.intervals import Mean, difference, mean_of
from training.benchmark.measured import ESTIMATE_KEYS, KEYS, fuse_slice, measure_case, measure_slice
from training.benchmark.methods import DEFAULT, Method, State, find_methods, rows
from training.benchmark.pairs import CasePairs, evenly, load_cases, pair_sets
from training.benchmark.published import METRICS, VALUES
from training.benchmark.registered import RegisteredFuser
from training.cached import cached, checksum
from training.data.usable import usable_split
from training.loop.convergence import Convergence, convergence_of, gain_of_last_part
from training.trainers.baseline import BaselineConfig
from training.trainers.paper import PublishedConfig
from training.trainers.registry import TRAINERS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    write_data(folder / "data")
    write_splits(folder)
    return folder


@pytest.fixture(scope="module")
def sets(place):
    return {entry.key: entry for entry in pair_sets(place / "data", place / "splits.json")}


@pytest.fixture(scope="module")
def pairs(sets) -> CasePairs:
    return sets["brats18"].load(sets["brats18"].folders[0], 2)


def _say(line):
    pass


# ---- intervals and words -----------------------------------------------------------------------------------------------------------


def test_the_interval_is_that_of_all_draws_of_patients():
    table = {"a": {0: 1.0, 1: 3.0}, "b": {0: 5.0}, "c": {0: 9.0, 1: 9.0}}
    every = [np.mean(draw) for draw in itertools.product((2.0, 5.0, 9.0), repeat=3)]
    mean = mean_of(table)
    assert mean.value == pytest.approx(16 / 3)
    assert (mean.low, mean.high) == pytest.approx(np.percentile(every, (2.5, 97.5), method="inverted_cdf"), abs=1e-9)


def test_one_patient_has_an_interval_over_slices_and_one_slice_none():
    values = np.random.default_rng(1).normal(3, 1, 400)
    mean = mean_of({"a": dict(enumerate(values))})
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.05)
    assert np.isnan(mean_of({"a": {0: 1.0}}).low) and np.isnan(mean_of({}).value)


def test_differences_are_paired_and_leave_out_what_one_lacks():
    one = {"a": {0: 1.0, 1: 2.0, 2: float("nan")}, "b": {5: 4.0}, "only": {0: 9.0}}
    other = {"a": {0: 0.5, 1: 2.5, 2: 1.0}, "b": {5: 1.0}}
    gap = difference(one, other)
    assert gap.mean.value == pytest.approx((0.0 + 3.0) / 2) and gap.slice_mean == pytest.approx((0.5 - 0.5 + 3) / 3)
    assert gap.share == pytest.approx(2 / 3) and gap.slice_sd == pytest.approx(np.std([0.5, -0.5, 3.0], ddof=1))


@pytest.mark.parametrize("low, high, word", [(0.1, 0.2, "better"), (-0.2, -0.1, "worse"), (-0.1, 0.2, "tied"), (np.nan, np.nan, "tied")])
def test_words_go_by_the_interval(low, high, word):
    assert Mean(0.0, low, high).outcome.value == word


def test_the_default_model_is_taken_apart_as_its_program_does_it(tmp_path):
    """From latents drawn beyond those that digits can be read with, single voxels would be far off."""
    method = next(one for one in find_methods("default", tmp_path, "cpu", lambda line: None)[0] if one.key == DEFAULT)
    stacks = [fit_volume(array).apply(array) for array in (head(shape=(1, 160, 160), seed=seed) for seed in (0, 1))]
    first, second = (torch.from_numpy(stack[0])[None, None] for stack in stacks)
    guess = method.fuser.estimate(method.fuser.fuse(first, second), torch.Generator().manual_seed(0))
    assert float((guess - torch.cat([first, second], 1)).abs().max()) < 0.1


# ---- convergence -------------------------------------------------------------------------------------------------------------------


def test_a_plateau_is_told_from_a_slope():
    slope = [1 / n for n in range(1, 13)]
    assert gain_of_last_part(slope) == pytest.approx((1 / 9 - 1 / 12) / (1 / 9))
    assert gain_of_last_part([1.0] * 9 + [0.995, 1.2, 0.997]) == pytest.approx(0.005)
    assert gain_of_last_part([1.0] * 8 + [2.0] * 4) == 0 and gain_of_last_part([1.0]) == float("inf")
    flat = Convergence(tuple(range(12)), (1.0,) * 12, planned=11, gain=0.005, seconds=1)
    assert flat.is_converged and flat.words == "converged"
    assert not replace(flat, planned=20).is_converged and "11 of 20 steps" in replace(flat, planned=20).words
    assert not replace(flat, gain=0.02).is_converged and "2.0%" in replace(flat, gain=0.02).words
    assert not replace(flat, steps=(11,), losses=(1.0,)).is_converged
    risen = replace(flat, losses=(1.0,) * 11 + (1.2,))
    assert not risen.is_converged and "20% above its best" in risen.words and replace(flat, losses=(1.0,) * 11 + (1.04,)).is_converged


def test_the_inert_part_of_the_published_loss_does_not_hide_a_slope(tmp_path):
    config = PublishedConfig(batch=4, steps=3, forward_share=0.5)
    config.save(tmp_path / "config.json")
    (tmp_path / "log.csv").write_text("step,seconds,loss\n1,10,1.0\n2,20,0.95\n2,21,0.95\n3,30,0.9\n")
    state = convergence_of(tmp_path, TRAINERS)
    assert state.steps == (1, 2, 3) and state.losses == pytest.approx((0.25, 0.2, 0.15)) and state.seconds == 30  # 0.5 * 6 / 4 is inert
    assert state.gain == pytest.approx(0.25) and state.is_finished


# ---- what is done only once --------------------------------------------------------------------------------------------------------


def test_figures_are_made_again_only_when_their_key_changes(tmp_path):
    made = []

    def compute():
        made.append(1)
        return {"value": float("nan") if len(made) == 1 else len(made)}

    path = tmp_path / "a" / "figures.json"
    assert np.isnan(cached(path, "one", compute)["value"]) and np.isnan(cached(path, "one", compute)["value"]) and len(made) == 1
    assert cached(path, "two", compute) == {"value": 2}
    path.write_text('{"key": "two", "fig')
    assert cached(path, "two", compute) == {"value": 3}
    assert checksum([b"ab", b"c"]) != checksum([b"a", b"bc"])


def test_cases_that_cannot_be_used_are_named_and_left_out(tmp_path):
    case = {"contrasts": np.ones((2, 3, 4, 5)), "names": np.array(["t1ce", "flair"]), "offset": np.zeros(2), "scale": np.ones(2)}
    (tmp_path / "brats18").mkdir()
    for name in "abcd":
        np.savez_compressed(tmp_path / "brats18" / f"{name}.npz", **case, labels=np.zeros((2 if name == "d" else 3, 4, 5)))
    (tmp_path / "brats18" / "b.npz").write_bytes((tmp_path / "brats18" / "b.npz").read_bytes()[:200])
    splits, said = tmp_path / "splits.json", []
    splits.write_text(json.dumps({"brats18": {"train": ["a", "b"], "val": ["c", "d", "e"]}}))
    left, skipped = usable_split(tmp_path, splits, tmp_path / "left.json", said.append)
    assert json.loads(left.read_text()) == {"brats18": {"train": ["a"], "val": ["c"]}}
    assert set(skipped) == {"brats18/b", "brats18/d", "brats18/e"} and len(said) == 3 and "prepare" in skipped["brats18/e"]
    splits.write_text(json.dumps({"brats18": {"train": ["a"], "val": ["c"]}}))
    assert usable_split(tmp_path, splits, tmp_path / "other.json", said.append) == (splits, {})


# ---- slices ------------------------------------------------------------------------------------------------------------------------


def test_slices_of_the_paper_run_from_minimum_to_maximum(place, sets):
    folder = place / "data" / "brats18" / "c"
    pairs = sets["brats18"].load(folder, None)
    labels, t1ce = read_segmentation(folder / "seg.nii.gz").array, read_volume(folder / "t1ce.nii.gz").array
    assert list(pairs.numbers) == [k for k, part in enumerate(labels) if {1, 2} <= set(np.unique(part))]
    for n, k in enumerate(pairs.numbers):
        expected = (t1ce[k] - t1ce[k].min()) / (t1ce[k].max() - t1ce[k].min())
        np.testing.assert_allclose(pairs.first[n], expected, atol=1e-6)
    assert pairs.first.dtype == np.float32 and pairs.mask.dtype == bool and pairs.mask.any((1, 2)).all()
    assert evenly(list(range(10)), 3) == [0, 4, 9] and evenly([1, 2], 5) == [1, 2]


def test_transfer_sets_lie_on_one_grid_on_the_scale_of_the_volume(place, sets):
    stroke = sets["isles22"].load(sets["isles22"].folders[0], None)
    adc = read_volume(place / "data" / "isles22" / "stroke" / "adc.nii.gz")
    assert stroke.first.shape == stroke.second.shape == stroke.mask.shape and stroke.first.shape[1:] == adc.shape[1:]
    assert not sets["brats18"].is_published and sets["openms"].is_published and sets["openms"].load(sets["openms"].folders[0], 2).numbers


def test_cases_that_cannot_be_measured_are_named(place, sets, tmp_path):
    for name, missing in (("whole", None), ("poor", "t1ce.nii.gz"), ("broken", None)):
        (tmp_path / name).mkdir()
        for path in (place / "data" / "brats18" / "c").iterdir():
            if path.name != missing:
                (tmp_path / name / path.name).write_bytes(path.read_bytes()[:500 if name == "broken" else None])
    said, entry = [], replace(sets["brats18"], folders=tuple(tmp_path / name for name in ("poor", "broken", "whole", "absent")))
    found = list(load_cases(entry, 1, said.append))
    assert [type(item) for item in found] == [tuple, tuple, CasePairs, tuple] and len(said) == 3
    assert "t1ce.nii.gz" in found[0][1] and all("Traceback" not in line for line in said)


def test_an_empty_mask_is_no_case(place, sets, tmp_path):
    from FusionINNLib.volumes.io import write_nifti

    folder = place / "data" / "brats18" / "c"
    for name in ("t1ce", "flair"):
        volume = read_volume(folder / f"{name}.nii.gz")
        array = np.zeros_like(volume.array)
        array[0, :3, :3] = 7
        write_nifti(replace(volume, array=array), tmp_path / f"{name}.nii.gz")
    (tmp_path / "seg.nii.gz").write_bytes((folder / "seg.nii.gz").read_bytes())
    with pytest.raises(InputError, match="mask is empty"):
        sets["brats18"].load(tmp_path, None)


# ---- methods and figures -----------------------------------------------------------------------------------------------------------


def test_every_method_has_its_row_and_what_is_not_trained_is_out_of_the_ranking(tmp_path, tiny_model):
    said = []
    methods, skipped = find_methods(tiny_model, tmp_path, "cpu", said.append)
    by_key = {method.key: method for method in methods}
    assert [method.key for method in methods] == list(rows()) and not skipped
    by_slices = [name for name in registry.names() if name != DEFAULT and registry.info(name).capabilities.dims == 2]
    assert [method.key for method in methods if method.is_ranked] == [*by_slices, DEFAULT], "what looks at whole volumes is not run"
    assert by_key["ddfm"].state is State.SHIPPED and by_key["unet"].state is State.NOT_TRAINED
    assert by_key["ddfm"].parameters == 240 * 240 + 240 * 121, "mean and spectrum of the Gaussian prior"
    assert by_key["unet_3_plus"].parameters == 26_971_201 and by_key["paper"].parameters == 17_564
    with pytest.raises(ModelError):
        find_methods("no-such-model", tmp_path, "cpu", said.append)


class Halved(SliceMethod):
    """Somebody else's method."""

    def fuse_slices(self, first, second):
        return first / 2


def test_a_method_that_is_registered_has_a_row_and_what_it_lacks_is_not_run(pairs, tmp_path, tiny_model):
    mine = MethodInfo("halved", "Halved", "Half of the first.", "Nobody 2024", "", f"{__name__}:Halved")
    poor = replace(mine, name="poor", title="Poor", requires=("no_such_package",))
    for row in (mine, poor):
        registry.register(row)
    try:
        methods = {method.key: method for method in find_methods(tiny_model, tmp_path, "cpu", _say)[0]}
        assert list(methods).index("halved") < list(methods).index("deepfuse") and methods["halved"].is_ranked
        np.testing.assert_array_equal(fuse_slice(methods["halved"], pairs, 0, "cpu"), pairs.first[0] / 2)
        assert methods["poor"].fuser is None and methods["poor"].state is State.NOT_RUN and methods["poor"].title == "Poor"
    finally:
        for row in (mine, poor):
            registry.unregister(row.name)


def test_a_run_of_another_network_is_named_and_not_measured(tmp_path, tiny_model):
    (tmp_path / "deepfuse").mkdir()
    BaselineConfig("funfuseann").save(tmp_path / "deepfuse" / "config.json")
    (tmp_path / "deepfuse" / "best.pt").write_bytes(b"no weights")
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text('{"preset": "une')
    (tmp_path / "unet" / "best.pt").write_bytes(b"no weights")
    said = []
    methods, skipped = find_methods(tiny_model, tmp_path, "cpu", said.append)
    assert set(skipped) == {"DeepFuse", "UNet"} and "damaged" in skipped["UNet"] and len(said) == 2
    assert not next(method for method in methods if method.key == "deepfuse").is_measured


def test_figures_are_those_of_the_metrics(pairs, tmp_path, tiny_model):
    methods, _ = find_methods(tiny_model, tmp_path, "cpu", _say)
    average = next(method for method in methods if method.key == "average")
    figures = measure_slice(average, pairs, 0, "cpu")
    expected = evaluate_slice(pairs.first[0], pairs.second[0], ((pairs.first + pairs.second) / 2)[0], pairs.mask[0])
    assert {key: figures[key] for key in expected} == pytest.approx(expected, abs=1e-12)
    assert all(np.isnan(figures[key]) for key in ESTIMATE_KEYS) and set(figures) == set(KEYS)


def test_estimates_are_made_from_the_fused_image_alone(pairs, tmp_path, tiny_model):
    methods, _ = find_methods(tiny_model, tmp_path, "cpu", _say)
    method = next(method for method in methods if method.key == "fusioninn")
    figures = measure_slice(method, pairs, 0, "cpu")
    fused = torch.from_numpy(fuse_slice(method, pairs, 0, "cpu"))[None, None]
    assert fused.shape[-2:] == pairs.first.shape[1:]  # also where the sides are no multiples of what the network needs
    drawn = torch.randn(fused.shape, generator=torch.Generator().manual_seed(pairs.numbers[0]))
    with torch.no_grad():
        guess = method.fuser.network.decompose(fused, drawn)[0].numpy()
    assert figures["estimate_2"] == pytest.approx(ssim(guess[1], pairs.second[0], 1.0), abs=1e-6)


def test_a_constant_fused_image_has_no_figures(pairs):
    blank = build("deepfuse")
    blank.forward = lambda first, second: torch.zeros_like(first)
    assert np.isnan(measure_slice(Method("deepfuse", blank, State.TRAINED), pairs, 0, "cpu")["q_ssim"])


def test_a_method_is_measured_once_and_again_when_it_changes(pairs, tmp_path, monkeypatch):
    counted = []
    monkeypatch.setattr(measured, "measure_slice", lambda *arguments: counted.append(1) or dict.fromkeys(KEYS, float(len(counted))))
    method = Method("average", RegisteredFuser(registry.create("average")), State.UNTRAINABLE, code="one")
    first = measure_case(method, pairs, "brats18", tmp_path, "cpu", _say)
    assert measure_case(method, pairs, "brats18", tmp_path, "cpu", _say) == first and len(counted) == len(pairs.numbers) == len(first)
    measure_case(replace(method, code="two"), pairs, "brats18", tmp_path, "cpu", _say)
    assert len(counted) == 2 * len(pairs.numbers)
    network = build("deepfuse")
    before = Method("deepfuse", network, State.TRAINED).checksum
    with torch.no_grad():
        next(network.parameters()).add_(1)
    assert Method("deepfuse", network, State.TRAINED).checksum != before


def test_methods_take_turns_and_slow_ones_fewer(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def fuser(name, seconds):
        def fuse(first, second):
            order.append(name)
            clock[0] += seconds if order.count(name) > 1 or name == "slow" else 100 * seconds
        ready = SimpleNamespace(fuse=fuse)
        return SimpleNamespace(key=name, fuser=ready, ready=ready)

    methods = [fuser("fast", 0.01), fuser("slow", 20.0), SimpleNamespace(key="none", fuser=None)]
    seconds = timing.time_methods(methods, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), "cpu", _say)
    assert seconds == pytest.approx({"fast": 0.01, "slow": 20.0})
    assert order[:3] == ["fast", "slow", "fast"] and order.count("slow") == 1 and order.count("fast") == timing.ROUNDS


def test_published_values_are_those_of_the_paper():
    assert all(len(values) == len(METRICS) for values in VALUES.values()) and set(VALUES) <= set(rows())
    assert VALUES["paper"] == (0.927, 0.835, 0.806, 0.493, 0.783) and max(values[0] for values in VALUES.values()) == 0.937
