"""What `python -m training benchmark` and `python -m training ablate` do: arguments in, pages, tables and pictures out."""
import argparse
import os
import shlex
import sys
from pathlib import Path

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from FusionINNLib.methods import devices, model_card, registry
from training.ablation import page as ablation_page
from training.ablation.results import ablate as run_ablation
from training.ablation.train import QUICK, SCHEDULE, with_steps
from training.benchmark import figures
from training.benchmark import page as benchmark_page
from training.benchmark.pictures import pictures_of
from training.benchmark.results import MOST_QUICK, BenchmarkResults, Request
from training.benchmark.results import benchmark as run_benchmark
from training.benchmark.train import QUICK_SCHEDULES, SCHEDULES
from training.figures import curves

QUICK_FOLDER = "quick"  # in the folder of runs: networks trained for a few steps are kept apart from the others


def benchmark(options: argparse.Namespace) -> None:
    """python -m training benchmark --data DIR --prepared DIR --splits FILE --runs DIR --out DIR"""
    check_out(options.out)
    pictures: dict[str, bytes] = {}
    device = str(devices.choose_device(options.device))
    schedules = None if options.no_train else QUICK_SCHEDULES if options.quick else SCHEDULES
    request = Request(options.data, options.prepared, options.splits, _runs(options), options.model, device, schedules,
                      MOST_QUICK if options.quick else options.slices, options.quick)
    results = run_benchmark(request, say, lambda entry, pairs, methods: pictures.update(pictures_of(entry, pairs, methods, device)))
    pictures |= _figures(results)
    command = command_words(options, ("data", "prepared", "splits", "runs", "model", "slices", "device", "out"), ("quick", "no_train"))
    text = benchmark_page.page(results, command, list(pictures))
    write_all(options.out, "benchmark", text, benchmark_page.as_csv(results), benchmark_page.as_json(results, command), pictures)
    _end(results.skipped)


def _figures(results: BenchmarkResults) -> dict[str, bytes]:
    made = {"benchmark_differences.png": figures.differences(results, results.sets[0]),
            "benchmark_curves.png": curves({method.title: method.convergence for method in results.methods if method.convergence})}
    return {name: content for name, content in made.items() if content}


def ablate(options: argparse.Namespace) -> None:
    """python -m training ablate --prepared DIR --splits FILE --runs DIR --out DIR"""
    check_out(options.out)
    schedule = QUICK if options.quick else SCHEDULE if options.steps is None else with_steps(options.steps)
    results = run_ablation(options.prepared, options.splits, _runs(options), schedule, options.quick,
                           not options.no_train, str(devices.choose_device(options.device)), say)
    pictures = ablation_page.pictures_of(results, options.prepared)
    command = command_words(options, ("prepared", "splits", "runs", "steps", "device", "out"), ("quick", "no_train"))
    text = ablation_page.page(results, command, list(pictures))
    write_all(options.out, "ablation", text, ablation_page.as_csv(results), ablation_page.as_json(results, command), pictures)
    _end(results.skipped)


def _runs(options: argparse.Namespace) -> Path:
    return options.runs / QUICK_FOLDER if options.quick else options.runs


def check_out(out: Path) -> None:
    """Raise InputError where something else than a folder has that name."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is not a folder: choose another one for --out.")


def say(line: str) -> None:
    """To a waiting person, on standard error."""
    print(line, file=sys.stderr, flush=True)


_PRESETS = (("device", "auto"), ("model", model_card.DEFAULT), ("method", registry.DEFAULT))


def command_words(options: argparse.Namespace, values: tuple[str, ...], flags: tuple[str, ...]) -> str:
    """The command that gives the same page again, with paths as seen from the working folder: none of this machine's."""
    words = ["python", "-m", "training", options.command]
    for name in values:
        value = getattr(options, name)
        if value in (None, []) or (name, value) in _PRESETS:
            continue
        values_of = value if isinstance(value, list) else [os.path.relpath(value) if os.path.isabs(str(value)) else str(value)]
        words += [f"--{name}", *values_of]
    return shlex.join(words + [f"--{name.replace('_', '-')}" for name in flags if getattr(options, name)])


def write_all(out: Path, name: str, text: str, as_csv: str, as_json: str, pictures: dict[str, bytes]) -> None:
    """Page, tables and pictures, in the place of earlier ones, each whole or not at all."""
    files = {f"{name}.md": text.encode(), f"{name}.csv": as_csv.encode(), f"{name}.json": as_json.encode()}
    for path, content in (files | {f"pictures/{picture}": content for picture, content in pictures.items()}).items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            file.write(content)
    print(text)


def _end(skipped: dict[str, str]) -> None:
    """What was left out, once more, at the end."""
    if skipped:
        say(f"{len(skipped)} skipped:")
        for name, reason in skipped.items():
            say(f"  {name}: {reason}")
