"""The words of the command line: commands, their arguments and help."""
import argparse
from pathlib import Path

from FusionINNLib import __version__
from FusionINNLib.methods import registry
from FusionINNLib.results.recipe import NOTICE

EXIT_CODES = ("exit codes: 0 done; 2 bad input, said in one sentence; 129 the connection broke; 130 stopped with Ctrl-C; "
              "143 ended from outside")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """What is on the command line. The paths of `view` may stand on both sides of an option, which argparse does not allow by itself."""
    parser = make_parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (options.command != "view" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.paths += [_path(word) for word in rest]
    options.given = _given_options(arguments)
    return options


def _given_options(arguments: list[str] | None) -> frozenset[str]:
    """Names of the options that are on a command line which makes sense, whatever their defaults."""
    parser = make_parser()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for action in (action for command in commands.choices.values() for action in command._actions):
        action.default = argparse.SUPPRESS
    return frozenset(vars(parser.parse_known_args(arguments)[0]))


def make_parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    parser = argparse.ArgumentParser(prog="fusioninn", description=f"Fuse two MR volumes into one image, and take it apart again. {NOTICE}",
                                     epilog=EXIT_CODES)
    parser.add_argument("--print-completion", choices=("bash", "zsh", "tcsh"), action=_PrintCompletion,
                        help="a script for your shell that completes commands and options: put it where the shell looks for them")
    parser.add_argument("--version", action="version", version=f"fusioninn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    fuse = commands.add_parser("fuse", help="two volumes in; fused image, latent, provenance and a report picture out")
    fuse.add_argument("first", metavar="FIRST", type=_path,
                      help="first volume, such as ADC or T1 with contrast: NIfTI, NRRD, MHA or a DICOM folder")
    fuse.add_argument("second", metavar="SECOND", type=_path, help="second volume of the same patient, such as FLAIR")
    fuse.add_argument("--method", default=registry.DEFAULT, metavar="NAME", choices=registry.names(),
                      help=f"how to fuse: {', '.join(registry.names())} (default: {registry.DEFAULT}; see 'fusioninn methods')")
    fuse.add_argument("--segmentation", metavar="SEG", type=_path, help="outlines for the report picture and a table of numbers")
    fuse.add_argument("--align", choices=("auto", "none", "header", "rigid"), default="auto",
                      help="unlike grids: register rigidly where needed (auto), refuse them (none), by header alone, or register always")
    fuse.add_argument("--reference", choices=("first", "second"), default="second", help="whose grid the result has (default: second)")
    fuse.add_argument("--seed", type=_seed, default=0, metavar="S", help="of a method that draws random numbers (default: 0)")
    fuse.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                      help="a setting of the method, as 'fusioninn methods --json' lists them; may be repeated")
    fuse.add_argument("--first-adc", action="store_true", help="FIRST is a diffusion-weighted series: fuse its ADC (see 'fusioninn adc')")
    fuse.add_argument("--bval", type=_path, metavar="FILE", help="b-values for --first-adc (default: the .bval file beside it)")
    _add_choice(fuse)
    _add_common(fuse)
    _add_for_scripts(fuse)

    decompose = commands.add_parser("decompose", help="a fusion back into its two sources: exact, or estimated from the fused image alone")
    decompose.add_argument("source", metavar="DIR|FUSED", type=_path,
                           help="folder written by 'fuse' (exact), or one fused image with --estimate")
    decompose.add_argument("--estimate", action="store_true", help="read the fused image alone and estimate the sources")
    decompose.add_argument("--samples", type=_samples, default=8, metavar="N", help="latents drawn for an estimate (default: 8)")
    decompose.add_argument("--seed", type=_seed, default=0, metavar="S",
                           help="of the drawn latents: same seed, same result (default: 0)")
    _add_common(decompose)
    _add_for_scripts(decompose)

    demo = commands.add_parser("demo", help="make the built-in sample case, fuse it and take it apart both ways")
    _add_common(demo)

    view = commands.add_parser("view", help="a page in the browser: fuse, take apart, compare slice by slice")
    view.add_argument("paths", metavar="FIRST SECOND | DIR", type=_path, nargs="*",
                      help="two volumes, a folder written by 'fuse', or all three; nothing for the built-in sample case")
    view.add_argument("--segmentation", metavar="SEG", type=_path, help="outlines to show in all views")
    view.add_argument("--port", type=_port, default=0, help="of 127.0.0.1 (default: one that is free)")
    view.add_argument("--no-browser", action="store_true", help="only say the address")
    view.add_argument("--max-upload", type=_megabytes, default=1024, metavar="MB", help="largest upload (default: 1024)")
    _add_model(view)

    _add_segment(commands.add_parser("segment", help="suggest an outline of a glioma from T1 with contrast and FLAIR: nobody drew it"))

    _add_cohort(commands.add_parser("cohort", help="many cases: BIDS, folders or a table in; a result each, a table and a page out"))

    evaluate = commands.add_parser("evaluate", help="the published fusion metrics of a fused image and its two sources")
    evaluate.add_argument("first", metavar="FIRST", type=_path,
                          help="first source: a volume (normalised as 'fuse' does it) or an 8-bit PNG")
    evaluate.add_argument("second", metavar="SECOND", type=_path, help="second source, on the same grid")
    evaluate.add_argument("fused", metavar="FUSED", type=_path, help="fused image of any method, same grid, nominal 0..1 scale")
    evaluate.add_argument("--mask", type=_path, metavar="M", help="brain mask: the masked values count where it is not 0")
    evaluate.add_argument("--scaled", action="store_true", help="the sources are on the nominal 0..1 scale already: take them as they are")
    form = evaluate.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything as JSON on standard output")
    form.add_argument("--csv", action="store_true", help="a line a slice, that of the whole volume first, on standard output")

    methods = commands.add_parser("methods", help="the fusion methods there are, what each can do, and whether it can be used here")
    methods.add_argument("--json", action="store_true", help="everything as JSON, citations and terms too")

    adc = commands.add_parser("adc", help="a diffusion-weighted series in, a map of the apparent diffusion coefficient out")
    adc.add_argument("dwi", metavar="DWI", type=_path, help="NIfTI with images along its fourth dimension, or a DICOM folder")
    adc.add_argument("--bval", type=_path, metavar="FILE", help="b-values of a NIfTI series (default: the .bval file beside it)")
    adc.add_argument("--series", action="append", default=[], metavar="WHICH", help="of a DICOM folder with several series")
    adc.add_argument("--out", type=_path, required=True, metavar="FILE", help="new NIfTI file, 1e-3 mm2/s")
    adc.add_argument("--overwrite", action="store_true", help="replace FILE")

    export = commands.add_parser("export", help="a folder of results as DICOM series, derived and for research only")
    export.add_argument("result", metavar="RESULT", type=_path, help="folder that 'fuse' or 'decompose' wrote")
    export.add_argument("--dicom", type=_path, required=True, metavar="DIR", help="new folder for the series")
    export.add_argument("--enhanced", action="store_true", help="one enhanced file a series instead of one classic file a slice")
    export.add_argument("--source", type=_path, metavar="DICOM",
                        help="DICOM folder of the reference volume: patient, study and frame of reference are taken from it")
    export.add_argument("--series", action="append", default=[], metavar="WHICH", help="of --source, where it holds several")
    export.add_argument("--anonymous", action="store_true", help="take no patient, study or references from --source")
    export.add_argument("--overwrite", action="store_true", help="replace earlier series in DIR")

    models = commands.add_parser("import-model", help="make a model folder from a checkpoint in the released format of the paper's authors")
    models.add_argument("checkpoint", metavar="FILE", type=_path)
    models.add_argument("--out", type=_path, required=True, metavar="DIR")
    models.add_argument("--overwrite", action="store_true")
    for command in commands.choices.values():
        command.epilog = EXIT_CODES
        _add_voice(command)
    return parser


class _PrintCompletion(argparse.Action):
    """Prints the script that `shtab` makes of the parser, and leaves."""

    def __call__(self, parser, namespace, shell, option=None):
        try:
            import shtab
        except ImportError:
            parser.error("completion needs shtab, which is not installed here: say pip install 'fusioninn[completion]'")
        print(shtab.complete(parser, shell))
        parser.exit()


def _add_voice(parser: argparse.ArgumentParser) -> None:
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("--quiet", "-q", action="store_true", help="say nothing but what ends the run")
    loud.add_argument("--verbose", "-v", action="store_true", help="say how long each step took")
    parser.add_argument("--log", metavar="FILE", type=_path, help="add what happens to FILE, as JSON, a line each")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """What is read of DICOM folders that hold several volumes."""
    parser.add_argument("--series", action="append", default=[], metavar="WHICH",
                        help="of a DICOM folder with several series: place in the list, or part of the description; given once for both "
                             "volumes, or once for each")
    parser.add_argument("--stack", action="append", default=[], metavar="WHICH",
                        help="of a series with several stacks (b-values, echoes, time points): place in the list, or value; as --series")


def _add_segment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="FIRST", type=_path, help="T1 with contrast: NIfTI, NRRD, MHA or a DICOM folder")
    parser.add_argument("second", metavar="SECOND", type=_path, help="FLAIR of the same patient")
    parser.add_argument("--segmentation", metavar="SEG", type=_path, help="an outline that somebody drew: how well both agree is said")
    parser.add_argument("--seg-nrrd", action="store_true", help="write a segmentation for 3D Slicer, too")
    parser.add_argument("--dicom-seg", action="store_true",
                        help="write a DICOM Segmentation, too, of the DICOM series on whose grid the outline lies; it names its patient")
    parser.add_argument("--align", choices=("auto", "none", "header", "rigid"), default="auto", help="as of 'fuse'")
    parser.add_argument("--reference", choices=("first", "second"), default="second", help="whose grid the outline has (default: second)")
    _add_choice(parser)
    _add_common(parser)


def _add_cohort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", type=_path,
                        help="BIDS data set, folder of cases, or CSV with the columns case, first, second")
    parser.add_argument("out", metavar="OUT", type=_path, help="folder for the results; of BIDS, a derivative data set")
    parser.add_argument("analysis_level", metavar="LEVEL", choices=("participant", "group"),
                        help="participant: fuse each case; group: one table and one page of all")
    parser.add_argument("--first", metavar="WHICH",
                        help="in BIDS suffix and entities (T1w:ce-gd), in folders a pattern ({case}/t1ce.nii.gz)")
    parser.add_argument("--second", metavar="WHICH", help="the same of the second volume, such as FLAIR")
    parser.add_argument("--segmentation", metavar="WHICH", help="the same of outlines for the reports and metrics")
    parser.add_argument("--participant-label", metavar="LABEL", nargs="+", default=[], help="only these subjects")
    parser.add_argument("--session-label", metavar="LABEL", nargs="+", default=[], help="only these sessions")
    parser.add_argument("--method", default=registry.DEFAULT, choices=registry.names(), metavar="NAME", help="see 'fusioninn methods'")
    parser.add_argument("--align", choices=("auto", "none", "header", "rigid"), default="auto", help="as of 'fuse'")
    parser.add_argument("--reference", choices=("first", "second"), default="second", help="whose grid the results have")
    parser.add_argument("--exact", action="store_true", help="take each fusion apart exactly, too")
    parser.add_argument("--estimate", action="store_true", help="estimate the sources from each fused image, too")
    parser.add_argument("--samples", type=_samples, default=8, metavar="N", help="latents drawn for an estimate (default: 8)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="of all that is drawn (default: 0)")
    parser.add_argument("--no-report", action="store_true", help="draw no report pictures")
    parser.add_argument("--no-metrics", action="store_true", help="measure nothing; the group level needs the metrics")
    parser.add_argument("--resume", action="store_true", help="do what is missing, or whose files, model or settings have changed")
    parser.add_argument("--dry-run", action="store_true", help="list what would be done")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_workers, metavar="N", help="on this machine (default: as many as cores and memory allow)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler that runs, such as tcp://host:8786")
    where.add_argument("--cluster", metavar="FILE", type=_path, help="YAML for a queue: Slurm, PBS, SGE or LSF; see docs/clusters.md")
    _add_model(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=_path, required=True, metavar="DIR", help="new folder for the results")
    _add_model(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results in DIR")


def _add_for_scripts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-report", action="store_true", help="draw no report picture, which takes a quarter of the time or so")
    parser.add_argument("--dry-run", action="store_true", help="check the inputs and DIR, say what would be done, and do nothing")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=_given,
                        help="id of a model, or path of a model folder (default: the method's own, or the one that a result names)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")


def _path(text: str) -> Path:
    """An empty one would be the folder in which the user stands."""
    return Path(_given(text))


def _given(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("this is empty; give a name, and check the variable that should have held one")
    return text


def _samples(text: str) -> int:
    return _whole(text, 1, 10_000)


def _seed(text: str) -> int:
    return _whole(text, 0, 2 ** 63 - 1)


def _port(text: str) -> int:
    return _whole(text, 0, 65535)


def _megabytes(text: str) -> int:
    return _whole(text, 1, 10 ** 6)


def _workers(text: str) -> int:
    return _whole(text, 1, 1000)


def _whole(text: str, least: int, most: int) -> int:
    digits = text.lstrip("0") or text[:1]
    if not text.isdecimal() or len(digits) > 19 or not least <= int(digits) <= most:
        raise argparse.ArgumentTypeError(f"give a whole number from {least} to {most}")
    return int(digits)
