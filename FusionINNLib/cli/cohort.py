"""What `fusioninn cohort` does: find the cases, run them on Dask, say what became of them; or look at all of them together."""
import argparse
import importlib.util
import sys
from pathlib import Path

from FusionINNLib import __version__, leftovers
from FusionINNLib.atomic import check_writable, is_nobodys
from FusionINNLib.cli import unused
from FusionINNLib.cli.terminal import say
from FusionINNLib.cohort import bids, derivatives, listing
from FusionINNLib.cohort.case import Case, Outcome, Settings
from FusionINNLib.errors import FusionINNError, InputError, ResultError
from FusionINNLib.progress import duration
from FusionINNLib.results.recipe import NOTICE


def cohort(options: argparse.Namespace) -> None:
    """fusioninn cohort INPUT OUT participant|group"""
    unused.check_cohort(options, options.input.is_dir() and bids.is_bids(options.input) and listing.PLACE not in (options.first or ""))
    if options.analysis_level == "group":
        _group(options.out)
        return
    settings = Settings(options.method, options.model, options.device, options.align, options.reference, options.exact, options.estimate,
                        options.samples, options.seed, not options.no_report, not options.no_metrics)
    cases, incomplete = _find(options)
    _check_folder(options)
    _check_method(settings)
    if options.dry_run:
        _list(cases, incomplete, settings, options)
        return
    _run(options, settings, cases, incomplete)


def _find(options: argparse.Namespace) -> tuple[list[Case], list[str]]:
    """The cases of a BIDS data set, of folders by pattern, or of a table."""
    if options.input.is_file():
        return listing.read_table(options.input), []
    if not options.input.is_dir():
        raise InputError(f"{options.input}: there is no such folder or table; check the path.")
    if options.first is None or options.second is None:
        raise InputError("Say which two volumes of a case are meant: --first and --second, such as T1w:ce-gd and FLAIR in BIDS, or "
                         "'{case}/t1ce.nii.gz' in folders.")
    if listing.PLACE in options.first or not bids.is_bids(options.input):
        return listing.find_by_pattern(options.input, options.first, options.second, options.segmentation)
    _require("ancpbids")
    segmentation = bids.Wanted.parse(options.segmentation) if options.segmentation else None
    return bids.find_cases(options.input, bids.Wanted.parse(options.first), bids.Wanted.parse(options.second), segmentation,
                           subjects=tuple(label.removeprefix("sub-") for label in options.participant_label),
                           sessions=tuple(label.removeprefix("ses-") for label in options.session_label))


def _check_folder(options: argparse.Namespace) -> None:
    """Raise ResultError for a folder of results that is in use, unless it is to be taken up again, or that is the data set itself."""
    out = options.out
    if out.exists() and not out.is_dir():
        raise ResultError(f"{out} is not a folder: choose another one for the results.")
    if options.input.is_dir() and out.resolve() == options.input.resolve():
        raise ResultError(f"{out} is the data set itself: choose another folder for the results.")
    check_writable(out)
    if out.is_dir() and not options.resume and not all(is_nobodys(path.name) for path in out.iterdir()):
        raise ResultError(f"{out} already holds something: choose another folder, or add --resume to do what is missing or has changed.")


def _check_method(settings: Settings) -> None:
    from FusionINNLib.methods import registry

    capabilities = registry.create(settings.method, settings.model).info.capabilities
    if (settings.exact and not capabilities.exact) or (settings.estimate and not capabilities.estimate):
        raise InputError(f"{settings.method} only fuses: leave out --exact and --estimate, or choose another method.")


def _list(cases: list[Case], incomplete: list[str], settings: Settings, options: argparse.Namespace) -> None:
    from FusionINNLib.cohort.work import is_done

    done = 0
    for case in cases:
        kept = options.resume and is_done(case, settings, options.out)
        done += kept
        print(f"{case.name}: {'done already' if kept else f'{case.first} + {case.second} -> {options.out / case.folder}'}")
        if gone := [str(path) for path in (case.first, case.second, case.segmentation) if path is not None and not path.exists()]:
            print(f"{case.name}: would fail, there is no {' and no '.join(gone)}")
    for name in incomplete:
        print(f"{name}: only one of the two volumes is there, left out")
    print(f"{len(cases) - done} of {len(cases)} cases would be done.")


def _run(options: argparse.Namespace, settings: Settings, cases: list[Case], incomplete: list[str]) -> None:
    _require("distributed")
    from FusionINNLib.cohort import runner
    from FusionINNLib.cohort.manifest import write_manifest
    from FusionINNLib.cohort.work import STATE, run_case

    opened = (runner.connected(options.scheduler) if options.scheduler else runner.queued(options.cluster) if options.cluster
              else runner.local(options.workers))
    with opened as client:
        options.out.mkdir(parents=True, exist_ok=True)
        for folder in (options.out, options.out / STATE):
            leftovers.clear_files(folder)
        if cases[0].names:
            derivatives.write_description(options.out, options.input)
        clock = runner.Clock(len(cases))

        def told(done: int, outcome: Outcome) -> None:
            words = f": {outcome.sentence}" if outcome.sentence else ""
            left = f", about {duration(clock.left(done))} left" if done < len(cases) else ""
            say(f"{done} of {len(cases)}{left}: {outcome.case} {outcome.state}{words}")

        outcomes = runner.run_all(client, [_absolute(case) for case in cases], run_case, settings, options.out.resolve(), __version__,
                                  say=told)
    write_manifest(options.out, outcomes, incomplete, settings)
    _conclude(options.out, outcomes, incomplete)


def _conclude(out: Path, outcomes: list[Outcome], incomplete: list[str]) -> None:
    """Raise FusionINNError, after saying so, where cases failed."""
    failed = sorted((one for one in outcomes if one.state == "failed"), key=lambda one: one.case)
    for one in failed:
        print(f"{one.case}: {one.sentence}")
    for name in incomplete:
        print(f"{name}: only one of the two volumes was there, left out")
    kept = sum(one.state == "kept" for one in outcomes)
    print(f"{len(outcomes) - len(failed) - kept} cases done, {kept} were done already, {len(failed)} failed, into {out}.\n{NOTICE}")
    if failed:
        sys.stdout.flush()
        raise FusionINNError(f"{len(failed)} of {len(outcomes)} cases failed; they are listed with their reasons in {out / 'cohort.json'}, "
                             "and --resume tries them again.")


def _group(out: Path) -> None:
    from FusionINNLib.cohort.group import PAGE, TABLE, summarise

    if not out.is_dir():
        raise ResultError(f"{out}: there is no such folder; run the participant level first.")
    rows = summarise(out)
    print(f"{len(rows)} cases in {out / TABLE} and {out / PAGE}; the farthest from the others is {rows[0].case}.\n{NOTICE}")


def _absolute(case: Case) -> Case:
    """With full paths, for workers that stand elsewhere."""
    from dataclasses import replace

    paths = {name: path.absolute() for name in ("first", "second", "segmentation") if (path := getattr(case, name)) is not None}
    return replace(case, **paths)


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise FusionINNError(f"Cohorts need {package}, which is not installed here: install FusionINN with its extra 'cohort' (pip install "
                             "'fusioninn[cohort]').")
