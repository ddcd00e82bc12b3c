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
from training.data.targets import WHOLE, target_of
from training.loop.config import load_config
from training.segmentation import page
from training.segmentation.fit import fit, run_folder
from training.segmentation.folds import NUMBER
from training.segmentation.held_out import TRAINERS, finished_folds
from training.segmentation.measure import Measured, measure
from training.segmentation.rows import ROWS


def segment_prepare(options: argparse.Namespace) -> None:
    """python -m training segment-prepare --prepared DIR --out DIR [--target WHAT] [--shown WHAT ...]"""
    target = target_of(options.target)
    if not options.shown:
        prepare(options.prepared, options.out, target=target)
        return
    if target is not WHOLE:
        raise InputError("What is shown in place of both sources goes with the whole lesion: leave --target out.")
    from training.segmentation import shown

    shown.prepare(options.prepared, options.out, options.shown)


def segment_fit(options: argparse.Namespace) -> None:
    """python -m training segment-fit --canvas DIR --splits FILE --runs DIR [--rows ROW ...] [--folds N ...] [--target WHAT]"""
    _check_rows(options.rows)
    fit(options.canvas, options.splits, options.runs, options.rows or list(ROWS), options.folds or range(NUMBER),
        str(devices.choose_device(options.device)), target=target_of(options.target))


def segment_evaluate(options: argparse.Namespace) -> None:
    """python -m training segment-evaluate --canvas DIR --prepared DIR --splits FILE --runs DIR --out DIR
    [--target WHAT] [--rows ROW ...] [--folds N ...] [--name FILE] [--keep FILE] [--model DIR]"""
    from training.segmentation.export import export

    target = target_of(options.target)
    _check_rows(options.rows)
    earlier = _read_earlier(options.keep) if options.keep else None
    done = {row: [fold for fold in finished_folds(options.runs, row) if fold in (options.folds or range(NUMBER))]
            for row in options.rows or ROWS}
    rows = {row: found for row, found in done.items() if found}
    if not rows:
        raise InputError(f"{options.runs} holds no finished run of these: run 'python -m training segment-fit' first.")
    if options.model:
        check_free(options.model, options.overwrite, frozenset({CARD, WEIGHTS}))
    device = str(devices.choose_device(options.device))
    measured = measure(options.canvas, options.prepared, options.splits, options.runs, rows, device, _say, target)
    command, name = _command(options), options.name or target.files
    training = {row: _trained(options.runs, row, found) for row, found in rows.items()}
    whole, trained = measured, training
    if earlier:
        whole = measured.kept_with(earlier[0])
        trained = {row: training.get(row) or earlier[1][row] for row in whole.rules}
    text = page.page(whole, command, list(trained.values()), target)
    _write(options.out, {f"{name}.md": text, f"{name}.csv": page.as_csv(whole), f"{name}.json": page.as_json(whole, command, trained)})
    print(text)
    if options.model:
        export(options.canvas, options.splits, options.runs, next(iter(rows)), 0, options.model, measured, options.overwrite)
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


def segment_healthy(options: argparse.Namespace) -> None:
    """python -m training segment-healthy --prepared DIR --out DIR [--canvas DIR --splits FILE --runs DIR [--target WHAT]] [--name FILE]"""
    from training.segmentation import healthy, healthy_page

    device = str(devices.choose_device(options.device))
    target = target_of(options.target)
    if options.runs:
        if not options.canvas or not options.splits:
            raise InputError("The networks of --runs need --canvas and --splits, too: give the folder and the file of their training.")
        readers = healthy.readers_of(options.canvas, options.splits, options.runs, next(iter(ROWS)), target, device, _say)
        if not readers:
            raise InputError(f"{options.runs} holds no finished run: run 'python -m training segment-fit' first.")
    elif target is not WHOLE:
        raise InputError("The model that comes with the program outlines whole lesions: leave --target out, or give --runs.")
    else:
        readers = [healthy.shipped_reader()]
    found = list(healthy.measure(options.prepared, readers, device, _say))
    command, name = _command(options), options.name or ("healthy" if target is WHOLE else f"healthy-{target.files}")
    text = healthy_page.page(found, command, target)
    _write(options.out, {f"{name}.md": text, f"{name}.json": healthy_page.as_json(found, command)})
    print(text)


def _read_earlier(path: Path) -> tuple[Measured, dict[str, str]]:
    try:
        return page.read_json(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror}): give the JSON file of an earlier page.") from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{path} is no file of figures: give the JSON file of an earlier page.") from problem


def _check_rows(rows: list[str]) -> None:
    if unknown := [row for row in rows if row not in ROWS]:
        raise InputError(f"There is no row {unknown[0]!r}: choose among {', '.join(ROWS)}.")


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
    """As it was typed, with paths from here."""
    words = " ".join(f"--{name} {os.path.relpath(path)}" for name in ("canvas", "prepared", "splits", "runs", "out", "keep")
                     if (path := getattr(options, name, None)))
    said = {"target": [options.target] if getattr(options, "target", "whole") != "whole" else [], "rows": getattr(options, "rows", []),
            "folds": map(str, getattr(options, "folds", [])), "name": [name] if (name := getattr(options, "name", None)) else []}
    chosen = "".join(f" --{option} {values}" for option, several in said.items() if (values := " ".join(several)))
    return f"python -m training {options.command} {words}{chosen}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
