"""What each command of `python -m training` does: arguments in, files and sentences out."""
import argparse
import csv
import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from FusionINNLib.atomic import check_free, replacing
from FusionINNLib.errors import InputError
from FusionINNLib.methods import model_card
from training.data.crops import VALIDATED_SET, load_split
from training.data.harvard import prepare_harvard
from training.data.prepare import prepare as prepare_cases
from training.data.splits import read_splits
from training.distributed import Workers, joined
from training.evaluation.evaluate import evaluate as evaluate_model
from training.evaluation.page import as_csv, as_json, page
from training.evaluation.pictures import picture_of
from training.loop.config import TrainingConfig, load_config
from training.loop.export import export as export_run
from training.loop.export import load_run
from training.loop.run_settings import record, settings_of
from training.loop.spoken import spoken
from training.loop.trainer import START, checkpoint_step
from training.trainers.registry import TRAINERS


def prepare(options: argparse.Namespace) -> None:
    """python -m training prepare --data DIR --out DIR"""
    prepare_cases(options.data, options.out)
    if count := prepare_harvard(options.data, options.out):
        print(f"{count} case(s) of Harvard's pairs prepared.")


# ---- fit ---------------------------------------------------------------------------------------------------------------------------


def fit(options: argparse.Namespace) -> None:
    """python -m training fit --prepared DIR --splits FILE --run DIR [--config FILE] [--set name=value ...]"""
    with joined(options.device) as (workers, device):
        _fit(options, workers, device)


def _fit(options: argparse.Namespace, workers: Workers, device: str) -> None:
    say = print if workers.is_first else lambda *words, **options: None
    is_begun = (options.run / "last.pt").exists()
    config, changed = settings_of(options.run, options.config, options.set, is_begun, options.continue_with_new_settings, TRAINERS)
    _check_network(config)
    step = checkpoint_step(options.run) if is_begun else 0
    if step >= config.steps:
        say(f"{options.run.name} is finished: it has all of its {config.steps} steps.")
        return
    if options.start and not is_begun and workers.is_first:
        _copy_start(options.start, options.run)
    trainer = spoken(TRAINERS[config.preset])(config, options.prepared, options.splits, options.run, device, workers)
    if changed and workers.is_first:
        record(options.run, step, changed)
    try:
        trainer.run()
    except KeyboardInterrupt:
        kept = f"step {checkpoint_step(options.run)} is kept" if (options.run / "last.pt").exists() else "nothing was kept"
        say(f"\nStopped after step {trainer.step}; the checkpoint of {kept}. The same command goes on.", file=sys.stderr)
        raise
    say(f"Done: export it with 'python -m training export --run {options.run} ...'.")


def _copy_start(other: Path, run: Path) -> None:
    if not (other / "best.pt").exists():
        raise InputError(f"{other} holds no best.pt: name the folder of a run that was validated once at least.")
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(other / "best.pt", run / START)


def _check_network(config: TrainingConfig) -> None:
    try:
        TRAINERS[config.preset].network_of(config)
    except (ValueError, TypeError) as problem:
        raise InputError(f"The settings make no network ({problem}): correct 'preset' or 'settings'.") from problem


# ---- evaluate ----------------------------------------------------------------------------------------------------------------------


def evaluate(options: argparse.Namespace) -> None:
    """python -m training evaluate --model ID_OR_PATH --data DIR --splits FILE [--out DIR]"""
    pictures: dict[str, bytes] = {}

    def look(case, fusion) -> None:
        if options.out and (picture := picture_of(case, fusion, options.model, options.device)):
            pictures.setdefault(*picture)

    if options.out and options.out.exists() and not options.out.is_dir():
        raise InputError(f"{options.out} is not a folder: choose another one for --out.")
    results = evaluate_model(options.model, options.data, options.splits, options.device,
                             lambda line: print(line, file=sys.stderr, flush=True), look)
    command = command_line(options)
    text = page(results, command, list(pictures))
    print(text)
    if options.out:
        files = {"results.md": text.encode(), "results.csv": as_csv(results).encode(), "results.json": as_json(results, command).encode()}
        for name, content in (files | {f"pictures/{name}": content for name, content in pictures.items()}).items():
            _write(options.out / name, content)


def command_line(options: argparse.Namespace) -> str:
    """The command that gives the same results again, with paths as seen from the working folder: none of this machine's."""
    words = ["python", "-m", "training", "evaluate"]
    for name in ("model", "data", "splits", "device", "out"):
        value = getattr(options, name)
        if value is None or value == "auto":
            continue
        words += [f"--{name}", os.path.relpath(value) if os.path.isabs(value) else str(value)]
    return shlex.join(words)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, in place of what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)


# ---- export ------------------------------------------------------------------------------------------------------------------------


def export(options: argparse.Namespace) -> None:
    """python -m training export --run DIR --out DIR --prepared DIR --splits FILE [--facts FILE]"""
    check_free(options.out, options.overwrite, frozenset({model_card.CARD, model_card.WEIGHTS}))
    load_run(options.run, TRAINERS)
    trainer = TRAINERS[load_config(options.run / "config.json", TRAINERS).preset]
    cases = load_split(options.prepared, options.splits, "train").get(VALIDATED_SET, [])
    if not cases:
        raise InputError(f"The split names no 'train' cases of {VALIDATED_SET}, on which the brightness of fusions is measured: add some.")
    said = {"description": f"Trained by this project's training/, run {options.run.name}. Research use only.",
             "split": read_splits(options.splits), "validation": _best_row(options.run)} | facts(options.facts, trainer.CARD_KEYS)
    export_run(options.run, options.out, cases, said, TRAINERS, options.overwrite)
    print(f"Made the model folder {options.out}: try it with 'fusioninn fuse --model {options.out} ...'.")


def facts(path: Path | None, measured: frozenset[str]) -> dict:
    """What else the card is to say, beside what is measured: JSON, name -> anything."""
    if path is None:
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} cannot be read as JSON: give a file with what the card is to say.") from problem
    if not isinstance(given, dict) or not isinstance(given.get("description", ""), str):
        raise InputError(f"{path} is no table of facts: give JSON such as {{\"description\": \"...\", \"terms\": \"...\"}}.")
    if own := {"id", "sha256", "training", *measured} & set(given):
        raise InputError(f"{path} names {sorted(own)[0]!r}, which the run decides: leave it out.")
    return given


def _best_row(run: Path) -> dict[str, float]:
    """The validation by which the exported weights were chosen."""
    if not (run / "log.csv").exists():
        return {}
    with (run / "log.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return max(rows, key=lambda row: row["score"], default={})
