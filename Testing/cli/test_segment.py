"""`fusioninn segment`: what it writes and says, and what it refuses; with a small untrained network."""
import json
from dataclasses import replace

import numpy as np
import pytest
from making import AFFINES, head, volume
from outline_models import write_loud_model

from FusionINNLib.cli.__main__ import main
from FusionINNLib.volumes.io import read_segmentation, read_volume, sha256, write_nifti


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """t1ce, flair, an outline that somebody drew, and a model."""
    folder = tmp_path_factory.mktemp("segment")
    write_loud_model(folder / "tiny")
    flair = volume(head(seed=2), "flair", AFFINES["oblique"])
    for name, one in (("t1ce", replace(flair, array=head())), ("flair", flair),
                      ("drawn", replace(flair, array=(head() > 500).astype(np.uint8)))):
        write_nifti(one, folder / f"{name}.nii.gz")
    return folder


def segment(place, out, *more):
    return main(["segment", str(place / "t1ce.nii.gz"), str(place / "flair.nii.gz"), "--out", str(out), "--model", str(place / "tiny"),
                 "--device", "cpu", *map(str, more)])


def test_a_suggestion_is_written_with_its_record(place, tmp_path, capsys):
    assert segment(place, tmp_path / "out", "--segmentation", place / "drawn.nii.gz", "--seg-nrrd") == 0
    out, err = capsys.readouterr()
    assert "SUGGESTED an outline of" in out and "not drawn by a person" in out and "Research use only" in out
    assert "Dice with the drawn outline" in out and "knows gliomas on T1 with contrast and FLAIR" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"suggested.nii.gz", "probability.nii.gz", "segment.json",
                                                                    "suggested.seg.nrrd"}
    labels, flair = read_segmentation(tmp_path / "out" / "suggested.nii.gz"), read_volume(place / "flair.nii.gz")
    assert labels.same_grid(flair) and set(np.unique(labels.array)) == {0, 1}
    assert read_volume(tmp_path / "out" / "probability.nii.gz").array.max() <= 1
    record = json.loads((tmp_path / "out" / "segment.json").read_text())
    assert record["inputs"]["first"] == {"file": "t1ce.nii.gz", "sha256": sha256(place / "t1ce.nii.gz")}
    assert record["model"]["id"] == "tiny" and record["notice"].startswith("Research use only")
    assert record["kind"].startswith("SUGGESTED") and str(tmp_path) not in json.dumps(record)
    assert record["volume_ml"] == pytest.approx(labels.array.sum() * np.prod(flair.spacing_ijk_mm) / 1000, abs=1e-3)
    assert 0 <= record["drawn"]["dice"] <= 1 and record["files"]["suggested.nii.gz"] == sha256(tmp_path / "out" / "suggested.nii.gz")


def test_slicer_finds_name_colour_and_origin(place, tmp_path):
    assert segment(place, tmp_path / "out", "--seg-nrrd") == 0
    found = read_segmentation(tmp_path / "out" / "suggested.seg.nrrd")
    plain = read_segmentation(tmp_path / "out" / "suggested.nii.gz")
    np.testing.assert_array_equal(found.array, plain.array)
    assert found.same_grid(plain) and found.segments[1].name == "SUGGESTED lesion"
    assert found.segments[1].color == pytest.approx((0, 0.9, 0.9))
    header = (tmp_path / "out" / "suggested.seg.nrrd").read_bytes()[:4000]
    assert b"Segment0_Tags:=" in header and b"not drawn by a person" in header and b"Segment0_LabelValue:=1" in header


def test_earlier_results_are_not_overwritten_unasked(place, tmp_path, capsys):
    assert segment(place, tmp_path / "out") == 0
    assert segment(place, tmp_path / "out") == 2
    assert "already holds something" in capsys.readouterr().err
    assert segment(place, tmp_path / "out", "--overwrite") == 0


def test_a_model_that_fuses_is_refused_before_anything_is_written(place, tmp_path, capsys):
    code = main(["segment", str(place / "t1ce.nii.gz"), str(place / "flair.nii.gz"), "--out", str(tmp_path / "out"), "--model", "default"])
    assert code == 2 and "fuses images" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["suggested.nii.gz", "suggested.seg.nrrd"])
def test_a_suggestion_is_never_taken_for_a_drawn_outline(place, tmp_path, capsys, name):
    assert segment(place, tmp_path / "out", "--seg-nrrd") == 0
    suggested = tmp_path / "out" / name
    assert segment(place, tmp_path / "again", "--segmentation", suggested) == 2
    assert "SUGGESTED by a network" in capsys.readouterr().err and not (tmp_path / "again").exists()
    assert main(["fuse", str(place / "t1ce.nii.gz"), str(place / "flair.nii.gz"), "--out", str(tmp_path / "fused"), "--method", "average",
                 "--segmentation", str(suggested)]) == 0
    out, err = capsys.readouterr()
    assert "SUGGESTED lesion" in out and "SUGGESTED by a network, drawn by nobody" in err
