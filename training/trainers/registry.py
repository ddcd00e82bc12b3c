"""Which training belongs to a name: the one table of trainers. `loop/` knows none of them and is handed it."""
from training.baselines import TRAINED
from training.loop.trainer import Trainer
from training.trainers.baseline import BaselineTrainer
from training.trainers.fusioninn import FusionInnTrainer
from training.trainers.paper import PaperTrainer

TRAINERS: dict[str, type[Trainer]] = {"default": FusionInnTrainer, "paper": PaperTrainer, **dict.fromkeys(TRAINED, BaselineTrainer)}
"""Name, as the setting `preset` has it -> trainer, whose `Config` are its settings. The first is trained where nothing is named."""
