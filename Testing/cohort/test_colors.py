"""Cohorts with a source in colour: the same files as `fusioninn fuse` writes, under BIDS names where the data set has those."""
import json

import numpy as np
import pytest
from bids_data import write_dataset
from nibabel.loadsave import load

from FusionINNLib.cli.__main__ import main
from FusionINNLib.volumes.color_files import write_rgb
from FusionINNLib.volumes.io import read_volume


def in_color(path) -> np.ndarray:
    """Put colours in place of a grey volume; the colours (k, j, i, 3)."""
    grey = read_volume(path)
    level = grey.values / grey.values.max()
    rgb = np.rint(255 * np.stack([level, level ** 2, np.sin(np.pi * level) * 0.7], -1)).astype(np.uint8)
    write_rgb(rgb, grey.affine, path, "")
    return rgb


def colors_of(path) -> np.ndarray:
    voxels = np.asarray(load(path).dataobj)
    return np.stack([voxels[name] for name in "RGB"], -1).transpose(2, 1, 0, 3)


@pytest.mark.parametrize("role", ["first", "second"])
def test_a_data_set_with_one_source_in_colour(tmp_path, tiny_model, role):
    data, out = write_dataset(tmp_path / "raw", subjects=2), tmp_path / "out"
    stem = "FLAIR" if role == "second" else "ce-gd_T1w"
    rgb = in_color(data / f"sub-01/anat/sub-01_{stem}.nii.gz")
    command = ["cohort", str(data), str(out), "participant", "--first", "T1w:ce-gd", "--second", "FLAIR", "--workers", "1"]
    assert main([*command, "--model", tiny_model, "--exact", "--estimate", "--samples", "2"]) == 0
    folder, grey = out / "sub-01/anat", out / "sub-02/anat"
    exact = folder / ("sub-01_ce-gd_desc-exactcolor_T1w.nii.gz" if role == "first" else "sub-01_desc-exactcolor_FLAIR.nii.gz")
    np.testing.assert_array_equal(colors_of(exact), rgb)
    for kind in ("fusedcolor", "chroma", "estimatedcolor"):
        assert len(list(folder.glob(f"*desc-{kind}_*.nii.gz"))) == 1 and not list(grey.glob(f"*desc-{kind}_*"))
    sidecar = json.loads(exact.with_name(exact.name.replace(".nii.gz", ".json")).read_text())
    assert len(sidecar["Sources"]) == 3 and "chroma" in sidecar["Sources"][2] and not sidecar["Estimated"]
    assert main(["decompose", str(folder), "--out", str(tmp_path / "back"), "--model", tiny_model, "--no-report"]) == 0
    np.testing.assert_array_equal(colors_of(tmp_path / f"back/{role}_exact_color.nii.gz"), rgb)
    assert main([*command, "--model", tiny_model, "--exact", "--estimate", "--samples", "2", "--resume"]) == 0
    assert {case["state"] for case in json.loads((out / "cohort.json").read_text())["cases"]} == {"kept"}


def test_a_table_with_colours_and_a_pair_that_has_too_many(tmp_path, capsys):
    data = write_dataset(tmp_path / "raw", subjects=1)
    pet, mr = data / "sub-01/anat/sub-01_FLAIR.nii.gz", data / "sub-01/anat/sub-01_T1w.nii.gz"
    in_color(pet)
    (tmp_path / "pairs.csv").write_text(f"case,first,second\none,{mr},{pet}\nboth,{pet},{pet}\n")
    out = tmp_path / "out"
    assert main(["cohort", str(tmp_path / "pairs.csv"), str(out), "participant", "--workers", "1", "--method", "average"]) == 2
    assert "are both in colour" in capsys.readouterr().out and not (out / "both").exists()
    colors = colors_of(out / "one/fused_color.nii.gz")
    assert np.ptp(colors.astype(int), axis=-1).max() > 50 and (out / "one/chroma.nii.gz").is_file()
    assert colors.shape[:3] == read_volume(mr).shape
