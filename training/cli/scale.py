"""What `python -m training scale` does: arguments in, page and JSON out."""
import argparse
import importlib.util
import tempfile
import time
from pathlib import Path

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from training.cli.tables import check_out, command_words, say

QUICK = (4, 2, [(20, 1), (20, 4)])
STUBS = [(100, 1), (10_000, 1), (2_000, 100)]  # a thousand workers in one process do not get to work within ten minutes


def scale(options: argparse.Namespace) -> None:
    """python -m training scale --out DIR [--patients N] [--quick]"""
    check_out(options.out)
    if importlib.util.find_spec("distributed") is None:
        raise InputError("Cohorts run on Dask, which is not installed here: say pip install 'fusioninn[cohort]'.")
    from training.scale import page
    from training.scale.measure import measure

    patients, disturbed, stubs = QUICK if options.quick else (options.patients, max(2, options.patients // 10), STUBS)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), patients, disturbed, stubs, say)
    command = command_words(options, ("patients", "out"), ("quick",))
    text = page.page(found, command, time.strftime("%Y-%m-%d"))
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in (("scale.md", text), ("scale.json", page.as_json(found, command))):
        with replacing(options.out / name) as file:
            file.write(content.encode())
    print(text)
