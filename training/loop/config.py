"""What decides a run, whatever is trained: frozen, saved as JSON beside its checkpoints. Each trainer adds settings of its own."""
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from FusionINNLib.atomic import replacing

if TYPE_CHECKING:
    from training.loop.trainer import Trainer

Trainers = Mapping[str, type["Trainer"]]
"""Which training belongs to the name in `preset`; the table itself is in trainers/registry.py. The first is taken where none is named."""


@dataclass(frozen=True)
class TrainingConfig:
    """Settings that every run has. A run is repeated by the same config, data and number of threads."""

    CHANGEABLE: ClassVar[frozenset[str]] = frozenset({"steps", "learning_rate", "warm_up", "flat", "ssim_share"})
    """What may change in mid-run, when asked for: how long, how fast, and what for. Network, data and seed may not."""

    preset: str  # what is trained, a name of trainers/registry.py
    settings: dict = field(default_factory=dict)  # of the network, where it takes some
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
    ssim_share: float = 0.8  # of SSIM in a similarity, against mean squares
    lgg_share: float = 0.3  # of the crops
    validate_every: int = 500
    threads: int = 1  # of each process
    precision: str = "float32"  # or "bfloat16", "float16": of layers in training; all else, and every model, is float32

    def check(self) -> None:
        """Raises InputError for values of a trainer's own settings that make no sense."""

    def save(self, path: Path) -> None:
        """Write as JSON, one flat table, whole or not at all."""
        with replacing(path) as file:
            file.write((json.dumps(asdict(self), indent=1) + "\n").encode())


def trainer_class(preset: object, trainers: Trainers) -> type["Trainer"]:
    """The trainer of a name, the first one for None. Raises ValueError for a name that does not exist."""
    if preset is None:
        return next(iter(trainers.values()))
    if not isinstance(preset, str) or preset not in trainers:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(trainers)}")
    return trainers[preset]


def load_config(path: Path, trainers: Trainers) -> TrainingConfig:
    """Read what `save` wrote; a field that no trainer has is an error."""
    values = json.loads(path.read_text())
    kind = trainer_class(values.get("preset"), trainers)
    return kind.Config(**own_values(values, kind.Config, trainers))


def own_values(values: dict, config: type[TrainingConfig], trainers: Trainers) -> dict:
    """The values without those that only other trainers know: until version 0.1.0 every run was written with the settings of all."""
    own = {item.name for item in fields(config)}
    others = {item.name for other in trainers.values() for item in fields(other.Config)} - own
    return {name: value for name, value in values.items() if name not in others}
