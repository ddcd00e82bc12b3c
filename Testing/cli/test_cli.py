"""The command as a user types it: bad input is refused with one sentence, what is handled is said, and nothing half-done is left."""
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from command_line import ROOT, assert_one_sentence, everything_in, run
from making import AFFINES, affine_from, head, volume, write_dicom, write_with_nibabel

from FusionINNLib.cli import commands
from FusionINNLib.cli.__main__ import main
from FusionINNLib.volumes.io import write_nifti
from FusionINNLib.volumes.itk import to_sitk

LPS = AFFINES["lps"]


@pytest.fixture
def pair(fused_case, tmp_path):
    """Two good files in a folder of their own."""
    return tuple(Path(shutil.copy(fused_case / f"{name}.nii.gz", tmp_path / f"{name}.nii.gz")) for name in ("first", "second"))


def bad_files(folder):
    """name -> (what is wrong with the file, words of the sentence)."""
    good = head().T
    whole = write_with_nibabel(folder / "good.nii.gz", good, LPS).read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[:-2000])
    (folder / "letter.nii.gz").write_text("Dear colleague")
    (folder / "letter.txt").write_text("Dear colleague")
    sheared, singular = LPS.copy(), LPS.copy()
    sheared[0, 1], singular[:3, 2] = 0.2, singular[:3, 1]
    for name, affine in (("sheared", sheared), ("singular", singular)):
        header = bytearray(write_with_nibabel(folder / f"{name}.nii", good, LPS).read_bytes())
        header[254:256], header[280:328] = np.int16(1).tobytes(), affine[:3].astype("<f4").tobytes()
        (folder / f"{name}.nii").write_bytes(header)
    sitk.WriteImage(sitk.Compose([to_sitk(head(), LPS)] * 3), str(folder / "vector.nrrd"))
    write_with_nibabel(folder / "frames.nii.gz", np.stack([good] * 3, axis=3), LPS)
    write_with_nibabel(folder / "complex.nii.gz", good.astype(np.complex64), LPS)
    write_with_nibabel(folder / "empty.nii.gz", good[:, :, :0], LPS)
    write_with_nibabel(folder / "line.nii.gz", good[:, :1, :1], LPS)
    write_with_nibabel(folder / "constant.nii.gz", np.full_like(good, 7), LPS)
    write_with_nibabel(folder / "nan.nii.gz", np.full(good.shape, np.nan, np.float32), LPS)
    elsewhere = LPS.copy()
    elsewhere[:3, 3] += 500
    write_with_nibabel(folder / "elsewhere.nii.gz", good, elsewhere)
    return {"missing.nii.gz": "no such file", "letter.txt": "not an image", "letter.nii.gz": "not a NIfTI", "cut.nii.gz": "cut off",
            "frames.nii.gz": "3 frames", "vector.nrrd": "3 values", "complex.nii.gz": "complex", "empty.nii.gz": "empty",
            "line.nii.gz": "line of voxels", "constant.nii.gz": "same value", "nan.nii.gz": "all voxels are NaN", "sheared.nii": "sheared",
            "singular.nii": "singular", "elsewhere.nii.gz": "apart"}


@pytest.mark.parametrize("place", [0, 1])
def test_bad_volumes_are_refused_and_nothing_is_written(tmp_path, capsys, tiny_model, place):
    expected = bad_files(tmp_path)
    before = everything_in(tmp_path)
    for name, words in expected.items():
        files = [str(tmp_path / "good.nii.gz")] * 2
        files[place] = str(tmp_path / name)
        code = main(["fuse", *files, "--out", str(tmp_path / "new/out"), "--model", tiny_model, "--device", "cpu"])
        assert_one_sentence(code, capsys.readouterr().err, words)
        assert everything_in(tmp_path) == before, name


@pytest.mark.parametrize("options, words", [(["--device", "tpu"], "no device 'tpu'"), (["--device", "cuda:99"], "not available"),
                                            (["--model", "no-such-model"], "no model 'no-such-model'"),
                                            (["--segmentation", "no.nii.gz"], "no such file")])
def test_bad_options_are_refused(pair, tmp_path, capsys, tiny_model, options, words):
    before = everything_in(tmp_path)
    code = main(["fuse", *map(str, pair), "--out", str(tmp_path / "out"), "--model", tiny_model, *options])
    assert_one_sentence(code, capsys.readouterr().err, words)
    assert everything_in(tmp_path) == before


def test_arguments_that_make_no_sense_end_with_2(capsys):
    for arguments in (["decompose", "x", "--out", "y", "--samples", "none"], ["decompose", "x", "--out", "y", "--seed", "-1"],
                      ["fuse", "a"], ["fuse", "a", "b", "--out", "c", "--align", "affine"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2 and "Traceback" not in capsys.readouterr().err


def test_an_occupied_folder(pair, tmp_path, capsys, tiny_model):
    out = tmp_path / "out"
    command = ["fuse", *map(str, pair), "--out", str(out), "--model", tiny_model, "--device", "cpu"]
    assert main(command) == 0
    capsys.readouterr()
    before = everything_in(tmp_path)
    assert_one_sentence(main(command), capsys.readouterr().err, "already holds", "--overwrite")
    assert everything_in(tmp_path) == before
    assert main([*command, "--overwrite", "--reference", "first"]) == 0
    assert everything_in(tmp_path).keys() == before.keys()
    assert json.loads((out / "fusion.json").read_text())["settings"]["reference"] == "first"
    (out / "notes.txt").write_text("mine")
    before = everything_in(tmp_path)
    capsys.readouterr()
    for extra in ([], ["--overwrite"]):
        assert_one_sentence(main([*command, *extra]), capsys.readouterr().err, "choose another folder")
        assert everything_in(tmp_path) == before


def test_a_bad_result_folder_is_refused(fused_case, tmp_path, capsys, tiny_model):
    def spoil(name, change):
        folder = shutil.copytree(fused_case / "fused", tmp_path / name)
        change(folder)
        return folder

    def rename(folder):
        (folder / "fusion.json").write_text((folder / "fusion.json").read_text().replace("first", "fürst"))

    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / "weights.pt").write_bytes((model / "weights.pt").read_bytes()[:-1] + b"x")
    cases = [(spoil("edited", rename), tiny_model, "edited"),
             (spoil("other", lambda d: write_nifti(volume(head("f4")), d / "latent.nii.gz")), tiny_model, "another case"),
             (spoil("gone", lambda d: (d / "latent.nii.gz").unlink()), tiny_model, "missing"),
             (spoil("bare", lambda d: (d / "fusion.json").unlink()), tiny_model, "holds no fusion.json"),
             (spoil("good", lambda d: None), str(model), "damaged or were swapped"), (tmp_path / "good", "default", "other weights"),
             (tmp_path / "good/fused.nii.gz", tiny_model, "--estimate")]
    before = everything_in(tmp_path)
    for folder, with_model, words in cases:
        code = main(["decompose", str(folder), "--out", str(tmp_path / "out"), "--model", with_model, "--device", "cpu"])
        assert_one_sentence(code, capsys.readouterr().err, words)
        assert everything_in(tmp_path) == before
    code = main(["decompose", str(tmp_path / "good"), "--estimate", "--out", str(tmp_path / "out"), "--model", tiny_model])
    assert_one_sentence(code, capsys.readouterr().err, "fused.nii.gz")


def test_there_and_back_from_the_command_line(fused_case, tmp_path, capsys, tiny_model):
    assert main(["decompose", str(fused_case / "fused"), "--out", str(tmp_path / "back"), "--model", tiny_model, "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert said.err == "" and said.out.count("every voxel as stored in the source file") == 2 and "Research use only" in said.out
    assert {path.name for path in (tmp_path / "back").iterdir()} == {"first_exact.nii.gz", "second_exact.nii.gz", "report.png"}
    for name in ("first", "second"):
        back, source = nib.load(tmp_path / f"back/{name}_exact.nii.gz"), nib.load(fused_case / f"{name}.nii.gz")
        np.testing.assert_array_equal(np.asarray(back.dataobj.get_unscaled()), np.asarray(source.dataobj.get_unscaled()))
        np.testing.assert_array_equal(back.get_fdata(), source.get_fdata())
        np.testing.assert_array_equal(back.affine, source.affine)
        assert back.get_data_dtype() == source.get_data_dtype() and b"exact" in back.header["descrip"].item()


# ---- handled and said ------------------------------------------------------------------------------------------------------------


def fuse(first, second, out, model, *options):
    return main(["fuse", str(first), str(second), "--out", str(out), "--model", model, "--device", "cpu", *map(str, options)])


def test_the_same_file_twice(pair, tmp_path, capsys, tiny_model):
    copy = shutil.copy(pair[0], tmp_path / "copy.nii.gz")
    assert fuse(pair[0], copy, tmp_path / "out", tiny_model) == 0
    assert "same image" in capsys.readouterr().err


def test_patients_that_differ(tmp_path, capsys, tiny_model):
    for name, seed in (("sub-01_t1ce.nii.gz", 0), ("sub-02_flair.nii.gz", 1)):
        write_nifti(volume(head(seed=seed)), tmp_path / name)
    assert fuse(tmp_path / "sub-01_t1ce.nii.gz", tmp_path / "sub-02_flair.nii.gz", tmp_path / "out", tiny_model) == 0
    assert "different patients" in capsys.readouterr().err


def test_nan_and_scale_factors_are_said(pair, tmp_path, capsys, tiny_model):
    holes = head("f4")
    holes[2, 10, 10:13] = np.nan
    write_nifti(volume(holes), tmp_path / "holes.nii.gz")
    assert fuse(tmp_path / "holes.nii.gz", pair[0], tmp_path / "out", tiny_model) == 0
    said = capsys.readouterr().err
    assert "3 NaN or infinite voxels treated as background" in said and "scale factors applied (slope 0.5, intercept -3)" in said


def test_a_segmentation_on_another_grid(pair, tmp_path, capsys, tiny_model):
    labels = np.zeros((12, 20, 22), np.uint8)
    labels[5:8, 8:12, 8:12] = 1
    grid = LPS @ np.diag([2.0, 2.0, 0.5, 1.0])
    write_nifti(volume(labels, affine=grid), tmp_path / "seg.nii.gz")
    assert fuse(*pair, tmp_path / "out", tiny_model, "--segmentation", tmp_path / "seg.nii.gz") == 0
    assert "segmentation was on another grid and was resampled" in capsys.readouterr().err
    far = grid.copy()
    far[:3, 3] += 900
    write_nifti(volume(labels, affine=far), tmp_path / "far.nii.gz")
    assert fuse(*pair, tmp_path / "out2", tiny_model, "--segmentation", tmp_path / "far.nii.gz") == 0
    assert "none of the segmentation lies within" in capsys.readouterr().err


def test_a_segmentation_of_the_moved_volume_moves_with_it(capsys):
    grid, still = AFFINES["plain"], AFFINES["plain"] @ np.diag([1.0, 1.0, 2.0, 1.0])
    moving, fused = volume(head(), affine=grid), volume(head(shape=(3, 40, 44)), affine=still)
    labels = np.zeros(head().shape, np.uint8)
    labels[:, 20, 25] = 3
    shift = np.eye(4)
    shift[0, 3] = 4.0  # a point of the reference lies 4 mm further to the right in the moving volume
    fusion = SimpleNamespace(fused=fused, alignment=SimpleNamespace(transform=shift))
    for segmentation, column in ((volume(labels, affine=grid), 21), (volume(labels[::2], affine=still), 25)):
        found = commands._on_grid(segmentation, fusion, moving)
        assert found.shape == fused.shape and set(np.argwhere(found.array)[:, 2]) == {column}
    assert "resampled" in capsys.readouterr().err


def test_a_dicom_folder_named_after_a_patient_leaves_no_name(tmp_path, tiny_model):
    write_dicom(tmp_path / "SMITH_JOHN", head(), affine_from(np.diag([-1, -1, 1]), (1, 1, 3)), **{
        "0008|103e": "ADC map", "0010|0010": "SMITH^JOHN", "0010|0020": "4711-X", "0008|0020": "20200131", "0010|0030": "19500607"})
    write_nifti(volume(head(seed=1), affine=affine_from(np.diag([-1, -1, 1]), (1, 1, 3))), tmp_path / "flair.nii.gz")
    assert fuse(tmp_path / "SMITH_JOHN", tmp_path / "flair.nii.gz", tmp_path / "out", tiny_model) == 0
    assert json.loads((tmp_path / "out/fusion.json").read_text())["inputs"]["first"]["file"] == "ADC map"
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        content += b"" if path.suffix != ".gz" else gzip.decompress(content)
        for secret in (b"SMITH", b"JOHN", b"4711-X", b"20200131", b"19500607", str(tmp_path).encode()):
            assert secret not in content, (path.name, secret)


# ---- in a process of its own -----------------------------------------------------------------------------------------------------


def test_refusals_of_the_real_command(fused_case, tmp_path, tiny_model):
    first, second = fused_case / "first.nii.gz", fused_case / "second.nii.gz"
    for arguments, words in ((["fuse", first, tmp_path / "none.nii.gz", "--out", tmp_path / "out", "--model", tiny_model], "no such file"),
                             (["fuse", first, second, "--out", fused_case / "fused", "--model", tiny_model], "already holds"),
                             (["decompose", tmp_path, "--out", tmp_path / "out"], "holds no fusion.json")):
        code, out, err = run(*arguments)
        assert_one_sentence(code, err, words)
        assert out == "" and not list(tmp_path.iterdir())


def test_imports_are_light():
    for module in ("FusionINNLib", "FusionINNLib.cli"):
        code = (f"import sys, {module}; "
                "sys.exit(any(m in sys.modules for m in ('torch', 'slicer', 'nibabel', 'SimpleITK', 'scipy', 'PIL', 'matplotlib')))")
        assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode == 0, module


def test_the_documented_lines_work(fused_case, tiny_model):
    import FusionINNLib as fi

    fusion = fi.fuse(fi.read_volume(fused_case / "first.nii.gz"), fi.read_volume(fused_case / "second.nii.gz"), model=tiny_model)
    first, second = fi.decompose(fusion.fused, fusion.latent, fusion.recipe, model=tiny_model)
    guess = fi.estimate(fusion.fused, fusion.recipe, model=tiny_model)
    np.testing.assert_array_equal(first.array, head())
    np.testing.assert_array_equal(second.array, head(seed=1))
    assert guess.first.shape == guess.second.shape == head().shape
    assert all(getattr(fi, name) is not None for name in fi.__all__)
    with pytest.raises(AttributeError, match="no attribute 'fuze'"):
        fi.fuze  # noqa: B018
    assert issubclass(fi.FusionINNError, Exception) and fi.read_fusion(fused_case / "fused").recipe == fusion.recipe
