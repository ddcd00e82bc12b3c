"""What the trainings of both FusionINN networks have in common: the flow, its precision and its start, and how it becomes a model."""
import inspect
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from FusionINNLib.methods.fusioninn import convolution, digits, flow, networks
from FusionINNLib.methods.fusioninn.networks import FusionNetwork, build, describe
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.loop.trainer import Trainer
from training.losses import paper
from training.losses.losses import CELL
from training.losses.paper import ReleasedProgram
from training.trainers import fusioninn_fuser
from training.trainers.fusioninn_card import FIGURES, measure, some_slices
from training.trainers.fusioninn_fuser import FlowFuser
from training.trainers.fusioninn_subnets import lower_subnets
from training.trainers.fusioninn_widen import widened

BLACK = 6 * CELL  # one and a half grey levels of 8-bit storage: what convolutions ring by around the head


class FlowTrainer(Trainer):
    """One run of a flow.

    NORMALIZATION, MARGIN   of the exported model, see `FusionINNLib.methods.model_card`
    sources_of              the slice k of two contrasts of a case, as the network is trained on it
    """

    CARD_KEYS: ClassVar[frozenset[str]] = frozenset({"method", "preset", "settings", "normalization", "margin", *FIGURES})
    NORMALIZATION: ClassVar[str] = "volume"
    MARGIN: ClassVar[int] = 8  # pixels; a crop in training ends in the head as often as in background, so little is needed
    sources_of: ClassVar[Callable] = staticmethod(PreparedCase.sources)

    @classmethod
    def network_of(cls, config: TrainingConfig) -> FusionNetwork:
        """The network of a config, to read weights into. Raises ValueError or TypeError for settings that make none."""
        return build(config.preset, config.settings)

    def lower_precision(self) -> None:
        """Subnets of couplings compute in 16 bits; the couplings' own arithmetic, log-determinants and losses stay float32."""
        if self.precision.is_low:
            lower_subnets(self.network, self.precision.dtype)

    def fitted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of a run whose network may have been narrower."""
        return widened(weights, self.network.state_dict())

    @classmethod
    def program(cls, network: FusionNetwork) -> FusionNetwork | ReleasedProgram:
        """What fuses and takes apart with a trained network."""
        return network

    @classmethod
    def fuser(cls, network: FusionNetwork) -> FlowFuser:
        """With a way back."""
        return FlowFuser(network, cls.program(network))

    @classmethod
    def code_files(cls) -> list[Path]:
        """The network, the program round it, and how both are used."""
        return [Path(inspect.getfile(module)) for module in (flow, networks, convolution, digits, paper, fusioninn_fuser)]

    @classmethod
    def exported(cls, network: FusionNetwork) -> FusionNetwork:
        """The same network with the exchange of digits and the coring after it, which are not there in training."""
        complete = build("default", asdict(network.config) | {"cell": CELL, "black": BLACK})
        complete.load_state_dict(network.state_dict())
        return complete.eval().requires_grad_(False)

    @classmethod
    def card_facts(cls, network: FusionNetwork, cases: list[PreparedCase]) -> dict:
        """What the network is built from, scale and margin of the sources, brightness of fused images, calibration of estimates."""
        pairs = [pair for case in cases for pair in some_slices(case, cls.sources_of)]
        return {"method": "fusioninn", **describe(network), "normalization": cls.NORMALIZATION, "margin": cls.MARGIN,
                **measure(network, pairs)}
