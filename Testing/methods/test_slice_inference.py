"""When memory is short: fewer slices at a time, then the CPU, then a clear message. And as many workers as threads give the same."""
import numpy as np
import pytest
import torch
from making import head, volume

from FusionINNLib.errors import DeviceMemoryError
from FusionINNLib.methods.fusioninn import inference, model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.pipeline import decompose, fuse
from FusionINNLib.progress import Progress

ERRORS = [torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError(),
          RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 bytes"),
          RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)")]


class Elsewhere:
    """A device that torch knows but this machine need not have: tensors stay where they are."""

    type = "elsewhere"

    def __str__(self):
        return "elsewhere"


def engine_of(tiny_model, said, monkeypatch, batch=16, elsewhere=True):
    """An engine that believes to be on another device."""
    engine = Engine(model_folder.load(find_card(tiny_model)), torch.device("cpu"), said.append)
    engine.batch = batch
    if elsewhere:
        engine.device = Elsewhere()
        move = torch.Tensor.to
        monkeypatch.setattr(torch.Tensor, "to", lambda self, *where, **how: self if where and isinstance(where[0], Elsewhere)
                            else move(self, *where, **how))
    return engine


def short_of_memory(engine, monkeypatch, error, allowed):
    """The network's forward pass fails for batches of more than `allowed` slices on the other device; returns the sizes tried."""
    tried, whole = [], engine.network.fuse

    def fuse_some(sources):
        tried.append(len(sources))
        if len(sources) > allowed and (allowed > 0 or engine.device.type == "elsewhere"):
            raise error
        return whole(sources)

    monkeypatch.setattr(engine.network, "fuse", fuse_some)
    return tried


def sources(count=13):
    return tuple(np.random.default_rng(seed).random((count, 16, 16), np.float32) for seed in range(2))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_smaller_batch_is_kept(tiny_model, monkeypatch, error):
    said: list[str] = []
    engine = engine_of(tiny_model, said, monkeypatch)
    expected = engine.fuse(*sources())
    tried = short_of_memory(engine, monkeypatch, error, allowed=4)
    for _ in range(2):
        for got, wanted in zip(engine.fuse(*sources()), expected):
            np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert tried == [13, 6, 3, 3, 3, 3, 1] + [3, 3, 3, 3, 1], "what failed once is not tried again"
    assert len(said) == 2 and all("Memory of elsewhere was short" in sentence for sentence in said)


def test_then_the_cpu_takes_over(tiny_model, monkeypatch):
    said: list[str] = []
    engine = engine_of(tiny_model, said, monkeypatch, batch=2)
    expected = engine.fuse(*sources(3))
    tried = short_of_memory(engine, monkeypatch, ERRORS[0], allowed=0)
    for got, wanted in zip(engine.fuse(*sources(3)), expected):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert tried == [2, 1, 1, 1, 1] and engine.device.type == "cpu"
    assert "going on with the CPU" in said[-1]


def test_then_there_is_a_clear_message(tiny_model, monkeypatch):
    engine = engine_of(tiny_model, [], monkeypatch, batch=1, elsewhere=False)

    def fail(fused, latent):
        raise MemoryError

    monkeypatch.setattr(engine.network, "decompose", fail)
    with pytest.raises(DeviceMemoryError, match="close other programs"):
        engine.decompose(*sources(1))


def test_other_errors_are_not_taken_for_it(tiny_model, monkeypatch):
    engine = engine_of(tiny_model, [], monkeypatch, elsewhere=False)
    with pytest.raises(RuntimeError, match="divisible|unshuffle|shape"):
        engine.fuse(*(source[:, :15] for source in sources(1)))


def test_the_way_back_says_it_too(tiny_model, monkeypatch):
    fusion = fuse(volume(head()), volume(head(seed=1)), model=tiny_model, device="cpu")
    said: list[str] = []

    class Short(Engine):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.say("Memory of cuda was short: going on with 8 slice(s) at a time.")

    monkeypatch.setattr(inference, "Engine", Short)
    decompose(fusion.fused, fusion.latent, fusion.recipe, model=tiny_model, device="cpu", progress=Progress(say=said.append))
    assert len(said) == 1
    assert fuse(volume(head()), volume(head(seed=1)), model=tiny_model, device="cpu").warnings == tuple(said)


def test_several_workers_give_what_one_gives(tiny_model):
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(fuse(volume(head()), volume(head(seed=1)), model=tiny_model, device="cpu"))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(results[0].fused.array, results[1].fused.array, atol=1e-6)
    for fusion in results:
        back = decompose(fusion.fused, fusion.latent, fusion.recipe, model=tiny_model, device="cpu")
        np.testing.assert_array_equal(back[0].array, head())
        np.testing.assert_array_equal(back[1].array, head(seed=1))


def test_background_is_what_lies_far_from_everything(tiny_model):
    engine = Engine(model_folder.load(find_card(tiny_model)), torch.device("cpu"))
    blank = np.zeros((1, 240, 200), np.float32)
    fused, latent = engine.fuse(blank, blank)
    assert engine.background() == pytest.approx((fused[0, 100:140, 80:120].mean(), latent[0, 100:140, 80:120].mean()), abs=1e-5)
