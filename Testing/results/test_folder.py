"""Results on disk: provenance that names nobody, and folders that were edited, mixed or cut short."""
import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from making import head, volume
from PIL import Image

from FusionINNLib.errors import ModelError, ResultError
from FusionINNLib.methods import devices
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.pipeline import decompose
from FusionINNLib.results import folder as result_folder
from FusionINNLib.results.color import COLOR_FILES
from FusionINNLib.results.folder import FUSION_FILES, read_fusion
from FusionINNLib.volumes.io import read_extension, read_volume, sha256, write_nifti


@pytest.fixture
def folder(fused_case, tmp_path):
    """A copy of a fusion that may be spoilt."""
    return shutil.copytree(fused_case / "fused", tmp_path / "fused")


def edit(folder, change):
    """Change fusion.json as somebody would who knows how its checksum is made."""
    provenance = json.loads((folder / "fusion.json").read_text())
    change(provenance)
    provenance["checksum"] = result_folder._checksum(provenance)
    (folder / "fusion.json").write_text(json.dumps(provenance))


def test_what_is_read_is_what_was_fused(fused_case, folder, tiny_model):
    stored = read_fusion(folder)
    assert stored.fused.array.dtype == stored.latent.array.dtype == np.float32
    back = decompose(stored.fused, stored.latent, stored.recipe, model=tiny_model, device="cpu")
    for got, name in zip(back, ("first", "second")):
        source = read_volume(fused_case / f"{name}.nii.gz")
        np.testing.assert_array_equal(got.array, source.array)
        assert (got.slope, got.intercept, got.array.dtype) == (source.slope, source.intercept, source.array.dtype)


def test_a_fusion_is_these_files_and_a_whole_picture(folder):
    assert {path.name for path in folder.iterdir()} == FUSION_FILES - COLOR_FILES
    with Image.open(folder / "report.png") as picture:
        picture.load()
    for name in ("fused", "latent"):
        image = nib.load(folder / f"{name}.nii.gz")
        assert image.get_data_dtype() == np.float32 and b"Research use only" in image.header["descrip"].item()


def test_provenance_says_what_was_done_and_to_whom_nothing(fused_case, folder):
    text = (folder / "fusion.json").read_text()
    provenance = json.loads(text)
    for role in ("first", "second"):
        entry = provenance["inputs"][role]
        assert entry["file"] == f"{role}.nii.gz" and entry["sha256"] == sha256(fused_case / f"{role}.nii.gz")
        assert entry["grid"]["shape_kji"] == list(head().shape)
        np.testing.assert_allclose(entry["grid"]["ijk_to_ras_mm"], read_volume(fused_case / f"{role}.nii.gz").affine)
    assert provenance["files"]["latent"]["sha256"] == sha256(folder / "latent.nii.gz")
    assert provenance["recipe"]["model"] == "tiny" and len(provenance["recipe"]["sha256"]) == 64
    assert provenance["notice"].startswith("Research use only") and provenance["version"] and provenance["settings"]["alignment"] == "auto"
    assert np.shape(provenance["alignment"]["reference_to_moving_ras_mm"]) == (4, 4)
    header = read_extension(folder / "fused.nii.gz")[0].decode()
    for written in (text, header):
        for secret in ("Doe", "1970", str(fused_case), "/tmp", "\\\\", "/home", "/"):
            assert secret not in written.replace("mm2/s", ""), secret


def test_nothing_but_fused_and_latent_holds_voxels(tmp_path, tiny_model):
    """Twice the voxels, hardly more text: so there is nothing in it that the sources could be read from."""
    from FusionINNLib.cli.__main__ import main

    sizes = []
    for columns in (48, 192):
        folder = tmp_path / str(columns)
        folder.mkdir()
        for seed, name in enumerate(("first", "second")):
            array = head("f4", (6, 40, columns), seed=seed) + np.random.default_rng(seed).random((6, 40, columns), np.float32)
            array[:, 10:12, 20] = np.nan
            write_nifti(volume(array), folder / f"{name}.nii.gz")
        files = [str(folder / "first.nii.gz"), str(folder / "second.nii.gz")]
        assert main(["fuse", *files, "--out", str(folder / "out"), "--model", tiny_model]) == 0
        extension = read_extension(folder / "out/fused.nii.gz")
        assert len(extension) == 1 and json.loads(extension[0])["FusionINN"]["sources"][0]["not_finite"] is None
        sizes.append((len((folder / "out/fusion.json").read_bytes()), len(extension[0])))
    assert sizes[1][0] < sizes[0][0] + 400 and sizes[1][1] < sizes[0][1] + 200 and sizes[1][1] < 4000


def test_an_edited_record_is_refused(folder):
    text = (folder / "fusion.json").read_text()
    (folder / "fusion.json").write_text(text.replace('"axis": 0', '"axis": 1'))
    with pytest.raises(ResultError, match="edited"):
        read_fusion(folder)


@pytest.mark.parametrize("name", ["../latent.nii.gz", "/etc/passwd", "..", "", "sub/latent.nii.gz", "..\\latent.nii.gz", "."])
def test_a_record_that_points_outside_is_refused(folder, name):
    shutil.copy(folder / "latent.nii.gz", folder.parent / "latent.nii.gz")
    edit(folder, lambda provenance: provenance["files"]["latent"].update(file=name))
    with pytest.raises(ResultError, match="outside"):
        read_fusion(folder)


def test_a_link_to_elsewhere_is_refused(folder):
    (folder / "latent.nii.gz").rename(folder.parent / "latent.nii.gz")
    (folder / "latent.nii.gz").symlink_to(folder.parent / "latent.nii.gz")
    with pytest.raises(ResultError, match="missing"):
        read_fusion(folder)


def test_a_newer_format_is_refused_even_where_it_looks_edited(folder):
    text = (folder / "fusion.json").read_text()
    (folder / "fusion.json").write_text(text.replace('"format": 2', '"format": 3', 1))
    with pytest.raises(ResultError, match="newer version"):
        read_fusion(folder)
    (folder / "fusion.json").write_text(text)
    edit(folder, lambda provenance: provenance["recipe"].update(format=7))
    with pytest.raises(ResultError, match="newer version"):
        read_fusion(folder)


def test_a_latent_that_is_missing_cut_or_of_another_case_is_refused(folder):
    latent = folder / "latent.nii.gz"
    whole = latent.read_bytes()
    latent.write_bytes(whole[:-100])
    with pytest.raises(ResultError, match="not the file that was written"):
        read_fusion(folder)
    write_nifti(volume(np.zeros(head().shape, np.float32) + 1), latent)
    with pytest.raises(ResultError, match="another case"):
        read_fusion(folder)
    latent.unlink()
    with pytest.raises(ResultError, match="missing"):
        read_fusion(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{nonsense", '{"format": true}', '{"format": "1"}', '"x"'])
def test_what_is_no_record_is_refused(folder, text):
    (folder / "fusion.json").write_text(text)
    with pytest.raises(ResultError):
        read_fusion(folder)


def test_where_there_is_no_fusion(fused_case, folder, tmp_path):
    (folder / "fusion.json").unlink()
    for path, words in ((folder, "holds no fusion.json"), (tmp_path / "none", "no such folder"),
                        (fused_case / "first.nii.gz", "--estimate")):
        with pytest.raises(ResultError, match=words):
            read_fusion(path)


# ---- models ----------------------------------------------------------------------------------------------------------------------


def test_damaged_and_swapped_weights_are_refused(tiny_model, paper_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "copy")
    weights = bytearray((model / "weights.pt").read_bytes())
    weights[len(weights) // 2] ^= 1
    for content in (bytes(weights), (find_card(paper_model).folder / "weights.pt").read_bytes(), b""):
        (model / "weights.pt").write_bytes(content)
        with pytest.raises(ModelError, match="damaged or were swapped"):
            model_folder.load(find_card(str(model)))
    card = json.loads((model / "card.json").read_text())
    for content in (b"no weights", (find_card(paper_model).folder / "weights.pt").read_bytes()):  # with a checksum that fits
        (model / "weights.pt").write_bytes(content)
        (model / "card.json").write_text(json.dumps(card | {"sha256": sha256(model / "weights.pt")}))
        with pytest.raises(ModelError, match="do not fit"):
            model_folder.load(find_card(str(model)))
    (model / "weights.pt").unlink()
    with pytest.raises(ModelError, match="missing"):
        model_folder.load(find_card(str(model)))
    for text in ("{", "[]", "{}"):
        (model / "card.json").write_text(text)
        with pytest.raises(ModelError, match="card"):
            find_card(str(model))


def test_weights_that_would_run_code_do_not(tiny_model, tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    model = shutil.copytree(tiny_model, tmp_path / "trap")
    (model / "weights.pt").write_bytes(pickle.dumps(Trap(), protocol=2))
    card = json.loads((model / "card.json").read_text())
    (model / "card.json").write_text(json.dumps(card | {"sha256": sha256(model / "weights.pt")}))
    with pytest.raises(ModelError):
        model_folder.load(find_card(str(model)))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["tpu", "", "cuda:x", "cuda:", "cpu:", "auto:1", "cuda:99", "mps:0:1"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(ModelError, match="device"):
        devices.choose_device(name)
