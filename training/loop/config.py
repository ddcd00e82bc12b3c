"""Everything that decides a training run, frozen and saved as JSON beside its checkpoints."""
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one run. A run is repeated by the same config, data and number of threads."""

    preset: str = "default"  # "paper": the published network, trained as published (trainers/paper.py)
    settings: dict = field(default_factory=dict)  # of the network: fields of DefaultConfig or PaperConfig
    seed: int = 0
    steps: int = 15000
    batch: int = 4  # of all processes together
    crop: int = 112  # pixels; a multiple of 4
    learning_rate: float = 1.2e-3
    beta2: float = 0.99  # of Adam; at the usual 0.999 a run blew up once, see TRIALS.md
    warm_up: int = 100
    flat: float = 0.35  # share of the steps before the cosine decay sets in
    clip: float = 1.0  # largest gradient norm
    average: float = 0.999  # of the moving average of the weights, which is what is validated and exported
    fused_weight: float = 0.6
    salient_weight: float = 0.2
    edge_weight: float = 0.05
    background_weight: float = 2.0
    texture_weight: float = 0.1
    estimate_weight: float = 1.0
    crps_weight: float = 0.5
    likelihood_weight: float = 0.005
    statistics_weight: float = 0.05
    noise: float = 0.001  # standard deviation added to the sources: gives flat regions a finite density
    coding: float = 0.006  # largest step of the simulated rounding of the fused image, on its 0..1 scale
    ssim_share: float = 0.8  # lambda of the paper
    lgg_share: float = 0.3  # of the crops
    validate_every: int = 500
    threads: int = 1  # of each process
    precision: str = "float32"  # or "bfloat16", "float16": of the subnets in training; all else, and every model, is float32
    loss: str = "released"  # of the paper preset, or "printed": see losses/paper.py
    forward_share: float = 0.5  # alpha of the paper, of the paper preset

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


PRESETS = {"paper": {"learning_rate": 3e-4, "batch": 64, "crop": 240, "steps": 400 * 132, "validate_every": 132, "clip": 1e9,
                     "beta2": 0.999, "average": 0.0}}
"""Where a preset's values differ from those above. `paper`, from the authors' code: 400 epochs of 8448 whole slices (the crop is as large
as they are), gradients as they come, no average of the weights."""


def load_config(path: Path) -> TrainingConfig:
    """Read what `save` wrote; an unknown field is an error."""
    return TrainingConfig(**json.loads(path.read_text()))
