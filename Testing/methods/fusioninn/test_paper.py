"""The published network against FrEIA 0.2, from which it was released: same weights, same numbers, both ways."""
import pytest
import torch

from FusionINNLib.errors import ModelError
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.networks import paper_network
from FusionINNLib.methods.fusioninn.released_checkpoint import from_freia, read_checkpoint
from training.speed.reference import freia_network

pytest.importorskip("FrEIA.framework", reason="FrEIA is a test dependency: install the extra 'test'")


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-6), (torch.float32, 1e-5)])
def test_agrees_with_freia_both_ways(dtype, tolerance):
    theirs, ours = freia_network(), paper_network()
    ours.load_state_dict(from_freia(theirs.state_dict()))
    theirs, ours = theirs.to(dtype), ours.to(dtype)
    sources = torch.rand(3, 2, 32, 32, dtype=dtype)
    (fused, latent), log_det = theirs(sources)
    y, z, our_log_det = ours(sources)
    assert (y - fused).abs().max() < tolerance * fused.abs().max()
    assert (z - latent).abs().max() < tolerance * latent.abs().max()
    assert torch.allclose(our_log_det, log_det, rtol=10 * tolerance)
    other = torch.randn_like(latent)
    back = theirs([fused, other], rev=True)[0]
    assert (ours.decompose(fused, other) - back).abs().max() < tolerance * back.abs().max()


def test_a_released_checkpoint_becomes_a_model(tmp_path):
    theirs = freia_network()
    path = tmp_path / "inn.pt"
    torch.save({"model_state_dict": theirs.state_dict(), "loss_train": [0.3, 0.2]}, path)
    network = read_checkpoint(path)
    model_folder.write(tmp_path, network, {"id": "released", "normalization": "slice", "margin": 18, "description": "",
                                           "typical_bright": 1.0,
                                    "spread_scale": 1.0, "spread_scale_rounded": 1.0})
    again = model_folder.load(find_card(str(tmp_path)))
    sources = torch.rand(1, 2, 32, 32)
    assert torch.allclose(again.fuse(sources)[0], theirs(sources)[0][0], atol=1e-4)


@pytest.mark.parametrize("content", [{"weights": 1}, {"model_state_dict": {"conv.weight": torch.ones(1)}}, [1, 2]])
def test_other_checkpoints_are_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ModelError):
        read_checkpoint(path)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match="safely"):
        read_checkpoint(path)
    with pytest.raises(ModelError, match="no such file"):
        read_checkpoint(tmp_path / "absent.pt")
