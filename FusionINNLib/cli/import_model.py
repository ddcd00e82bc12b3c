"""What `fusioninn import-model` does: a checkpoint of the paper's authors becomes a model folder."""
import argparse

from FusionINNLib.atomic import check_free, new_folder
from FusionINNLib.methods.fusioninn.model_folder import write
from FusionINNLib.methods.fusioninn.released_checkpoint import PAPER_MARGIN, read_checkpoint
from FusionINNLib.methods.model_card import CARD, WEIGHTS
from FusionINNLib.results.recipe import NOTICE


def import_model(options: argparse.Namespace) -> None:
    """fusioninn import-model FILE --out DIR"""
    names = frozenset({CARD, WEIGHTS})
    check_free(options.out, options.overwrite, names, [options.checkpoint])
    network = read_checkpoint(options.checkpoint)
    card = {"id": options.out.absolute().name, "normalization": "slice", "margin": PAPER_MARGIN, "typical_bright": 1.0,
            "spread_scale": 1.0, "spread_scale_rounded": 1.0,
            "description": f"The published network, imported from {options.checkpoint.name}. Terms: those of its authors."}
    with new_folder(options.out, options.overwrite, names, [options.checkpoint]) as folder:
        write(folder, network, card)
    print(f"Made the model folder {options.out}: use it with --model {options.out}.\n{NOTICE}")
