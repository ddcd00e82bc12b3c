"""What all tests share."""
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what it runs in the background; children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of real data and reference values beside the checkout. Skips where it is absent; CI must not skip where it is present."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout: real data and reference values are not distributed with the project")
    return SHARED


def write_model(folder: Path, preset: str, strength: float, **settings) -> Path:
    """A small network with random weights that act (the fresh ones hardly do), as a model folder."""
    import torch

    from FusionINNLib.methods.fusioninn import model_folder, networks

    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = networks.build(preset, settings)
        for name, parameter in network.named_parameters():
            if name.endswith("weight"):
                torch.nn.init.normal_(parameter, std=strength / parameter[0].numel() ** 0.5)
            else:
                torch.nn.init.normal_(parameter, std=0.05)
    folder.mkdir(parents=True)
    model_folder.write(folder, network, {"id": folder.name, "description": "for tests", "margin": 4, "typical_bright": 0.8,
                                         "spread_scale": 1.0,
                                   "spread_scale_rounded": 1.0, "normalization": "slice" if preset == "paper" else "volume"})
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> str:
    """Path of a model folder: the default network, small and untrained, with couplings that really act."""
    settings = {"half_before": 1, "quarter": 1, "half_after": 1, "half_width": 8, "quarter_width": 8}
    return str(write_model(tmp_path_factory.mktemp("models") / "tiny", "default", 0.7, **settings))


@pytest.fixture(scope="session")
def paper_model(tmp_path_factory) -> str:
    """Path of a model folder: the published network, untrained."""
    return str(write_model(tmp_path_factory.mktemp("models") / "tiny-paper", "paper", 0.7, k=3))


@pytest.fixture(scope="session")
def fused_case(tmp_path_factory, tiny_model):
    """A fusion on disk, made by the command line from two files on one grid: `first.nii.gz`, `second.nii.gz`, `fused/`."""
    from making import head, volume

    from FusionINNLib.cli.__main__ import main
    from FusionINNLib.volumes.io import write_nifti

    folder = tmp_path_factory.mktemp("Doe_John_19700101")
    write_nifti(volume(head(), slope=0.5, intercept=-3.0), folder / "first.nii.gz")
    write_nifti(volume(head(seed=1)), folder / "second.nii.gz")
    assert main(["fuse", str(folder / "first.nii.gz"), str(folder / "second.nii.gz"), "--out", str(folder / "fused"), "--model", tiny_model,
                 "--device", "cpu"]) == 0
    return folder
