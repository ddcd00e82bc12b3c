"""Several processes train as one: the same crops and noise, equal weights, one that speaks and saves. Real processes, on the CPU."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from distributed_child import train
from training_data import PAPER_RUN, RUN, write_place

from FusionINNLib.errors import Cancelled, InputError
from FusionINNLib.methods import devices
from training.distributed import ALONE, Workers, joined
from training.trainers.fusioninn import FusionInnTrainer
from training.trainers.paper import PaperTrainer

HERE = Path(__file__).resolve().parents[1]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("distributed"))


# ---- shares ------------------------------------------------------------------------------------------------------------------------


def test_processes_share_a_batch_and_its_noise():
    crew = [Workers(rank, 3) for rank in range(3)]
    assert [list(range(6)[one.rows(6)]) for one in crew] == [[0, 1], [2, 3], [4, 5]]
    for memory in (torch.contiguous_format, torch.channels_last):
        whole = torch.empty(6, 2, 8, 8).contiguous(memory_format=memory)
        for noise in (Workers.normal_like, Workers.uniform_like):
            drawn = []
            for one in crew:
                torch.manual_seed(0)
                drawn.append(noise(one, whole[one.rows(6)]))
            torch.manual_seed(0)
            assert torch.equal(torch.cat(drawn), noise(ALONE, whole)) and float(drawn[0].std()) > 0.1
    torch.manual_seed(0)
    drawn = crew[1].whole_normal_like(whole[:2])
    torch.manual_seed(0)
    assert torch.equal(drawn, ALONE.normal_like(whole))


def test_a_batch_that_cannot_be_shared_is_said_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match="batch of 4 cannot be shared equally by 3"):
        FusionInnTrainer(RUN, tmp_path / "nowhere", tmp_path / "none.json", tmp_path / "run", "cpu", Workers(0, 3))


def test_several_processes_need_as_many_gpus(monkeypatch):
    for name, value in {"WORLD_SIZE": "3", "RANK": "0", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "3", "TORCHELASTIC_RUN_ID": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for kind, words in (("cuda", "3 processes need 3 GPUs, and 2 can be used"), ("mps", "cannot share an Apple GPU")):
        monkeypatch.setattr(devices, "choose_device", lambda name, kind=kind: torch.device(kind))
        with pytest.raises(InputError, match=words), joined(kind):
            pass


def test_one_process_is_alone_whether_torchrun_started_it_or_not(monkeypatch):
    for started in (False, True):
        if started:
            monkeypatch.setenv("WORLD_SIZE", "1")
            monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
        with joined("cpu") as (workers, device):
            assert workers is ALONE and device == "cpu" and not torch.distributed.is_initialized()


# ---- two processes -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def left(place, tmp_path_factory):
    """What each of two processes, and one alone, is left with after the same runs."""
    out = tmp_path_factory.mktemp("left")
    done = subprocess.run([*TORCHRUN, str(HERE / "support/distributed_child.py"), str(place), str(out)], env=ENVIRONMENT,
                          capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    alone = {"default": train(FusionInnTrainer, RUN, place, out / "alone", "cpu", ALONE),
             "paper": train(PaperTrainer, PAPER_RUN, place, out / "alone_paper", "cpu", ALONE)}
    return [torch.load(out / f"{rank}.pt", weights_only=True) for rank in (0, 1)], alone, out


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_two_processes_hold_equal_weights_which_are_those_of_one(left, preset):
    (first, second), alone = [one[preset] for one in left[0]], left[1][preset]
    for part in ("weights", "averaged"):
        for name, tensor in first[part].items():
            assert torch.equal(tensor, second[part][name])
            assert torch.allclose(tensor, alone[part][name], rtol=0, atol=2e-5), name
    assert first["rate"] == second["rate"] == alone["rate"]
    assert any(not torch.equal(a, b) for a, b in zip(*[one["rows"] for one in (first, second)]))  # they did work on different slices


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_two_processes_report_the_loss_of_the_whole_batch(left, preset):
    (first, second), alone = [one[preset] for one in left[0]], left[1][preset]
    for mine, others, whole, *rows in zip(first["parts"], second["parts"], alone["parts"], first["rows"], second["rows"], alone["rows"]):
        assert mine == others == pytest.approx(whole, rel=1e-3, abs=1e-5)
        assert torch.equal(torch.cat(rows[:2]), rows[2])


def test_only_the_first_process_logs_and_saves(left):
    for run, alone in (("default", "alone"), ("paper", "alone_paper")):
        steps = [[line.split(",")[0] for line in (left[2] / name / "log.csv").read_text().splitlines()] for name in (run, alone)]
        assert steps[0] == steps[1] == ["step", "3", "6"]
        assert sorted(path.name for path in (left[2] / run).iterdir()) == ["best.pt", "config.json", "last.pt", "log.csv"]


# ---- the command -------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_and_one_alone_goes_on(place, tmp_path):
    run = tmp_path / "run"
    RUN.save(tmp_path / "settings.json")
    words = ["fit", "--prepared", str(place / "prepared"), "--splits", str(place / "splits.json"), "--run", str(run), "--device", "cpu"]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen([*TORCHRUN, "-m", "--", "training", *words, "--config", str(tmp_path / "settings.json"), "--set",
                                    "steps=100000"], env=ENVIRONMENT, stdout=said, stderr=said, start_new_session=True)
        try:
            _wait(lambda: (run / "last.pt").exists() or process.poll() is not None)
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(120) != 0
            _wait(lambda: not _is_alive(process.pid))
        finally:
            if _is_alive(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
    text = (tmp_path / "said").read_text()
    assert text.count("The same command goes on.") <= 1 and "training: Stopped." in text, text
    step = torch.load(run / "last.pt", weights_only=True)["step"]
    config = RUN.__class__(**RUN.__dict__ | {"steps": step + 3})
    said = []
    FusionInnTrainer(config, place / "prepared", place / "splits.json", run).run(said.append)
    assert said[0] == f"going on after step {step}" and torch.load(run / "last.pt", weights_only=True)["step"] == step + 3


def test_a_process_that_others_have_left_says_so(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda *_, **__: None)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 0)
    with pytest.raises(Cancelled, match="Another process of this run has ended"), joined("cpu"):
        raise RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1234")
    with pytest.raises(RuntimeError, match="something else"), joined("cpu"):
        raise RuntimeError("something else")


def _wait(is_over, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not is_over():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.2)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
