"""What campaigns have found: each stays mended."""
import json
import shutil

import numpy as np
import pytest
from making import affine_from, head, write_dicom

import FusionINNLib as fi
from FusionINNLib.errors import InputError, ModelError, ResultError
from FusionINNLib.methods import registry
from FusionINNLib.methods.fusioninn import model_folder, networks
from FusionINNLib.methods.fusioninn.card import find
from FusionINNLib.results.recipe import recipe_from_dict
from FusionINNLib.volumes.io import read_extension, read_volume, write_nifti


def test_a_damaged_transfer_syntax(tmp_path):
    write_dicom(tmp_path / "series", head()[:6], affine_from(np.diag([-1, -1, 1]), (1, 1, 3)))
    for path in (tmp_path / "series").iterdir():
        whole = path.read_bytes()
        assert b"1.2.840.10008.1.2" in whole
        path.write_bytes(whole.replace(b"1.2.840.10008.1.2", b"1.2.840.10008.7.2"))
    with pytest.raises(InputError):
        read_volume(tmp_path / "series")


@pytest.mark.parametrize("name, value", [("margin", "x"), ("margin", True), ("margin", -1), ("margin", 2 ** 40), ("settings", []),
                                         ("preset", 3), ("normalization", "é"), ("typical_bright", None), ("spread_scale", 0),
                                         ("spread_scale_rounded", float("inf"))])
def test_cards_that_cannot_be(tmp_path, tiny_model, name, value):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, name: value}))
    with pytest.raises(ModelError, match="damaged"):
        registry.create("fusioninn", str(folder))


@pytest.mark.parametrize("name, value", [("half_before", 32768), ("half_width", 2 ** 31 - 1), ("quarter", -1), ("half_after", True),
                                         ("quarter_width", 0), ("quarter", 1.5), ("cell", "é"), ("cell", float("nan")), ("black", None),
                                         ("gain", 0), ("multiple", [])])
def test_networks_that_cannot_be(tmp_path, tiny_model, name, value):
    """Refused at once: one of 32768 couplings took minutes to build, and a cell that is no number failed in the middle of a fusion."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "settings": {**card["settings"], name: value}}))
    with pytest.raises(ModelError, match="damaged" if name == "cell" else "do not fit its card"):
        model_folder.load(find(str(folder)))
    with pytest.raises(ValueError, match=name):
        networks.build("default", {name: value})


def test_a_published_network_that_cannot_be():
    for value in (0, 32768, "3"):
        with pytest.raises(ValueError, match="k must be"):
            networks.build("paper", {"k": value})


@pytest.mark.parametrize("shape", [[6, 40, 2 ** 63 - 1], [2 ** 20] * 3, [6, 40, 0], [6, -40, 44]])
def test_a_recipe_of_an_image_that_cannot_be(tmp_path, fused_case, tiny_model, shape):
    """In the header of a fused image, where no checksum tells."""
    fused = read_volume(fused_case / "fused/fused.nii.gz")
    [recipe] = [json.loads(one) for one in read_extension(fused_case / "fused/fused.nii.gz")]
    recipe["FusionINN"]["shape"] = shape
    write_nifti(fused, tmp_path / "fused.nii", extension=json.dumps(recipe).encode())
    with pytest.raises(ResultError, match="record of the fusion is damaged"):
        fi.read_fused(tmp_path / "fused.nii", tiny_model)


@pytest.mark.parametrize("name", ["not_finite", "kept_apart"])
def test_voxels_kept_apart_that_are_no_text(fused_case, name):
    [content] = [json.loads(one) for one in read_extension(fused_case / "fused/fused.nii.gz")]
    content["FusionINN"]["sources"][1][name] = 32768
    with pytest.raises(ResultError, match="record of the fusion is damaged"):
        recipe_from_dict(content["FusionINN"])


@pytest.mark.parametrize("shape", [(30000, 30000, 30000), (-3, 5, 6), (3, -5, -6), (2, 0, 6)])
def test_sizes_that_cannot_be(tmp_path, shape):
    content = bytearray(b"\x5c\x01" + bytes(346))
    content[40:48] = np.array([3, *shape], "<i2").tobytes()
    content[70:74], content[76:80] = np.array([64, 64], "<i2").tobytes(), np.float32(1).tobytes()
    content[108:112], content[344:348] = np.float32(352).tobytes(), b"n+1\0"
    (tmp_path / "a.nii").write_bytes(bytes(content) + bytes(400))
    with pytest.raises(InputError):
        read_volume(tmp_path / "a.nii")


def test_a_product_beyond_64_bits(tmp_path):
    """NIfTI-2 says sizes in 64 bits each."""
    import nibabel as nib

    header = nib.Nifti2Header()
    header.set_data_dtype(np.float64)
    header["dim"] = [3, 2 ** 31, 2 ** 31, 2, 1, 1, 1, 1]
    header["vox_offset"] = 544
    (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(400))
    with pytest.raises(InputError):
        read_volume(tmp_path / "a.nii")
