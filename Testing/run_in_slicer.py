"""A run inside 3D Slicer in one command: self-tests, the tutorial with a picture of each step, and a report for an issue.

    Slicer --python-script Testing/run_in_slicer.py [--out FOLDER] [--exit]

Needs what the panel's set-up names (PyTorch, nibabel); asks for the terms of the model once, as the panel does. It works on an empty scene:
save yours before. The report has no user, folder or computer's name in it; its pictures show the sample case, a head made by code, and
Slicer's window. --exit: close Slicer afterwards, with 1 where a step failed.
"""
import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def findModule() -> None:
    """Have the module in Slicer, from this checkout where it is not installed."""
    import slicer

    if not hasattr(slicer.modules, "fusioninn"):
        import qt

        factory = slicer.app.moduleManager().factoryManager()
        factory.registerModule(qt.QFileInfo(str(ROOT / "FusionINN" / "FusionINN.py")))
        factory.loadModules(["FusionINN"])
    for place in (ROOT / "FusionINN", ROOT, ROOT / "Testing"):
        if str(place) not in sys.path:
            sys.path.append(str(place))


def main(words: list[str]) -> int:
    """Gives 0 where every step went well."""
    parser = argparse.ArgumentParser(prog="run_in_slicer", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path.home() / f"FusionINN-report-{time.strftime('%Y%m%d-%H%M%S')}")
    parser.add_argument("--exit", action="store_true", help="close Slicer afterwards")
    options = parser.parse_args(words)
    findModule()
    import slicer
    from in_slicer import steps
    from in_slicer.report import Report
    from in_slicer.user import User

    from FusionINN import FusionINNTest

    report = Report(options.out)
    for name, do in steps.selfTests(FusionINNTest):
        report.run(name, do)
    slicer.mrmlScene.Clear(0)
    user = User(options.out / "pictures")
    for name, do in steps.tutorial(user):
        report.run(name, do)
    archive = report.close()
    print(f"{len(report.failed)} of {len(report.steps)} steps failed. Attach this to an issue: {archive}")
    if options.exit:
        slicer.util.exit(1 if report.failed else 0)
    return 1 if report.failed else 0


if __name__ == "__main__":
    main(sys.argv[1:])
