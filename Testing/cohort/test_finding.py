"""Cases are found in BIDS, by pattern and in tables, and what is ambiguous or missing is refused in a sentence."""
from pathlib import Path

import pytest
from bids_data import write_dataset

from FusionINNLib.cohort.bids import Wanted, find_cases
from FusionINNLib.cohort.listing import find_by_pattern, read_table
from FusionINNLib.errors import InputError

GD, FLAIR = Wanted.parse("T1w:ce-gd"), Wanted.parse("FLAIR")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("bids") / "raw", subjects=2, sessions=("a", "b"))


def test_pairs_by_suffix_and_entities(dataset):
    cases, incomplete = find_cases(dataset, GD, FLAIR)
    assert [case.name for case in cases] == ["sub-01_ses-a", "sub-01_ses-b", "sub-02_ses-a", "sub-02_ses-b"] and incomplete == []
    assert cases[0].first.name == "sub-01_ses-a_ce-gd_T1w.nii.gz" and cases[0].folder == "sub-01/ses-a/anat"
    assert cases[0].sources == ("sub-01/ses-a/anat/sub-01_ses-a_ce-gd_T1w.nii.gz", "sub-01/ses-a/anat/sub-01_ses-a_FLAIR.nii.gz")
    assert dict(cases[0].names)["first_exact.nii.gz"] == "sub-01_ses-a_ce-gd_desc-exact_T1w.nii.gz"
    some, _ = find_cases(dataset, Wanted.parse("T1w:ce-none"), FLAIR, subjects=("02",), sessions=("b",))
    assert [case.first.name for case in some] == ["sub-02_ses-b_T1w.nii.gz"]


def test_what_bids_does_not_hold(dataset, tmp_path):
    with pytest.raises(InputError, match=r"T1w fits sub-01_ses-a_T1w.nii.gz and .*T1w:ce-<label>|ce-none"):
        find_cases(dataset, Wanted.parse("T1w"), FLAIR)
    with pytest.raises(InputError, match="no pair of T2w and FLAIR"):
        find_cases(dataset, Wanted.parse("T2w"), FLAIR)
    with pytest.raises(InputError, match="no volumes of subject '07'"):
        find_cases(dataset, GD, FLAIR, subjects=("07",))
    for text in ("", "T1w:gd", "T1w:ce-gd-x,", "../T1w"):
        with pytest.raises(InputError, match="names no contrast"):
            Wanted.parse(text)
    lame = write_dataset(tmp_path / "lame", subjects=2)
    (lame / "sub-02/anat/sub-02_FLAIR.nii.gz").unlink()
    cases, incomplete = find_cases(lame, GD, FLAIR)
    assert [case.name for case in cases] == ["sub-01"] and incomplete == ["sub-02"]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def test_pairs_by_pattern(tmp_path):
    folder = touch(tmp_path, "a/t1_a.nii.gz", "a/flair.nii", "b b/t1_b b.nii.gz", "b b/flair.nii", "c/t1_c.nii.gz", "d/t1_a.nii.gz")
    cases, incomplete = find_by_pattern(folder, "{case}/t1_{case}.nii.gz", "{case}/flair.nii*")
    assert [(case.name, case.folder, case.second) for case in cases] == [("a", "a", folder / "a/flair.nii"),
                                                                        ("b b", "b_b", folder / "b b/flair.nii")]
    assert incomplete == ["c"]
    touch(folder, "a/flair.nii.gz")
    with pytest.raises(InputError, match="finds .*flair.nii and .*flair.nii.gz"):
        find_by_pattern(folder, "{case}/t1_{case}.nii.gz", "{case}/flair.nii*")
    with pytest.raises(InputError, match="put {case} there"):
        find_by_pattern(folder, "*/t1.nii.gz", "{case}/flair.nii")
    with pytest.raises(InputError, match="holds no case with both"):
        find_by_pattern(folder, "{case}/none.nii.gz", "{case}/flair.nii")


def test_pairs_in_a_table(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("case,first,second,segmentation\nMüller,a.nii,/b.nii,\nx,c.nii,d.nii,e.nii\n", encoding="utf-8-sig")
    one, two = read_table(table)
    assert (one.name, one.first, one.second, one.segmentation) == ("Müller", tmp_path / "a.nii", Path("/b.nii"), None)
    assert two.segmentation == tmp_path / "e.nii"
    for text, words in (("case,first\na,b\n", "line 2.*filled in"), ("case,first,second\na,b,c\na,d,e\n", "line 3.*there twice"),
                        ("case,first,second\n", "lists no case"), ("case,first,second\n..,b,c\n", "cannot be called")):
        table.write_text(text)
        with pytest.raises(InputError, match=words):
            read_table(table)
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(table)
