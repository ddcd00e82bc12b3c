"""The run inside Slicer, on the stand-ins as far as that goes: every step is taken, what fails is told and does not end the run."""
import json
import sys
import zipfile
from pathlib import Path

import pytest

TESTING = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(panel, monkeypatch):
    """The script, with the small network chosen and a small case in place of the sample case."""
    monkeypatch.syspath_prepend(str(TESTING))
    import run_in_slicer
    from in_slicer import user

    enter = user.User.__init__

    def begin(self, pictures) -> None:
        enter(self, pictures)
        panel.choose_model()

    def compute(self, button: str, expected: str) -> str:
        if button != "sampleButton":
            return whole(self, button, expected)
        panel.load_small_case()
        return expected

    whole = user.User.compute
    monkeypatch.setattr(user.User, "__init__", begin)
    monkeypatch.setattr(user.User, "compute", compute)
    return run_in_slicer


def test_the_run_takes_every_step_and_reports_it(run, panel, tmp_path, monkeypatch):
    from in_slicer import steps

    monkeypatch.setattr(steps, "selfTests", lambda tester: [("self-test", lambda step: None)])
    out = tmp_path / "report"
    status = run.main(["--out", str(out)])
    found = json.loads((out / "report.json").read_text())
    problems = {step["name"]: step["problem"] for step in found["steps"] if step["problem"]}
    assert problems == {} and status == 0
    names = [step["name"] for step in found["steps"]]
    assert len(names) > 14 and names[1:3] == ["load the sample case", "fuse"]
    assert found["versions"]["FusionINN"] and found["versions"]["torch"] != "not installed"
    pictures = [name for step in found["steps"] for name in step["pictures"]]
    assert len(pictures) > 15 and all((out / "pictures" / name).stat().st_size > 500 for name in pictures)
    assert "Step: fuse" in (out / "log.txt").read_text()
    page = (out / "report.md").read_text()
    assert f"{len(names)} of {len(names)} steps went well" in page and str(Path.home()) not in page
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert {"report.md", "report.json", "log.txt"} <= set(archive.namelist())


def test_what_fails_is_told_and_the_rest_goes_on(run, tmp_path):
    from in_slicer.report import Report

    report = Report(tmp_path / "report")

    def fail(step) -> None:
        raise RuntimeError(f"no such | thing as {Path.home() / 'scan.nii'}")

    report.run("one", fail)
    report.run("two", lambda step: None)
    report.close()
    assert [step.name for step in report.failed] == ["one"]
    page = (tmp_path / "report" / "report.md").read_text()
    assert "1 of 2 steps went well" in page and "RuntimeError: no such / thing" in page
    log = (tmp_path / "report" / "log.txt").read_text()
    assert "no such | thing" in log and "Step: two" in log
    assert "~/scan.nii" in page and "~/scan.nii" in log and str(Path.home()) not in page + log, "the report names nobody"


def test_the_self_tests_fail_where_nothing_was_tested(run, module, monkeypatch):
    from in_slicer import steps
    from in_slicer.report import Step

    from FusionINNPanel import requirements

    names = dict(steps.selfTests(module[1].FusionINNTest))
    assert {"self-test test_process", "self-test test_refusals", "self-test test_wayThereAndBack"} <= set(names)
    whole = requirements._versionOf
    monkeypatch.setattr(requirements, "_versionOf", lambda package: None if package == "torch" else whole(package))
    with pytest.raises(RuntimeError, match="Nothing was tested"):
        names["self-test test_process"](Step("x"))
    assert "in_slicer.steps" in sys.modules
