"""The command `fusioninn cohort`: results do not depend on the workers, nothing is done twice, failures are listed, all is valid BIDS."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bids_data import write_dataset
from command_line import assert_one_sentence

from FusionINNLib.cli.__main__ import main
from FusionINNLib.cohort.work import is_done, run_case
from FusionINNLib.results.folder import read_fusion

PAIR = ["--first", "T1w:ce-gd", "--second", "FLAIR"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("cohort") / "raw")


def cohort(dataset, out, *options):
    return main(["cohort", str(dataset), str(out), "participant", *PAIR, *map(str, options)])


def content(folder: Path) -> dict:
    """All but when and how long."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "cohort.json"}


@pytest.fixture(scope="module")
def done(dataset, tmp_path_factory, tiny_model):
    """A cohort as two workers made it, with all ways back."""
    out = tmp_path_factory.mktemp("derivatives") / "out"
    assert cohort(dataset, out, "--workers", 2, "--model", tiny_model, "--exact", "--estimate", "--samples", 2) == 0
    return out


def test_results_do_not_depend_on_the_number_of_workers(dataset, done, tmp_path, tiny_model):
    assert cohort(dataset, tmp_path / "real", "--workers", 1, "--model", tiny_model, "--exact", "--estimate", "--samples", 2) == 0
    one, two = content(tmp_path / "real"), content(done)
    for path in (Path("dataset_description.json"),):  # says where the data set lies, from here
        one.pop(path), two.pop(path)
    assert one == two and len(one) > 30
    stored = read_fusion(done / "sub-01/anat")
    assert stored.latent is not None and not list(done.rglob("*.part"))


def test_resume_does_what_is_missing_or_changed(dataset, done, tmp_path, tiny_model, capsys):
    data, out = shutil.copytree(dataset, tmp_path / "raw"), shutil.copytree(done, tmp_path / "out")
    options = ["--workers", 1, "--model", tiny_model, "--exact", "--estimate", "--samples", 2]
    assert_one_sentence(cohort(data, out, *options), capsys.readouterr().err, "already holds", "--resume")
    for path in data.rglob("*.nii.gz"):
        os.utime(path, (0, 0))  # by content, not by time
    shutil.copy(data / "sub-01/anat/sub-01_FLAIR.nii.gz", data / "sub-02/anat/sub-02_FLAIR.nii.gz")
    (out / "sub-03/anat/sub-03_desc-fused_FLAIR.nii.gz").write_bytes(b"damaged")
    assert cohort(data, out, *options, "--resume", "--dry-run") == 0
    assert "sub-01: done already" in (said := capsys.readouterr().out) and "2 of 3 cases would be done." in said
    assert cohort(data, out, *options, "--resume") == 0
    assert "2 cases done, 1 were done already, 0 failed" in capsys.readouterr().out
    states = {case["case"]: case["state"] for case in json.loads((out / "cohort.json").read_text())["cases"]}
    assert states == {"sub-01": "kept", "sub-02": "done", "sub-03": "done"}
    assert content(out)[Path("sub-03/anat/sub-03_desc-fused_FLAIR.nii.gz")] == content(done)[
        Path("sub-03/anat/sub-03_desc-fused_FLAIR.nii.gz")]


def test_a_case_that_fails_does_not_stop_the_others(dataset, tmp_path, capsys):
    data, out = shutil.copytree(dataset, tmp_path / "raw"), tmp_path / "out"
    (data / "sub-02/anat/sub-02_FLAIR.nii.gz").write_text("<html>sign in")
    (data / "sub-03/anat/sub-03_FLAIR.nii.gz").unlink()
    out.mkdir()
    (out / ".DS_Store").write_text("x")
    assert cohort(data, out, "--workers", 1, "--method", "average") == 2
    said = capsys.readouterr()
    assert "sub-02: " in said.out and "web page" in said.out and "sub-03: only one of the two" in said.out
    assert said.err.strip().splitlines()[-1].startswith("fusioninn: 1 of 2 cases failed")
    assert (out / "sub-01/anat/sub-01_desc-fused_FLAIR.nii.gz").is_file() and not (out / "sub-02").exists()


def test_the_same_case_by_two_runs_is_done_once(tmp_path, dataset):
    import threading

    from FusionINNLib import __version__
    from FusionINNLib.cohort.bids import Wanted, find_cases
    from FusionINNLib.cohort.case import Settings

    (case, *_), _ = find_cases(dataset, Wanted.parse("T1w:ce-gd"), Wanted.parse("FLAIR"))
    settings = Settings("average", None, "cpu", "auto", "second", False, False, 1, 0, False, False)
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(run_case(case, settings, tmp_path, __version__))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.state for one in outcomes) == ["done", "kept", "kept"] and is_done(case, settings, tmp_path)
    other = run_case(case, settings, tmp_path, "99")
    assert other.state == "failed" and "install the same version" in other.sentence


def test_refusals(dataset, tmp_path, capsys, monkeypatch):
    from FusionINNLib.cli import cohort as command

    before = content(dataset)
    for options, words in ((["--first", "T1w"], "fits sub-01_T1w.nii.gz and"), (["--method", "average", "--exact"], "only fuses"),
                           (["--model", "none"], "no model")):
        assert_one_sentence(cohort(dataset, tmp_path / "out", *options), capsys.readouterr().err, words)
    assert_one_sentence(cohort(dataset, dataset), capsys.readouterr().err, "the data set itself")
    assert_one_sentence(cohort(tmp_path / "none", tmp_path / "out"), capsys.readouterr().err, "no such folder or table")
    assert_one_sentence(main(["cohort", str(dataset), str(tmp_path / "out"), "group"]), capsys.readouterr().err, "no such folder")
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda package: None)
    assert_one_sentence(cohort(dataset, tmp_path / "out"), capsys.readouterr().err, "extra 'cohort'")
    assert not (tmp_path / "out").exists() and content(dataset) == before


def test_the_group(done, capsys):
    assert main(["cohort", "unused", str(done), "group"]) == 0
    lines = (done / "metrics.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["case", "sub-01", "sub-02", "sub-03"] and "q_ssim" in lines[0]
    page = (done / "metrics.html").read_text()
    far = [float(line.split("\t")[-1]) for line in lines[1:]]
    first = lines[1 + far.index(max(far))].split("\t")[0]
    assert page.index(f">{first}<") == min(page.index(f">sub-0{n}<") for n in (1, 2, 3)) and 'href="sub-01/anat/report.png"' in page
    assert (done / "sub-01/anat/report.png").is_file() and (done / "sub-01/anat/thumbnail.png").is_file()
    (done / "metrics.tsv").unlink()
    (done / "metrics.html").unlink()


@pytest.mark.parametrize("validator", ["bids-validator-deno", "bids-validator"])
def test_the_official_validators_accept_it(done, validator):
    """Of today, and of generation 1 (npm), where they are installed."""
    found = shutil.which(validator) or shutil.which(str(Path(sys.executable).with_name(validator)))
    if found is None:
        pytest.skip(f"{validator} is not installed")
    checked = subprocess.run([found, str(done)], capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0 and "ERR" not in checked.stdout, checked.stdout
