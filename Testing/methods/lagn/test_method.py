"""LAGN as a method: any grid and size, the same by seed, progress and cancel, what it refuses. With a small untrained network."""
import numpy as np
import pytest
import torch
from making import AFFINES, head, volume

from FusionINNLib.errors import Cancelled, CapabilityError, ModelError
from FusionINNLib.methods import weights
from FusionINNLib.methods.lagn.network import Lagn, Size
from FusionINNLib.pipeline import decompose, estimate, fuse
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.orientation import from_ras, to_ras
from FusionINNLib.volumes.volume import Volume

SIZE = Size(channels=(8, 16), widths=(8, 8), steps=(5, 100))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    torch.manual_seed(0)
    network = Lagn(SIZE)
    torch.nn.init.normal_(network.out[-1].weight, std=0.2)
    folder = tmp_path_factory.mktemp("models") / "tiny-lagn"
    folder.mkdir()
    weights.write(folder, network.half().state_dict(), {"id": folder.name, "method": "lagn", "description": "for tests",
                                                        "network": SIZE.to_dict()})
    return str(folder)


def fused(first, second, model, **given):
    return fuse(first, second, method="lagn", model=model, device="cpu", **given)


def pair(shape=(6, 40, 44), affine=AFFINES["lps"]):
    return volume(head(shape=shape), "first", affine), volume(head(shape=shape, seed=2), "second", affine)


@pytest.mark.parametrize("shape", [(1, 40, 44), (5, 67, 41), (3, 9, 50)])
def test_any_size_goes_through_and_something_was_changed(shape, model):
    first, second = pair(shape)
    result = fused(first, second, model)
    assert result.fused.shape == shape and result.fused.array.dtype == np.float32 and result.latent is None
    average = fuse(first, second, method="average").fused.array
    difference = np.abs(result.fused.array - average)
    assert 0.001 < difference[average > 0.2].mean() < 0.3


def test_the_same_seed_gives_the_same_result_in_any_number_of_threads(model):
    first, second = pair()
    threads = torch.get_num_threads()
    one = fused(first, second, model, seed=3)
    try:
        torch.set_num_threads(3)
        same = fused(first, second, model, seed=3)
    finally:
        torch.set_num_threads(threads)
    other = fused(first, second, model, seed=4)
    np.testing.assert_array_equal(one.fused.array, same.fused.array)
    assert one.recipe.record == {"seed": 3} and not np.array_equal(one.fused.array, other.fused.array)


@pytest.mark.parametrize("grid", AFFINES)
def test_the_affine_is_kept_on_a_turned_grid(model, grid):
    first, second = pair(affine=AFFINES["lps"])
    turned = [Volume(from_ras(to_ras(one.array, one.affine), AFFINES[grid]), AFFINES[grid], one.name) for one in (first, second)]
    result = fused(*turned, model)
    assert result.fused.shape == turned[0].shape and np.array_equal(result.fused.affine, AFFINES[grid])


def test_far_from_the_head_and_where_there_is_nothing_it_is_the_average(model):
    first, second = (Volume(np.pad(one.array, ((2, 2), (16, 16), (16, 16))), one.affine, one.name) for one in pair())
    result, average = fused(first, second, model).fused.array, fuse(first, second, method="average").fused.array
    np.testing.assert_array_equal(result[:2], average[:2])
    np.testing.assert_array_equal(result[:, :4], average[:, :4])
    empty = Volume(np.where(np.arange(40)[:, None] == 20, 1, 0).astype(np.int16) * np.ones((2, 40, 44), np.int16), first.affine, "line")
    assert np.isfinite(fused(empty, empty, model).fused.array).all()


def test_slices_are_told_and_the_work_ends_within_one(model):
    first, second = pair()
    told = []
    fused(first, second, model, progress=Progress(lambda task, done, total: told.append((task, done, total))))
    assert told[0] == ("loading the network", 0, 1)
    counts = [(done, total) for task, done, total in told if task == "fusing slices"]
    assert counts[0][0] == 0 and counts[-1][0] == counts[-1][1] > 3
    progress = Progress(lambda task, done, total: progress.cancel() if done == 1 else None)
    with pytest.raises(Cancelled):
        fused(first, second, model, progress=progress)


def test_who_stops_before_the_network_is_there_does_not_wait_for_it(model, monkeypatch):
    monkeypatch.setattr(weights, "read", lambda *given: pytest.fail("the weights were read"))
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        fused(*pair(), model, progress=progress)


def test_there_is_no_way_back(model):
    result = fused(*pair(), model)
    with pytest.raises(CapabilityError, match="LAGN"):
        estimate(result.fused, result.recipe, model=model)
    with pytest.raises(CapabilityError, match="LAGN"):
        decompose(result.fused, result.fused, result.recipe, model=model)


def test_weights_that_do_not_fit_their_card_are_refused(model, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    weights.write(folder, Lagn(SIZE).state_dict(), {"id": "other", "method": "lagn", "description": "", "network": Size().to_dict()})
    with pytest.raises(ModelError, match="do not fit its card"):
        fused(*pair(), str(folder))
    weights.write(folder, Lagn(SIZE).state_dict(), {"id": "other", "method": "lagn", "description": "", "network": {"widths": [1]}})
    with pytest.raises(ModelError, match="install the model again"):
        fused(*pair(), str(folder))
