"""Real volumes, there and back through the command line, with the model that the program brings."""
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from FusionINNLib.cli.__main__ import main
from FusionINNLib.methods import model_card
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.digits import changed_places, changed_share
from FusionINNLib.metrics.ssim import ssim
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.foreground import filled_foreground
from FusionINNLib.volumes.io import read_volume, write_nifti
from training.evaluation.quality import high_frequency_energy


def stored(path):
    """Stored numbers (i, j, k) and the affine, by another reader than ours."""
    image = nib.load(path)
    return np.asarray(image.dataobj.get_unscaled()), image.affine


def fuse_and_decompose(first, second, folder, *options):
    assert main(["fuse", str(first), str(second), "--out", str(folder / "fused"), "--device", "cpu", *map(str, options)]) == 0
    assert main(["decompose", str(folder / "fused"), "--out", str(folder / "back"), "--device", "cpu"]) == 0
    return json.loads((folder / "fused/fusion.json").read_text())


@pytest.fixture(scope="module")
def brats(shared_folder, tmp_path_factory):
    """T1ce, FLAIR and segmentation of one patient, 40 slices of them."""
    folder = tmp_path_factory.mktemp("brats")
    case = sorted((shared_folder / "data/brats18").iterdir())[0]
    for name in ("t1ce", "flair", "seg"):
        nib.load(case / f"{name}.nii.gz").slicer[:, :, 60:100].to_filename(folder / f"{name}.nii.gz")
    return folder


def test_brats_comes_back_identical(brats, capsys):
    provenance = fuse_and_decompose(brats / "t1ce.nii.gz", brats / "flair.nii.gz", brats, "--segmentation", brats / "seg.nii.gz")
    said = capsys.readouterr()
    assert provenance["alignment"]["mode"] == "none" and "Warning" not in said.err
    assert said.out.count("every voxel as stored") == 2
    for name, source in (("first", "t1ce"), ("second", "flair")):
        (back, affine), (true, true_affine) = stored(brats / f"back/{name}_exact.nii.gz"), stored(brats / f"{source}.nii.gz")
        assert back.dtype == true.dtype
        np.testing.assert_array_equal(back, true)
        np.testing.assert_array_equal(affine, true_affine)
    assert len(provenance["recipe"]["record"]["boxes"]) == 40, "ordinary slices must all go through the network"


def test_the_fused_image_of_brats_is_like_its_sources_no_rougher_and_black_around_the_head(brats):
    """Of the model that the program brings; the whole table is measured by `python -m training evaluate`."""
    if not (brats / "fused").exists():
        fuse_and_decompose(brats / "t1ce.nii.gz", brats / "flair.nii.gz", brats)
    fused = read_volume(brats / "fused/fused.nii.gz").array
    stored_sources = [read_volume(brats / f"{name}.nii.gz").array for name in ("t1ce", "flair")]
    sources = [fit_volume(array).apply(array) for array in stored_sources]
    gains, roughness, halo = [], [], []
    for k in (5, 20, 35):
        pair = [source[k] for source in sources]
        head = filled_foreground(*pair)
        gains.append(sum(ssim(fused[k], source, 1.0) - ssim(sum(pair) / 2, source, 1.0) for source in pair))
        roughness.append(high_frequency_energy(fused[k], head) / max(high_frequency_energy(source, head) for source in pair))
        far = ~ndimage.binary_dilation(np.maximum(*pair) > 0, iterations=3)
        halo.append((np.rint(fused[k][far] * 255) != 0).mean())
        cell = find_card(model_card.DEFAULT).cell
        assert not changed_places(changed_share(fused[k], np.abs(fused[k]) > 0.05, cell)).any(), "nobody changed it"
    assert np.mean(gains) > -0.01 and np.mean(roughness) < 1.1 and np.mean(halo) < 0.001


def test_brats_estimate_from_bytes_alone(brats, tmp_path):
    """The fused image as uint8 with scale factors, six slices of it, in an empty folder: the sources come back roughly."""
    if not (brats / "fused").exists():
        fuse_and_decompose(brats / "t1ce.nii.gz", brats / "flair.nii.gz", brats)
    image = nib.load(brats / "fused/fused.nii.gz")
    values = image.get_fdata()
    slope, low = np.ptp(values) / 255, values.min()
    again = nib.Nifti1Image(np.rint((values - low) / slope).astype(np.uint8), image.affine, image.header)
    again.header.set_data_dtype(np.uint8)
    again.header.set_slope_inter(slope, low)
    again.to_filename(tmp_path / "only.nii.gz")
    assert main(["decompose", str(tmp_path / "only.nii.gz"), "--estimate", "--samples", "1", "--out", str(tmp_path / "out"),
                 "--device", "cpu"]) == 0
    for name, source in (("first", "t1ce"), ("second", "flair")):
        guess, true = nib.load(tmp_path / f"out/{name}_estimated.nii.gz").get_fdata(), nib.load(brats / f"{source}.nii.gz").get_fdata()
        head = true > 0
        assert np.corrcoef(guess[head], true[head])[0, 1] > 0.9
        assert np.median(guess[head]) == pytest.approx(np.median(true[head]), rel=0.2)


def test_isles_adc_comes_back_as_resampled(shared_folder, tmp_path, capsys):
    """On twelve slices of the FLAIR, through lesion and ventricles."""
    case = shared_folder / "data/isles22/sub-strokecase0009"
    whole = read_volume(case / "flair.nii.gz")
    affine = whole.affine.copy()
    affine[:3, 3] += 10 * affine[:3, 2]
    write_nifti(replace(whole, array=np.ascontiguousarray(whole.array[10:22]), affine=affine), tmp_path / "flair.nii.gz")
    provenance = fuse_and_decompose(case / "adc.nii.gz", tmp_path / "flair.nii.gz", tmp_path, "--align", "header")
    said = capsys.readouterr()
    assert "adc was resampled onto the reference grid by the headers alone" in said.err
    assert "as it was resampled" in said.out and "to 1e-5 of its range" in said.out
    assert [source["resampled"] for source in provenance["recipe"]["sources"]] == [True, False]
    from FusionINNLib.registration.resampling import resample

    flair, adc = read_volume(tmp_path / "flair.nii.gz"), read_volume(case / "adc.nii.gz")
    for name, true in (("first", resample(adc, flair, np.eye(4)).array), ("second", flair.array)):
        back = read_volume(tmp_path / f"back/{name}_exact.nii.gz")
        assert back.shape == flair.shape and back.array.dtype == true.dtype
        assert np.abs(back.array.astype(np.float64) - true).max() < 1e-5 * np.ptp(true)
        np.testing.assert_array_equal(back.affine, flair.affine)
    assert b"as resampled" in nib.load(tmp_path / "back/first_exact.nii.gz").header["descrip"].item()


def test_full_range_of_a_real_head(brats, tmp_path):
    """Anatomy stretched over all 65,536 values of int16, which no scanner uses: the largest number of steps to be told apart."""
    for name, (low, high) in (("t1ce", (-32768, 32767)), ("flair", (-20000, 32767))):
        volume = read_volume(brats / f"{name}.nii.gz")
        part = volume.array[10:18].astype(np.float64)
        noise = np.random.default_rng(0).random(part.shape) * (part > 0)  # so that all steps are used
        stretched = np.rint(low + (part + noise) / (part.max() + 1) * (high - low)).astype(np.int16)
        write_nifti(type(volume)(stretched, volume.affine, name), tmp_path / f"{name}.nii.gz")
    provenance = fuse_and_decompose(tmp_path / "t1ce.nii.gz", tmp_path / "flair.nii.gz", tmp_path)
    assert len(provenance["recipe"]["record"]["boxes"]) == 8, "not given up, but fused by the network"
    for name, source in (("first", "t1ce"), ("second", "flair")):
        np.testing.assert_array_equal(stored(tmp_path / f"back/{name}_exact.nii.gz")[0], stored(tmp_path / f"{source}.nii.gz")[0])
