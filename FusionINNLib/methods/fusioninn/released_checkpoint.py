"""Checkpoints of the paper's authors: their names for the parameters, and this project's.

The released code saves a dictionary whose `model_state_dict` carries FrEIA 0.2's keys, `module_list.<n>....`, for the order normalisation,
coupling, permutation, down-sampling, coupling, permutation, up-sampling, coupling. `paper_network(k=3)` has the same order.
"""
from pathlib import Path

import torch
from torch import Tensor

from FusionINNLib.errors import ModelError
from FusionINNLib.methods.fusioninn.networks import FusionNetwork, PaperConfig, paper_network
from FusionINNLib.volumes import impostors

PAPER_MARGIN = 18  # the network's receptive radius and one: what it makes of the head is what it would make in the whole slice
_SUBNETS = {"subnet2": "for_first", "subnet1": "for_second"}  # FrEIA numbers them by their input, this project by their output


def read_checkpoint(path: Path) -> FusionNetwork:
    """The network of a released checkpoint. Raises ModelError for a file that is none; nothing in it is unpickled."""
    impostors.check_no_pipe(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as problem:
        raise ModelError(f"{path}: there is no such file; check the path.") from problem
    except Exception as problem:  # torch raises half a dozen kinds here
        raise ModelError(f"{path.name} is not a checkpoint that can be loaded safely: "
                         "give a file that torch.save wrote from plain tensors.") from problem
    if not isinstance(state, dict) or not isinstance(state.get("model_state_dict"), dict):
        raise ModelError(f"{path.name} holds no 'model_state_dict': give a checkpoint in the released format.")
    network = paper_network(PaperConfig(k=3))
    try:
        network.load_state_dict(from_freia(state["model_state_dict"]))
    except (RuntimeError, KeyError, ValueError, IndexError) as problem:
        raise ModelError(f"{path.name} is not of the released network (k = 3): its parameters have other names or sizes.") from problem
    return network.eval()


def from_freia(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """FrEIA's parameters under this project's names; fixed kernels are left out."""
    return {_translated(name): tensor for name, tensor in state.items() if not name.endswith("downsample_kernel")}


def _translated(name: str) -> str:
    parts = name.removeprefix("module.").split(".")  # "module." is added by DataParallel
    if parts[0] != "module_list":
        raise KeyError(name)
    own = {"scale": "log_scale", "perm": "order", "perm_inv": "order_back"}.get(".".join(parts[2:]))
    rest = [own] if own is not None else [_SUBNETS.get(parts[2], parts[2]), *parts[3:]]
    return ".".join(["flow.flows", parts[1], *rest])
