"""What `python -m training prior` and `priors` do: fit the Gaussian prior of a diffusion as a model folder; measure what priors matter."""
import argparse
import os
import sys

from FusionINNLib.atomic import check_free, replacing
from FusionINNLib.methods import registry
from training.cli.commands import facts
from training.trainers.ddfm_gaussian import FILES, METHOD, fit_prior
from training.trainers.ddfm_priors import measure, page, validation_pairs


def prior(options: argparse.Namespace) -> None:
    """python -m training prior --data DIR --splits FILE --out DIR [--facts FILE]"""
    check_free(options.out, options.overwrite, FILES)
    fit_prior(options.data, options.splits, options.out, facts(options.facts, frozenset({"method", "prior"})), options.overwrite)
    print(f"Made the model folder {options.out}: try it with 'fusioninn fuse --method {METHOD} --model {options.out} ...'.")


def priors(options: argparse.Namespace) -> None:
    """python -m training priors --data DIR --splits FILE --out FILE [--slices N] [--steps N ...] [--models ID ...]"""
    slices = validation_pairs(options.data, options.splits, options.slices)
    models = options.models or registry.models_of(METHOD)
    rows = list(measure(slices, models, tuple(options.steps), lambda line: print(line, file=sys.stderr, flush=True)))
    paths = " ".join(f"--{name} {os.path.relpath(getattr(options, name))}" for name in ("data", "splits", "out"))
    numbers = f"--slices {options.slices} --steps {' '.join(map(str, options.steps))} --models {' '.join(map(os.path.basename, models))}"
    text = page(rows, slices, f"python -m training priors {paths} {numbers}")
    with replacing(options.out) as file:
        file.write(text.encode())
    print(text)
