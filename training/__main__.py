"""The command `python -m training`: arguments in, plain sentences and exit codes out. What each command does is in `cli/commands.py` and
`cli/tables.py`.

Exit codes: 0 done, 2 bad input (one sentence on standard error), 130 stopped by the user (a run keeps its last checkpoint).
"""
import argparse
import sys
from pathlib import Path

from FusionINNLib.errors import Cancelled, FusionINNError
from FusionINNLib.methods import registry
from FusionINNLib.methods.model_card import DEFAULT

TABLES = ("benchmark", "ablate")  # commands of `cli/tables.py`
OUTLINES = ("segment-prepare", "segment-fit", "segment-evaluate", "segment-worth", "segment-healthy")  # of `cli/outlines.py`


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        options = _parser().parse_args(arguments[:1] if arguments[:1] == ["bench"] else arguments)
        if options.command == "bench":
            from training.speed import bench

            return bench.main(arguments[1:]) or 0
        from training.cli import commands, outlines
        from training.cli import methods as methods_command
        from training.cli import prior as prior_command
        from training.cli import robustness as robustness_command
        from training.cli import scale as scale_command
        from training.cli import tables as tables_commands

        own = {"robustness": robustness_command, "methods": methods_command, "prior": prior_command, "priors": prior_command,
               "scale": scale_command,
               **dict.fromkeys(TABLES, tables_commands), **dict.fromkeys(OUTLINES, outlines)}
        room = own.get(options.command, commands)
        getattr(room, options.command.replace("-", "_"))(options)
        return 0
    except KeyboardInterrupt:
        return _fail("Stopped.", Cancelled.exit_code)
    except FusionINNError as problem:
        return _fail(str(problem), problem.exit_code)
    except MemoryError:
        return _fail("There is not enough memory: close other programs, or train with a smaller --set batch=N.", 2)
    except BrokenPipeError:
        return 1
    except OSError as problem:
        name, reason = problem.filename or "A file", problem.strerror or problem
        return _fail(f"{name} cannot be read or written ({reason}): check the path and the free space.", 2)


def _fail(sentence: str, code: int) -> int:
    print(f"training: {sentence}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Prepare data, train a fusion network, measure and export it.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    prepare = commands.add_parser("prepare", help="folders of cases in, compact prepared cases out; goes on where it was interrupted")
    prepare.add_argument("--data", type=Path, required=True, metavar="DIR", help="SET/CASE/{t1,t1ce,t2,flair,...,seg}.nii.gz in it")
    prepare.add_argument("--out", type=Path, required=True, metavar="DIR")
    prepare.add_argument("--shown", nargs="+", default=[], metavar="WHAT", help="in place of both sources, each in its own folder of "
                         "--out: exact, estimated, estimated-8bit, fused, average, first or second")

    fit = commands.add_parser("fit", help="train; goes on where it was interrupted")
    _add_prepared(fit)
    fit.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of settings, log and checkpoints")
    fit.add_argument("--config", type=Path, metavar="FILE", help="JSON with settings that differ from the preset ones")
    fit.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                     help="single settings, see training/loop/config.py")
    fit.add_argument("--start", type=Path, metavar="RUN", help="begin with the best weights of another run")
    fit.add_argument("--continue-with-new-settings", action="store_true",
                     help="go on with other steps, learning rate or weights of the loss than the run was begun with")
    _add_device(fit)

    evaluate = commands.add_parser("evaluate", help="measure a model through the whole program, validation patients and unseen contrasts")
    evaluate.add_argument("--model", required=True, metavar="ID|DIR", help="id of a model, or path of a model folder")
    _add_data(evaluate)
    evaluate.add_argument("--out", type=Path, metavar="DIR", help="where results.md, .csv, .json and pictures/ go, replacing earlier ones")
    _add_device(evaluate)

    export = commands.add_parser("export", help="make a model folder from a run")
    export.add_argument("--run", type=Path, required=True, metavar="DIR")
    _add_prepared(export)
    _add_model_folder(export)

    prior = commands.add_parser("prior", help="fit the Gaussian prior of DDFM to the training cases: a model folder in a minute")
    _add_data(prior)
    _add_model_folder(prior)

    priors = commands.add_parser("priors", help="DDFM's EM steps by prior and number of steps, beside the plain average")
    _add_data(priors)
    priors.add_argument("--out", type=Path, required=True, metavar="FILE", help="Markdown, in place of an earlier one")
    priors.add_argument("--slices", type=_count, default=2, metavar="N", help="of each validation patient (default: 2)")
    priors.add_argument("--steps", type=_steps, nargs="+", default=[20, 50, 100], metavar="N", help="(default: 20 50 100)")
    priors.add_argument("--models", nargs="+", metavar="ID|DIR", help="priors (default: all that are installed)")

    _add_outlines(commands)
    _add_tables(commands)
    robustness = commands.add_parser("robustness", help="what an estimate is worth after the fused file was rounded, turned, ...")
    _add_robustness(robustness)
    methods = commands.add_parser("methods", help="every method that is ready here beside the plain average, each as a user runs it")
    _add_methods(methods)
    scale = commands.add_parser("scale", help="cohorts: workers, memory, the scheduler alone, and what is lost when something dies")
    scale.add_argument("--out", type=Path, required=True, metavar="DIR", help="where scale.md and scale.json go")
    scale.add_argument("--patients", type=_count, default=200, metavar="N", help="made-up ones (default: 200)")
    scale.add_argument("--quick", action="store_true", help="a few cases, to see that the command works")
    commands.add_parser("bench", help="speed against the reference implementation", add_help=False)
    return parser


def _add_outlines(commands) -> None:
    """The networks that suggest outlines: data, training by folds, the table."""
    prepare = commands.add_parser("segment-prepare", help="prepared cases in, slices for networks that suggest outlines out")
    prepare.add_argument("--prepared", type=Path, required=True, metavar="DIR", help="what 'prepare' wrote")
    prepare.add_argument("--out", type=Path, required=True, metavar="DIR")
    prepare.add_argument("--shown", nargs="+", default=[], metavar="WHAT", help="in place of both sources, each in its own folder of "
                         "--out: exact, estimated, estimated-8bit, fused, average, first or second")

    fit = commands.add_parser("segment-fit", help="train the rows of the table of outlines, fold by fold; goes on where interrupted")
    evaluate = commands.add_parser("segment-evaluate", help="measure what is trained on the patients that were held back")
    worth = commands.add_parser("segment-worth", help="what a fused image keeps of a tumour: outlines from it and from both sources")
    healthy = commands.add_parser("segment-healthy", help="what is marked where nothing is: by the shipped model, or with --runs by others")
    for command in (prepare, fit, evaluate, healthy):
        command.add_argument("--target", default="whole", metavar="WHAT", help="whole lesion, or core of the tumour (default: whole)")
    for command in (fit, evaluate, worth, healthy):
        is_needed = command is not healthy
        command.add_argument("--canvas", type=Path, required=is_needed, metavar="DIR", help="what 'segment-prepare' wrote")
        command.add_argument("--splits", type=Path, required=is_needed, metavar="FILE", help="JSON: set -> train, val -> case names")
        command.add_argument("--runs", type=Path, required=is_needed, metavar="DIR", help="ROW/foldN in it")
        _add_device(command)
    for command in (fit, evaluate):
        command.add_argument("--rows", nargs="+", default=[], metavar="ROW", help="only these, see training/segmentation/rows.py")
        command.add_argument("--folds", nargs="+", type=int, choices=range(5), default=[], metavar="N", help="only these of 0 to 4")
    for command in (evaluate, healthy):
        command.add_argument("--name", metavar="FILE", help="of page and figures, without ending (default: by what is measured)")
    for command in (evaluate, worth, healthy):
        command.add_argument("--prepared", type=Path, required=True, metavar="DIR", help="what 'prepare' wrote")
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where pages and figures go")
    evaluate.add_argument("--keep", type=Path, metavar="FILE", help="figures of an earlier page, .json: its rows stay, but for new ones")
    evaluate.add_argument("--model", type=Path, metavar="DIR", help="make a model folder of fold 0 of the first row, too")
    evaluate.add_argument("--overwrite", action="store_true", help="replace an earlier model in its folder")


def _add_tables(commands) -> None:
    benchmark = commands.add_parser("benchmark", help="all methods by all metrics, training what is missing; goes on where interrupted")
    benchmark.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder given to 'prepare'")
    _add_prepared(benchmark, is_required=False)
    benchmark.add_argument("--runs", type=Path, required=True, metavar="DIR", help="a run a network, named after it, and what was measured")
    benchmark.add_argument("--model", default=DEFAULT, metavar="ID|DIR", help=f"this project's model (default: {DEFAULT})")
    benchmark.add_argument("--slices", type=_count, metavar="N", help="at most so many slices of a patient, evenly spaced")
    _add_table_options(benchmark, "benchmark")

    ablate = commands.add_parser("ablate", help="what each setting of the published training is worth; goes on where interrupted")
    _add_prepared(ablate)
    ablate.add_argument("--runs", type=Path, required=True, metavar="DIR", help="a run a row of the table, named after it")
    ablate.add_argument("--steps", type=_count, metavar="N", help="longer or shorter training of every row than the preset one")
    _add_table_options(ablate, "ablation")


def _add_robustness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", default=registry.DEFAULT, metavar="NAME", help=f"with an estimate (default: {registry.DEFAULT})")
    parser.add_argument("--model", metavar="ID|DIR", help="of the method (default: its own)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder given to 'evaluate'")
    parser.add_argument("--splits", type=Path, metavar="FILE", help="JSON: set -> train, val -> case names")
    parser.add_argument("--slices", type=_count, default=6, metavar="N", help="at most so many of a case, evenly spaced (default: 6)")
    parser.add_argument("--patients", type=_count, default=100, metavar="N", help="at most so many of a column")
    parser.add_argument("--columns", nargs="+", default=[], metavar="KEY", help="only these, such as t1ce_flair openms_t2_flair")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="where robustness.md (robustness_NAME.md), .csv, .json and pictures/ go, replacing earlier ones")
    parser.add_argument("--quick", action="store_true", help="a made-up case of a few slices in place of data")
    _add_device(parser)


def _add_methods(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--runs", type=Path, required=True, metavar="DIR", help="figures are kept there: it goes on where interrupted")
    parser.add_argument("--slices", type=_count, default=24, metavar="N", help="so many of a volume at most, side by side (default: 24)")
    parser.add_argument("--measured", type=_count, default=8, metavar="N", help="so many of these at most, evenly spaced (default: 8)")
    parser.add_argument("--methods", nargs="+", default=[], metavar="NAME", help="these and the average (default: all that are ready)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="where methods.md, .csv, .json and pictures/ go, replacing earlier ones")
    _add_device(parser)


def _add_table_options(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help=f"where {name}.md, .csv, .json and pictures/ go, replacing earlier ones")
    parser.add_argument("--quick", action="store_true", help="minutes: a few slices, networks trained for a few steps, marked as such")
    parser.add_argument("--no-train", action="store_true", help="measure what there is")
    _add_device(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a number from 1")
    return int(text)


def _steps(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("must be a number from 2 to 1000")
    return int(text)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder given to 'prepare'")
    parser.add_argument("--splits", type=Path, required=True, metavar="FILE", help="JSON: set -> train, val -> case names")


def _add_model_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder; its name becomes the model's id")
    parser.add_argument("--facts", type=Path, metavar="FILE", help="JSON with what else the card says: description, data, terms")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier model in the folder")


def _add_prepared(parser: argparse.ArgumentParser, is_required: bool = True) -> None:
    parser.add_argument("--prepared", type=Path, required=is_required, metavar="DIR", help="what 'prepare' wrote")
    parser.add_argument("--splits", type=Path, required=True, metavar="FILE", help="JSON: set -> train, val -> case names")


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")


if __name__ == "__main__":
    sys.exit(main())
