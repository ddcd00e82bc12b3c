"""What `python -m training prior` does: the Gaussian prior of a diffusion, fitted to the training cases, as a model folder."""
import argparse

from FusionINNLib.atomic import check_free
from training.cli.commands import facts
from training.trainers.ddfm_gaussian import FILES, fit_prior


def prior(options: argparse.Namespace) -> None:
    """python -m training prior --data DIR --splits FILE --out DIR [--facts FILE]"""
    check_free(options.out, options.overwrite, FILES)
    fit_prior(options.data, options.splits, options.out, facts(options.facts, frozenset({"method", "prior"})), options.overwrite)
    print(f"Made the model folder {options.out}: try it with 'fusioninn fuse --method ddfm --model {options.out} ...'.")
