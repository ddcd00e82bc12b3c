"""What `python -m training methods` does: arguments in, page, tables and pictures out."""
import argparse

from training.cli.tables import check_out, command_words, say, write_all
from training.comparison.compare import Request, compare
from training.comparison.page import as_csv, as_json, page
from training.comparison.pictures import pictures_of


def methods(options: argparse.Namespace) -> None:
    """python -m training methods --data DIR --splits FILE --runs DIR --out DIR"""
    check_out(options.out)
    pictures: dict[str, bytes] = {}
    request = Request(options.data, options.splits, options.runs, options.device, options.slices, options.measured, tuple(options.methods))
    found = compare(request, say, lambda entry, slab, fused: pictures.update(pictures_of(entry, slab, fused)))
    command = command_words(options, ("data", "splits", "runs", "slices", "measured", "methods", "device", "out"), ())
    write_all(options.out, "methods", page(found, command, list(pictures)), as_csv(found), as_json(found, command), pictures)
