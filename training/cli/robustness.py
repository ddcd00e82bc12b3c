"""What `python -m training robustness` does: arguments in, page, tables and a picture out."""
import argparse

from FusionINNLib.errors import InputError
from FusionINNLib.methods.registry import DEFAULT
from training.cli.tables import check_out, command_words, say, write_all
from training.robustness.page import as_csv, as_json, page
from training.robustness.pictures import picture
from training.robustness.results import Request
from training.robustness.results import robustness as measure_all

QUICK_SLICES = 2


def robustness(options: argparse.Namespace) -> None:
    """python -m training robustness [--method NAME] [--model NAME] --data DIR --splits FILE --out DIR, or --quick --out DIR"""
    check_out(options.out)
    if not options.quick and not (options.data and options.splits):
        raise InputError("Give --data and --splits, or --quick for the made-up case alone.")
    data = (None, None) if options.quick else (options.data, options.splits)
    slices = min(options.slices, QUICK_SLICES) if options.quick else options.slices
    results = measure_all(Request(options.method, options.model, options.device, *data, slices, options.patients,
                                  tuple(options.columns)), say)
    name = "robustness" if options.method == DEFAULT else f"robustness_{options.method}"
    command = command_words(options, ("method", "model", "data", "splits", "slices", "patients", "columns", "device", "out"), ("quick",))
    write_all(options.out, name, page(results, command, [f"{name}.png"]), as_csv(results), as_json(results, command),
              {f"{name}.png": picture(results)})
