"""DC2Fusion as a method: any grid and size, tiles, progress and cancel, short memory, what it refuses. With a small untrained network."""
from pathlib import Path

import numpy as np
import pytest
import torch
from making import AFFINES, head, volume

from FusionINNLib.errors import Cancelled, CapabilityError, DeviceMemoryError, ModelError
from FusionINNLib.methods import registry, weights
from FusionINNLib.methods.dc2fusion import tiles
from FusionINNLib.methods.dc2fusion.network import DC2FusionNetwork, Size
from FusionINNLib.pipeline import decompose, estimate, fuse
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.orientation import from_ras, to_ras
from FusionINNLib.volumes.volume import Volume

SIZE = Size(24, (1, 1), residual=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    torch.manual_seed(0)
    network = DC2FusionNetwork(SIZE)
    torch.nn.init.normal_(network.maps.weight, std=0.02)
    folder = tmp_path_factory.mktemp("models") / "tiny-dc2fusion"
    folder.mkdir()
    weights.write(folder, network.half().state_dict(), {"id": folder.name, "method": "dc2fusion", "description": "for tests",
                                                        "network": SIZE.to_dict()})
    return str(folder)


def fused(first, second, model, **given):
    return fuse(first, second, method="dc2fusion", model=model, device="cpu", **given)


def pair(shape=(6, 40, 44), affine=AFFINES["lps"]):
    return volume(head(shape=shape), "first", affine), volume(head(shape=shape, seed=2), "second", affine)


@pytest.mark.parametrize("grid", AFFINES)
def test_the_result_does_not_depend_on_how_the_voxels_are_stored(grid, model):
    first, second = pair((7, 30, 33))
    plain = fused(first, second, model).fused
    turned = [Volume(from_ras(to_ras(one.array, one.affine), AFFINES[grid]), AFFINES[grid], one.name) for one in (first, second)]
    result = fused(*turned, model).fused
    assert result.shape == turned[0].shape and np.array_equal(result.affine, AFFINES[grid]) and result.array.dtype == np.float32
    np.testing.assert_array_equal(to_ras(result.array, AFFINES[grid]), to_ras(plain.array, plain.affine))


@pytest.mark.parametrize("shape", [(1, 40, 44), (5, 67, 41), (70, 66, 20)])
def test_any_size_goes_through_and_something_was_changed(shape, model):
    first, second = pair(shape)
    result = fused(first, second, model)
    assert result.fused.shape == shape and np.isfinite(result.fused.array).all() and result.latent is None
    shares = result.recipe.record["shares"]
    assert sum(shares) == pytest.approx(1) and 0.3 < shares[0] < 0.7
    average = fuse(first, second, method="average").fused.array
    difference = np.abs(result.fused.array - average)
    assert 0.001 < difference[average > 0.2].mean() < 0.5


def test_background_far_from_the_head_is_that_of_the_average(model):
    first, second = (Volume(np.pad(one.array, 12), one.affine, one.name) for one in pair())
    result, average = fused(first, second, model).fused.array, fuse(first, second, method="average").fused.array
    np.testing.assert_array_equal(result[:6], average[:6])
    assert (result[:, :6] == average[:, :6]).all() and (result[..., -6:] == average[..., -6:]).all()


def test_next_to_nothing_to_see_is_finite(model):
    """A volume of one value but for a voxel; one whose head is a voxel."""
    nearly = np.full((4, 20, 20), 7, np.int16)
    nearly[2, 10, 10] = 8
    speck = np.zeros((4, 20, 20), np.int16)
    speck[2, 10, 10] = 900
    for array in (nearly, speck):
        for other in (head(shape=array.shape), array.copy()):
            assert np.isfinite(fused(volume(array, "first"), volume(other, "second"), model).fused.array).all()


def test_tiles_are_told_and_the_work_ends_within_one(model):
    told = []
    first, second = pair((70, 100, 90))
    fused(first, second, model, progress=Progress(lambda task, done, total: told.append((task, done, total))))
    steps = [(done, total) for task, done, total in told if task == "fusing tiles"]
    total = steps[0][1]
    assert total > 4 and steps == [(n, total) for n in range(total + 1)]
    progress = Progress(lambda task, done, total: task == "fusing tiles" and done == 2 and progress.cancel())
    seen, count = [], tiles.DC2FusionNetwork.forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles.DC2FusionNetwork, "forward", lambda self, a, b: seen.append(1) or count(self, a, b))
        with pytest.raises(Cancelled):
            fused(first, second, model, progress=progress)
    assert len(seen) == 3


def test_tiles_come_back_where_they_were_cut_out(monkeypatch):
    """A network that adds nothing gives the sources themselves, whatever the tiles."""
    sources = np.random.default_rng(0).random((2, 20, 70, 40), np.float32)
    network = DC2FusionNetwork(SIZE).eval()
    maps = tiles.maps_of(network, sources, torch.device("cpu"), lambda done, total: None, lambda sentence: None)
    np.testing.assert_allclose(maps, sources, atol=1e-5)
    monkeypatch.setattr(tiles, "SIDE", 32)
    again = tiles.maps_of(network, sources, torch.device("cpu"), lambda done, total: None, lambda sentence: None)
    np.testing.assert_allclose(again, sources, atol=1e-5)


def test_memory_that_is_short_is_told_and_the_cpu_goes_on(model, monkeypatch):
    swept, said = tiles._swept, []

    def short(network, sources, device, on_tile):
        if device.type != "cpu" or sources.shape[1] == 9:
            raise MemoryError
        return swept(network, sources, device, on_tile)

    monkeypatch.setattr(tiles, "_swept", short)
    network = DC2FusionNetwork(SIZE).eval()
    monkeypatch.setattr(network, "to", lambda device: network)
    maps = tiles.maps_of(network, np.zeros((2, 4, 16, 16), np.float32), torch.device("cuda"), lambda done, total: None, said.append)
    assert maps.shape == (2, 4, 16, 16) and said == ["Memory of cuda was too small for a tile: going on with the CPU."]
    with pytest.raises(DeviceMemoryError, match="not enough memory"):
        tiles.maps_of(network, np.zeros((2, 9, 16, 16), np.float32), torch.device("cpu"), lambda done, total: None, said.append)


def test_there_is_no_way_back(model):
    first, second = pair()
    fusion = fused(first, second, model)
    with pytest.raises(CapabilityError, match="only fuses"):
        decompose(fusion.fused, fusion.fused, fusion.recipe, model=model)
    with pytest.raises(CapabilityError, match="only fuses"):
        estimate(fusion.fused, fusion.recipe, model=model)


def test_it_says_which_weights_it_was_and_refuses_others(model, tmp_path):
    fusion = fused(*pair(), model)
    card = registry.create("dc2fusion", model).card
    assert fusion.recipe.sha256 == card.sha256 and fusion.recipe.method == "dc2fusion" and fusion.recipe.model == "tiny-dc2fusion"
    other = tmp_path / "other"
    other.mkdir()
    state = torch.load(Path(model) / "weights.pt", weights_only=True)
    weights.write(other, state, {"id": "other", "method": "dc2fusion", "description": "", "network": SIZE.to_dict() | {"width": 48}})
    with pytest.raises(ModelError, match="do not fit"):
        fused(*pair(), str(other))
    with pytest.raises(ModelError, match="belongs to the method"):
        fuse(*pair(), method="dc2fusion", model="default")
