"""TF32 is off where the exact way back is computed, and as it was before for everybody else in the process."""
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from FusionINNLib.methods import slice_inference
from FusionINNLib.methods.devices import exact_float32
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.inference import Engine


def switches():
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture(params=[(True, True), (False, True), (True, False), (False, False)], ids=str)
def before(request):
    """What a program has set before it fuses."""
    found = switches()
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = request.param
    yield request.param
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = found


def test_off_inside_and_as_found_outside(before):
    with exact_float32():
        assert switches() == (False, False)
    assert switches() == before


def test_as_found_after_an_exception(before):
    with pytest.raises(KeyboardInterrupt), exact_float32():
        raise KeyboardInterrupt
    assert switches() == before


def test_the_last_of_several_threads_puts_it_back(before):
    """The one that came first leaves first, and the other still has all digits."""
    inside, leave = threading.Event(), threading.Event()

    def first():
        with exact_float32():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with exact_float32():
        leave.set()
        thread.join(10)
        assert switches() == (False, False)
    assert switches() == before


class Cuda:
    """A device that says it is a CUDA one; tensors stay where they are."""

    type = "cuda"


@pytest.mark.parametrize("device, uses", [(Cuda(), 1), (torch.device("cpu"), 0)], ids=["cuda", "cpu"])
def test_each_batch_on_cuda_alone(tiny_model, monkeypatch, before, device, uses):
    entered, seen, move = [], [], torch.Tensor.to

    @contextmanager
    def counted():
        entered.append(1)
        with exact_float32():
            yield

    monkeypatch.setattr(slice_inference, "exact_float32", counted)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *where, **how: self if where and isinstance(where[0], Cuda)
                        else move(self, *where, **how))
    engine = Engine(model_folder.load(find_card(tiny_model)), torch.device("cpu"))
    assert switches() == before, "an engine that only exists changes nothing"
    engine.device = device
    whole = engine.network.fuse
    monkeypatch.setattr(engine.network, "fuse", lambda sources: (seen.append(switches()), whole(sources))[1])
    engine.fuse(*(np.zeros((1, 16, 16), np.float32),) * 2)
    assert len(entered) == uses and seen == [(False, False) if uses else before] and switches() == before


STATES = """
import torch
from FusionINNLib.methods.devices import exact_float32
matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
if not hasattr(matmul, "fp32_precision"):
    raise SystemExit

def read(place, name):
    try:
        return getattr(place, name)
    except RuntimeError:  # refused, because both sets of names were used
        return None

def state():
    return [read(place, name) for place, name in [(matmul, "allow_tf32"), (cudnn, "allow_tf32"), (matmul, "fp32_precision"),
            (cudnn, "fp32_precision"), (cudnn.conv, "fp32_precision"), (cudnn.rnn, "fp32_precision"), (torch.backends, "fp32_precision")]]

for place, name, value in [
        (matmul, "allow_tf32", False), (matmul, "allow_tf32", True), (cudnn, "allow_tf32", False), (matmul, "fp32_precision", "ieee"),
        (torch.backends, "fp32_precision", "tf32"), (cudnn.conv, "fp32_precision", "tf32"), (cudnn, "allow_tf32", True),
        (matmul, "fp32_precision", "tf32"), (torch.backends, "fp32_precision", "ieee")]:
    setattr(place, name, value)
    before = state()
    with exact_float32():
        inside = state()
        assert (inside[2], inside[4]) == ("ieee", "ieee"), (name, inside)
        assert all(now is False for now, then in zip(inside[:2], before) if then is not None), (before, inside)
    assert state() == before, (name, value, before, state())
"""


def test_with_the_newer_names_too():
    """In a process of its own: what is set by both sets of names cannot all be put back by hand."""
    done = subprocess.run([sys.executable, "-c", STATES], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
