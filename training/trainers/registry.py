"""Which training belongs to a name: the one table of trainers. `loop/` knows none of them and is handed it."""
from FusionINNLib.methods import registry
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import typed
from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from training.baselines import TRAINED
from training.loop.trainer import Trainer
from training.trainers.baseline import BaselineTrainer
from training.trainers.dc2fusion import DC2FusionTrainer
from training.trainers.ddfm_unet import DdfmUnetTrainer
from training.trainers.fusioninn import FusionInnTrainer
from training.trainers.lagn import LagnTrainer
from training.trainers.lagn_diffusion import LagnDiffusionTrainer
from training.trainers.paper import PaperTrainer

TRAINERS: dict[str, type[Trainer]] = {"default": FusionInnTrainer, "paper": PaperTrainer, **dict.fromkeys(TRAINED, BaselineTrainer),
                                     "ddfm-unet": DdfmUnetTrainer, "dc2fusion": DC2FusionTrainer,
                                     "lagn-diffusion": LagnDiffusionTrainer, "lagn": LagnTrainer}
"""Name, as the setting `preset` has it -> trainer, whose `Config` are its settings. The first is trained where nothing is named."""


def load_model(model: str) -> tuple[str, FusionNetwork]:
    """The name of the training that a model of FusionINN comes from, and its network on the CPU, ready to use.

    Raises ModelError where there is none, it is damaged, or belongs to another method.
    """
    method = registry.create("fusioninn", model)
    assert method.card is not None  # as every method has that needs training
    card = typed(method.card)
    return card.architecture, model_folder.load(card)
