"""Options that would count for nothing are refused or said, in one sentence."""
import nibabel as nib
import numpy as np
import pytest
from dicom_making import save, slices
from making import head

from FusionINNLib.cli.__main__ import main


@pytest.fixture
def folder(tmp_path):
    for name, seed in (("first", 0), ("second", 1)):
        nib.save(nib.Nifti1Image(head(shape=(6, 40, 44), seed=seed).T, np.diag([3, 3, 5, 1.0])), tmp_path / f"{name}.nii.gz")
    (tmp_path / "cases.csv").write_text("case,first,second\n1,first.nii.gz,second.nii.gz\n")
    (tmp_path / "cases/1").mkdir(parents=True)
    return tmp_path


def told(capsys, folder, line, code):
    assert main([word.format(folder=folder) for word in line.split()]) == code
    return capsys.readouterr().err


PAIR = "{folder}/first.nii.gz {folder}/second.nii.gz"


@pytest.mark.parametrize("line, words", [
    (f"fuse {PAIR} --method average --out {{folder}}/out --series 1", "--series chooses among the volumes of a DICOM folder"),
    (f"fuse {PAIR} --method average --out {{folder}}/out --stack 800 --dry-run", "leave out --stack"),
    (f"segment {PAIR} --out {{folder}}/out --series FLAIR", "first and second came from none"),
    ("decompose {folder}/result --out {folder}/out --samples 8", "--samples is for --estimate alone"),
    ("decompose {folder}/result --out {folder}/out --seed 0 --samples 2", "--samples and --seed are for --estimate alone"),
    ("export {folder} --dicom {folder}/out --series 1", "--series is for --source alone"),
    ("export {folder} --dicom {folder}/out --source {folder} --series 1 --series 2", "given 2 times"),
    ("adc {folder}/first.nii.gz --out {folder}/adc.nii.gz --series 1 --series 2", "given 2 times"),
    ("cohort {folder}/cases.csv {folder}/out participant --samples 4", "--samples is for --estimate alone"),
    ("cohort {folder}/cases.csv {folder}/out participant --first T1w", "--first would count for nothing"),
    ("cohort {folder}/cases.csv {folder}/out participant --segmentation seg", "--segmentation would count for nothing"),
    ("cohort {folder}/cases.csv {folder}/out participant --participant-label 01", "--participant-label would count for nothing"),
    ("cohort {folder}/cases {folder}/out participant --first {{case}}/a.nii --second {{case}}/b.nii --session-label 1",
     "--session-label would count for nothing"),
])
def test_refused(line, words, folder, capsys):
    said = told(capsys, folder, line, 2)
    assert said.startswith("fusioninn: ") and said.count("\n") == 1 and words in said, said
    assert not (folder / "out").exists() and not (folder / "adc.nii.gz").exists()


@pytest.mark.parametrize("line, words", [
    (f"fuse {PAIR} --method average --out {{folder}}/out --dry-run --seed 0", "draws no random numbers in fusing, so --seed counts"),
    (f"fuse {PAIR} --method average --out {{folder}}/out --dry-run --device cuda", "has no network, so --device counts"),
])
def test_said(line, words, folder, capsys):
    assert words in told(capsys, folder, line, 0)


@pytest.mark.parametrize("line", [
    f"fuse {PAIR} --method average --out {{folder}}/out --dry-run",
    f"fuse {PAIR} --method average --out {{folder}}/out --dry-run --device cpu",
    f"fuse {PAIR} --method ddfm --out {{folder}}/out --dry-run --seed 3",
    "decompose {folder}/result --out {folder}/out --estimate --samples 8 --seed 1",
    "cohort {folder}/cases.csv {folder}/out participant --method average --estimate --samples 4 --dry-run",
])
def test_what_counts_and_what_is_not_on_the_command_line_are_not_spoken_of(line, folder, capsys):
    main([word.format(folder=folder) for word in line.split()])
    said = capsys.readouterr().err
    assert "for nothing" not in said and "alone" not in said


@pytest.mark.parametrize("given, words", [("--first T1w", "--first counts for nothing"),
                                          ("--seed 3 --model x --no-report", "--seed, --no-report, --model count for nothing")])
def test_the_group_level_says_what_it_does_not_need(given, words, folder, capsys):
    said = told(capsys, folder, f"cohort {{folder}} {{folder}}/no group {given}", 2)
    assert f"the group level looks at what is there, so {words}" in said


def test_a_series_is_chosen_once_where_one_of_two_volumes_came_as_dicom(folder, capsys):
    save(slices(head(shape=(6, 40, 44)), np.diag([3, 3, 5, 1.0]), series="T2"), folder / "dicom")
    line = "fuse {folder}/dicom {folder}/second.nii.gz --method average --out {folder}/out --dry-run --series T2"
    assert "--series" not in told(capsys, folder, line, 0)
    said = told(capsys, folder, line + " --series FLAIR", 2)
    assert "second came from none: give it once, for the other one" in said and "leave out" not in said


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_is_odd_about_a_segmentation_is_said(dry, folder, capsys):
    """Nothing in it, another grid: by a dry run as by a run."""
    affine = np.diag([3, 3, 5, 1.0])
    nib.save(nib.Nifti1Image(np.zeros((44, 40, 6), np.uint8), affine), folder / "empty.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((22, 20, 3), np.uint8), np.diag([6, 6, 10, 1.0])), folder / "coarse.nii.gz")
    for name, words in (("empty", "the segmentation is empty"), ("coarse", "on another grid and was resampled")):
        line = f"fuse {PAIR} --method average --out {{folder}}/{name} --segmentation {{folder}}/{name}.nii.gz"
        assert main([word.format(folder=folder) for word in line.split()] + dry) == 0
        assert words in capsys.readouterr().err


def test_a_dry_run_says_what_a_run_would_say_of_its_inputs(folder, capsys):
    labels = np.digitize(head(shape=(6, 40, 44)), [50, 300, 600]).astype(np.uint8)
    holes = head(np.float32, (6, 40, 44), seed=1)
    holes[3, 20, 20] = np.nan
    for name, array in (("labels", labels), ("holes", holes)):
        nib.save(nib.Nifti1Image(array.T, np.diag([0.01, 0.01, 0.01, 1.0])), folder / f"{name}.nii.gz")
    said = told(capsys, folder, "fuse {folder}/labels.nii.gz {folder}/holes.nii.gz --method average --out {folder}/out --dry-run", 0)
    assert "labels: this holds 4 different values" in said and "unusual voxels" in said
    assert not (folder / "out").exists()


def test_a_dry_run_names_what_there_will_be_and_what_is_not_there(folder, capsys):
    assert main(["fuse", str(folder / "first.nii.gz"), str(folder / "second.nii.gz"), "--method", "average", "--out", str(folder / "out"),
                 "--dry-run"]) == 0
    assert "fused.nii.gz" in (listed := capsys.readouterr().out) and "latent" not in listed
    (folder / "cases.csv").write_text("case,first,second\n1,first.nii.gz,second.nii.gz\n2,first.nii.gz,gone.nii.gz\n")
    assert main(["cohort", str(folder / "cases.csv"), str(folder / "out"), "participant", "--method", "average", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2: would fail, there is no" in told and "gone.nii.gz" in told and "1: would fail" not in told


def test_a_dry_run_of_a_decomposition_names_no_report_that_is_not_wanted(fused_case, tiny_model, tmp_path, capsys):
    line = ["decompose", str(fused_case / "fused"), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--dry-run"]
    for more, there in (([], True), (["--no-report"], False)):
        assert main(line + more) == 0
        assert ("report.png" in capsys.readouterr().out) == there
