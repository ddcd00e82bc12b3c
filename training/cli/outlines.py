"""What `python -m training segment-...` does: data on the canvas, training by folds, the table, the model folder."""
import argparse
import os
import sys
from pathlib import Path

from FusionINNLib.atomic import check_free, replacing
from FusionINNLib.errors import InputError
from FusionINNLib.methods import devices
from FusionINNLib.methods.model_card import CARD, WEIGHTS
from training.data.canvas_cases import prepare
from training.data.targets import target_of
from training.loop.config import load_config
from training.segmentation.fit import fit, run_folder
from training.segmentation.folds import NUMBER
from training.segmentation.held_out import TRAINERS, finished_folds
from training.segmentation.rows import ROWS


def segment_prepare(options: argparse.Namespace) -> None:
    """python -m training segment-prepare --prepared DIR --out DIR [--target WHAT] [--shown WHAT ...]"""
    if not options.shown:
        prepare(options.prepared, options.out, target=target_of(options.target))
        return
    from training.segmentation import shown

    shown.prepare(options.prepared, options.out, options.shown)


def segment_fit(options: argparse.Namespace) -> None:
    """python -m training segment-fit --canvas DIR --splits FILE --runs DIR [--rows ROW ...] [--folds N ...] [--target WHAT]"""
    if unknown := [row for row in options.rows if row not in ROWS]:
        raise InputError(f"There is no row {unknown[0]!r}: choose among {', '.join(ROWS)}.")
    fit(options.canvas, options.splits, options.runs, options.rows or list(ROWS), options.folds or range(NUMBER),
        str(devices.choose_device(options.device)), target=target_of(options.target))


def segment_evaluate(options: argparse.Namespace) -> None:
    """python -m training segment-evaluate --canvas DIR --prepared DIR --splits FILE --runs DIR --out DIR [--model DIR]"""
    from training.segmentation import page
    from training.segmentation.export import export
    from training.segmentation.measure import measure

    rows = [row for row in ROWS if finished_folds(options.runs, row)]
    if not rows:
        raise InputError(f"{options.runs} holds no finished run: run 'python -m training segment-fit' first.")
    if options.model:
        check_free(options.model, options.overwrite, frozenset({CARD, WEIGHTS}))
    device = str(devices.choose_device(options.device))
    measured = measure(options.canvas, options.prepared, options.splits, options.runs, rows, device, _say)
    command = _command(options)
    training = [_trained(options.runs, row, list(by_fold)) for row, by_fold in measured.rules.items()]
    files = {"outlines.md": page.page(measured, command, training),
             "outlines.csv": page.as_csv(measured), "outlines.json": page.as_json(measured, command)}
    _write(options.out, files)
    print(files["outlines.md"])
    if options.model:
        export(options.canvas, options.splits, options.runs, rows[0], 0, options.model, measured, options.overwrite)
        print(f"Made the model folder {options.model}: try it with 'fusioninn segment --model {options.model} ...'.")


def segment_worth(options: argparse.Namespace) -> None:
    """python -m training segment-worth --canvas DIR --prepared DIR --splits FILE --runs DIR --out DIR"""
    from training.segmentation import worth, worth_page

    device = str(devices.choose_device(options.device))
    found = worth.measure(options.canvas, options.prepared, options.splits, options.runs, device, _say)
    if worth.SOURCES not in found:
        raise InputError(f"{options.runs} holds no finished run on both sources: run 'python -m training segment-fit' with --runs "
                         f"{options.runs / worth.SOURCES} first.")
    command = _command(options)
    files = {"worth.md": worth_page.page(found, command), "worth.json": worth_page.as_json(found, command)}
    _write(options.out, files)
    print(files["worth.md"])


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with replacing(folder / name) as file:
            file.write(text.encode())


def _trained(runs: Path, row: str, done: list[int]) -> str:
    config = load_config(run_folder(runs, row, done[0]) / "config.json", TRAINERS)
    seconds = [_seconds(run_folder(runs, row, fold)) for fold in done]
    norms = [_largest_norm(run_folder(runs, row, fold)) for fold in done]
    return (f"- {ROWS[row].title}: fold{'s' if len(done) > 1 else ''} {', '.join(map(str, done))}; {config.steps} steps of {config.batch} "
            f"slices, learning rate {config.learning_rate:g}, seed {config.seed}, on average {sum(seconds) / len(seconds) / 60:.1f} "
            f"minutes a fold, one thread on a shared machine; gradients clipped at norm {config.clip:g} (largest norm at a validation: "
            f"{max(norms):.2f}).")


def _log(folder: Path) -> list[dict[str, str]]:
    import csv

    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _seconds(folder: Path) -> float:
    return float(_log(folder)[-1]["seconds"])


def _largest_norm(folder: Path) -> float:
    return max(float(row["norm"]) for row in _log(folder))


def _command(options: argparse.Namespace) -> str:
    words = " ".join(f"--{name} {os.path.relpath(getattr(options, name))}" for name in ("canvas", "prepared", "splits", "runs", "out"))
    return f"python -m training {options.command} {words}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
