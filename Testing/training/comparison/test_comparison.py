"""Every method as a user runs it: slabs lie where they were cut out, figures are those of `fusioninn evaluate`, nothing is done twice."""
import csv
import json

import numpy as np
import pytest
from nibabel.loadsave import load
from PIL import Image
from training_data import write_case, write_splits

from FusionINNLib.errors import InputError
from FusionINNLib.metrics import evaluate_slice
from FusionINNLib.preprocessing.normalization import fit_volume, scaled
from FusionINNLib.volumes.io import read_volume
from training import __main__ as command
from training.comparison import compare as comparing
from training.comparison.runs import fuse
from training.comparison.slabs import Slab, slab_sets


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    write_case(folder / "data" / "openms" / "patient", 7, labels="lesions")
    write_splits(folder)
    (folder / "splits.json").write_text(json.dumps({"brats18": {"train": [], "val": []}}))
    kind = folder / "data" / "harvard" / "spect-mri"
    kind.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("7001", "7002", "8001"):
        Image.fromarray(generator.integers(0, 255, (48, 40), np.uint8)).save(kind / f"{name}_a.png")
        Image.fromarray(generator.integers(0, 255, (48, 40, 3), np.uint8)).save(kind / f"{name}_b.png")
    parts = {"train": {"cases": ["8"], "ids": ["8001"]}, "val": {"cases": ["7"], "ids": ["7002", "7001"]}}
    (folder / "data" / "harvard" / "splits.json").write_text(json.dumps({"spect-mri": parts}))
    return folder


@pytest.fixture(scope="module")
def sets(place, tmp_path_factory):
    return {entry.key: entry for entry in slab_sets(place / "data", place / "splits.json", tmp_path_factory.mktemp("slabs"), 4)}


def test_a_slab_is_a_part_of_its_volume_where_it_lies_in_the_patient(place, sets):
    slab, = sets["openms"].slabs
    whole, part = read_volume(place / "data/openms/patient/t1ce.nii.gz"), read_volume(slab.first)
    axis = whole.through_plane_axis
    assert part.shape[axis] == 4 and not slab.is_colored
    offset = np.linalg.inv(whole.affine) @ part.affine[:, 3]
    start = np.rint(offset[:3][::-1]).astype(int)
    np.testing.assert_allclose(offset[:3][::-1], start, atol=1e-4)
    index = tuple(slice(first, first + side) for first, side in zip(start, part.shape))
    np.testing.assert_array_equal(part.array, whole.array[index])


def test_pictures_of_a_head_that_was_not_trained_on_become_a_volume_in_colour(place, sets):
    slab, = sets["spect-mri"].slabs
    assert slab.is_colored and slab.name == "case 7"
    grey, color = read_volume(slab.second_grey), load(slab.second)
    assert grey.shape == (2, 48, 40) and color.shape == (40, 48, 2) and color.get_data_dtype().names == ("R", "G", "B")
    picture = np.asarray(Image.open(place / "data/harvard/spect-mri/7001_b.png")).astype(float)
    np.testing.assert_allclose(grey.array[0], picture @ (0.299, 0.587, 0.114), atol=0.51)
    np.testing.assert_array_equal(np.asarray(color.dataobj)["G"][:, :, 0].T, picture[..., 1])


def test_the_command_measures_what_was_fused_and_goes_on_where_it_was(place, tmp_path, monkeypatch):
    words = ["methods", "--data", str(place / "data"), "--splits", str(place / "splits.json"), "--runs", str(tmp_path / "runs"),
             "--methods", "maximum", "--slices", "2", "--measured", "1", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert command.main(words) == 0
    text = (tmp_path / "out/methods.md").read_text()
    assert "| Maximum | maximum | none | 2-D | no |" in text and "Research use only" in text and "![" in text
    assert (tmp_path / "out/pictures/methods_openms.png").read_bytes()[:4] == b"\x89PNG"
    rows = list(csv.DictReader((tmp_path / "out/methods.csv").open()))
    chosen, = [row for row in rows if (row["set"], row["method"]) == ("openms", "maximum")]
    slab = slab_sets(place / "data", place / "splits.json", tmp_path / "again", 2)[0].slabs[0]
    k = int(chosen["slice"])
    first, second = (scaled(volume.array, fit_volume(volume.array))[k] for volume in map(read_volume, (slab.first, slab.second)))
    expected = evaluate_slice(*(np.clip(image, -0.5, 1.5).astype(np.float32) for image in (first, second, np.maximum(first, second))))
    assert float(chosen["q_ssim"]) == pytest.approx(expected["q_ssim"], abs=1e-4)
    assert float(chosen["sd"]) == pytest.approx(expected["sd"], abs=0.05)

    def not_again(slab: Slab, method, *others):
        raise AssertionError(f"{method} was measured again")

    monkeypatch.setattr(comparing, "measure", not_again)
    assert command.main(words) == 0 and (tmp_path / "out/methods.md").read_text() == text


def test_what_cannot_be_used_is_said(place, tmp_path, capsys):
    words = ["methods", "--splits", str(place / "splits.json"), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    assert command.main([*words, "--data", str(tmp_path)]) == 2 and "holds none of the sets" in capsys.readouterr().err
    assert command.main([*words, "--data", str(place / "data"), "--methods", "magic"]) == 2
    assert "no method 'magic'" in capsys.readouterr().err and not (tmp_path / "out").exists()
    where = tmp_path / "nothing.nii"
    with pytest.raises(InputError, match="nothing.nii"):
        fuse(Slab("x", where, where, where), "average", tmp_path / "o" / "x", "cpu")
