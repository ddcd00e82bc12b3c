"""Tests of DDFM as a method: volumes in and out, what is recorded and said, progress and cancel, settings on the command line."""
import json
import threading

import numpy as np
import pytest
import torch
from command_line import assert_one_sentence, run
from making import head, volume

import FusionINNLib as fi
from FusionINNLib.errors import Cancelled, InputError
from FusionINNLib.methods import model_card, registry
from FusionINNLib.methods.ddfm import sampler, stack
from FusionINNLib.methods.ddfm.stack import TASK
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.io import read_volume, write_nifti

PAIR = volume(head(), "adc"), volume(head(np.uint16, seed=1), "flair")
FAST = {"steps": 10}


def fuse(settings=FAST, pair=PAIR, **more):
    return fi.fuse(*pair, method="ddfm", device="cpu", settings=settings, **more)


def average(pair=PAIR):
    return fi.fuse(*pair, method="average").fused.array


def test_seed_and_settings_make_the_result_and_are_recorded():
    one, again, other = fuse(seed=3), fuse(seed=3), fuse(seed=4)
    np.testing.assert_array_equal(one.fused.array, again.fused.array)
    assert np.abs(one.fused.array - other.fused.array).max() > 1e-3
    card = model_card.find("ddfm-gaussian")
    assert (one.recipe.method, one.recipe.model, one.recipe.sha256) == ("ddfm", "ddfm-gaussian", f"ddfm 1 {card.sha256}")
    assert one.recipe.record == {"seed": 3, "settings": {"em": "released", "sampler": "ddim", "steps": 10, "psi": 0.5, "eta": 0.001,
                                                         "update_scales": True, "stretch": False}}
    assert one.latent is None


def test_what_is_nearly_the_average_is_called_so_with_the_number():
    done = fuse({"steps": 100})
    difference = 255 * np.abs(done.fused.array - average())[(average() > 0.05)].mean()
    said = [warning for warning in done.warnings if "nearly the plain average" in warning]
    assert len(said) == 1 and difference < 2
    assert float(said[0].split("differs from that by ")[1].split()[0]) == pytest.approx(difference, abs=0.3)
    assert not any("plain average" in warning for warning in fuse({"em": "paper", "steps": 100}).warnings)


def test_the_range_is_that_of_the_sources_unless_it_is_to_be_stretched():
    kept, stretched = fuse(), fuse(FAST | {"stretch": True})
    for k in range(len(kept.fused.array)):
        low, high = stretched.fused.array[k].min(), stretched.fused.array[k].max()
        if np.ptp(kept.fused.array[k]) > 0:
            assert (low, high) == (0, pytest.approx(1))
            assert np.corrcoef(stretched.fused.array[k].flat, kept.fused.array[k].flat)[0, 1] > 0.9999
    assert kept.fused.array.max() < 1.1
    assert not any("average" in warning for warning in stretched.warnings)


def test_slices_that_are_the_same_in_both_sources_are_left_as_they_are(monkeypatch):
    """Empty ones and equal ones: as the steps themselves would have it, to 1e-4; the others do not change."""
    first, second = PAIR[0].array.copy(), PAIR[0].array.astype(np.uint16)
    second[: len(second) // 2] = PAIR[1].array[: len(second) // 2]
    first[0], second[0] = 0, 0
    pair = volume(first, "a"), volume(second, "b")
    skipping = fuse(FAST | {"steps": 50}, pair)
    monkeypatch.setattr(stack.np, "array_equal", lambda first, second: False)
    computed = fuse(FAST | {"steps": 50}, pair)
    np.testing.assert_allclose(skipping.fused.array, computed.fused.array, rtol=0, atol=1e-4)


def test_two_volumes_without_a_difference_need_no_step():
    empty = np.zeros_like(PAIR[0].array)
    empty[0, 0, 0] = 1  # a constant volume is refused
    told = []
    done = fuse(pair=(volume(empty, "a"), volume(empty, "b")), progress=Progress(lambda *step: told.append(step)))
    assert np.isfinite(done.fused.array).all() and all(task != TASK for task, *_ in told)


@pytest.mark.parametrize("shape", [(3, 20, 31), (2, 41, 12)])
def test_slices_of_any_shape(shape):
    rng = np.random.default_rng(0)
    pair = tuple(volume(rng.integers(1, 900, shape).astype(np.int16), name) for name in "ab")
    done, mean = fuse({"steps": 100}, pair), average(pair)
    assert done.fused.shape == shape and np.corrcoef(done.fused.array.flat, mean.flat)[0, 1] > 0.98


def test_any_number_of_threads_gives_the_same():
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(fuse().fused.array)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(*results, rtol=0, atol=1e-5)


# ---- progress ----------------------------------------------------------------------------------------------------------------------


def test_progress_is_told_by_slice_and_step():
    told = []
    fuse(progress=Progress(lambda *step: told.append(step)))
    assert told[0] == ("loading the prior", 0, 1)
    steps = [(done, total) for task, done, total in told if task == TASK]
    slices = sum(not np.array_equal(*pair) for pair in zip(*(one.array for one in PAIR)))
    assert steps == [(done, 10 * slices) for done in range(10 * slices + 1)]


@pytest.mark.parametrize("threads", [1, 3])
def test_it_stops_within_one_step(threads):
    """Asked to stop after the fifth step, it takes at most the steps that are under way."""
    before, told = torch.get_num_threads(), []

    def report(task, done, total):
        told.append(done)
        if task == TASK and done == 5:
            progress.cancel()

    progress = Progress(report)
    try:
        torch.set_num_threads(threads)
        with pytest.raises(Cancelled):
            fuse({"steps": 500}, progress=progress)
    finally:
        torch.set_num_threads(before)
    assert told[-1] == 5
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_workers_stop_where_the_one_who_waits_was_interrupted(monkeypatch):
    """Ctrl-C comes to the thread that waits for slices; those under way would take minutes with a network."""
    whole, before, steps = stack.sample, torch.get_num_threads(), []

    def sampled(*arguments):
        *rest, on_step = arguments
        return whole(*rest, lambda images: (steps.append(images), on_step(images)))

    class Interrupted(stack.SliceInference):
        def each(self, step, inputs):
            results = super().each(step, inputs)
            for _ in range(2):  # two slices are done, then it comes while the third is waited for
                yield next(results)
            results.throw(KeyboardInterrupt)

    monkeypatch.setattr(stack, "sample", sampled)
    monkeypatch.setattr(stack, "SliceInference", Interrupted)
    try:
        torch.set_num_threads(2)
        with pytest.raises(KeyboardInterrupt):
            fuse({"steps": 300})
    finally:
        torch.set_num_threads(before)
    assert 600 <= len(steps) < 1200, "two slices are whole, those that were under way are not"


def test_a_short_memory_is_told_and_makes_no_difference(monkeypatch):
    """Batches of more than two slices fail: it goes on with fewer, to the same result."""
    expected, whole = fuse(), sampler.sample
    infer = stack.SliceInference.__init__

    def many(self, *arguments):
        infer(self, *arguments)
        self.batch = 8

    def short(first, *rest):
        if len(first) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return whole(first, *rest)

    monkeypatch.setattr(stack.SliceInference, "__init__", many)
    monkeypatch.setattr(stack, "sample", short)
    done = fuse()
    np.testing.assert_allclose(done.fused.array, expected.fused.array, rtol=0, atol=1e-5)
    assert any("Memory of cpu was short" in warning for warning in done.warnings)


# ---- the command line --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ddfm")
    for source, name in zip(PAIR, "ab"):
        write_nifti(source, folder / f"{name}.nii.gz")
    return folder


def command(files, *more):
    return run("fuse", files / "a.nii.gz", files / "b.nii.gz", "--method", "ddfm", "--device", "cpu", "--no-report", *more)


def test_settings_are_taken_from_the_command_line_and_kept(files, tmp_path):
    code, out, err = command(files, "--set", "steps=10", "--set", "em=paper", "--set", "update_scales=false", "--seed", "5", "--out",
                             tmp_path / "out")
    assert code == 0 and "DDFM only fuses" in out, err
    record = json.loads((tmp_path / "out/fusion.json").read_text())
    kept = {"em": "paper", "sampler": "ddim", "steps": 10, "psi": 0.5, "eta": 0.001, "update_scales": False, "stretch": False}
    assert record["settings"]["method_settings"] == record["recipe"]["record"]["settings"] == kept
    assert record["settings"]["seed"] == record["recipe"]["record"]["seed"] == 5
    read = tuple(read_volume(files / f"{name}.nii.gz") for name in "ab")
    expected = fuse({"steps": 10, "em": "paper", "update_scales": False}, read, seed=5)
    np.testing.assert_allclose(read_volume(tmp_path / "out/fused.nii.gz").array, expected.fused.array, atol=1e-6)


@pytest.mark.parametrize("words, said", [
    (["--set", "step=10"], "DDFM has no setting 'step': choose among em, sampler, steps"),
    (["--set", "steps=1"], "The setting steps takes a whole number from 2 to 1000, not '1'"),
    (["--set", "em=mine"], "The setting em takes released or paper, not 'mine'"),
    (["--set", "steps"], "'steps' is no setting: write NAME=VALUE"),
    (["--method", "average", "--set", "steps=10"], "Average has no setting 'steps': it has none")])
def test_settings_that_are_none_are_refused(files, tmp_path, words, said):
    code, _, err = command(files, *words, "--out", tmp_path / "out")
    assert_one_sentence(code, err, said)
    assert not (tmp_path / "out").exists()


def test_a_model_may_have_settings_of_its_own(tmp_path):
    """Its card's defaults hold unless the user says otherwise."""
    folder = tmp_path / "own"
    folder.mkdir()
    shipped = model_card.find("ddfm-gaussian")
    (folder / "weights.pt").write_bytes((shipped.folder / "weights.pt").read_bytes())
    (folder / "card.json").write_text(json.dumps(shipped.data | {"id": "own", "defaults": {"steps": 12, "em": "paper"}}))
    assert fuse({}, model=str(folder)).recipe.record["settings"]["steps"] == 12
    changed = fuse({"steps": 5}, model=str(folder)).recipe.record["settings"]
    assert (changed["steps"], changed["em"]) == (5, "paper")


def test_settings_are_checked_before_anything_is_read():
    with pytest.raises(InputError, match="takes true or false, not 'perhaps'"):
        registry.create("ddfm", None, {"stretch": "perhaps"})
