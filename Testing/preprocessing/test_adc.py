"""ADC from diffusion-weighted images: known maps come back, real series give their check values, DICOM and NIfTI the same."""
import numpy as np
import pytest
from dicom_making import GRID, LPS, enhanced, item, save
from diffusion_making import fibres, series
from making import affine_from, head, rotation, write_with_nibabel

from FusionINNLib.cli.__main__ import main
from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.adc import adc_of
from FusionINNLib.volumes.diffusion import read_diffusion
from FusionINNLib.volumes.io import read_volume

AFFINE = affine_from(rotation(0.1, 0.0, 0.2), (1.8, 1.8, 5.0))


@pytest.mark.parametrize("b_values", [(0, 1000), (0, 500, 1000), (5, 1500, 1495, 1503), (0, 0, 700, 700)])
def test_a_known_map_comes_back(b_values):
    images, adc, inside = series(b_values)
    fit = adc_of(images, np.array(b_values, float))
    assert np.abs(fit.values - adc)[inside].max() < 2e-3 * 3 and (fit.values[~inside] == 0).all() and fit.values.dtype == np.float32
    assert sum(fit.b_values.values()) == len(b_values) and "head" in fit.notes[0]


def test_directions_are_averaged_geometrically():
    images, adc, inside = series((0, 1000, 1000))
    images[1] *= np.exp(-0.3)
    images[2] *= np.exp(0.3)
    fit = adc_of(images, np.array([0.0, 1000, 1000]))
    assert np.abs(fit.values - adc)[inside].max() < 1e-4 and fit.b_values == {0.0: 1, 1000.0: 2}


def test_fibres_in_any_direction_have_their_mean_diffusivity():
    images, b_values, _, inside = fibres(1000)
    assert np.abs(adc_of(images, b_values).values[inside] - 0.8).max() < 1e-4  # (0.4 + 0.4 + 1.6) / 3


@pytest.mark.parametrize("noise, tolerance", [(0, 1e-4), (5, 5e-3)])
def test_dipy_finds_the_same(noise, tolerance):
    """Its least squares on the logarithm of the whole tensor, whose trace is thrice the ADC, although it never averages directions."""
    dti = pytest.importorskip("dipy.reconst.dti", reason="dipy is not installed here: pip install dipy")
    from dipy.core.gradients import gradient_table

    images, b_values, directions, inside = fibres(1000)
    images = np.hypot(images, np.random.default_rng(1).normal(scale=noise, size=images.shape)) if noise else images
    model = dti.TensorModel(gradient_table(b_values, bvecs=directions), fit_method="OLS")
    expected = 1e3 * model.fit(np.moveaxis(images, 0, -1), mask=inside).md
    found = adc_of(images, b_values).values
    both = inside & (found != 0)
    assert both.sum() > 0.95 * inside.sum() and np.abs(found - expected)[both].max() < tolerance


def test_the_noise_floor_is_said():
    images, adc, inside = series((0, 1500), noise=20)
    fit = adc_of(images, np.array([0.0, 1500]))
    assert "noise floor" in fit.notes[1] and abs(np.median((fit.values - adc)[inside])) < 0.05


@pytest.mark.parametrize("b_values, words", [((0, 0), "at b = 0"), ((500, 1000), "b = 500, 1000"), ((0,), "1 b-values for 2"),
                                             ((0, -1), "at least 0"), ((0, np.nan), "at least 0")])
def test_b_values_that_give_no_adc_are_refused(b_values, words):
    with pytest.raises(InputError, match=words):
        adc_of(series((0, 1000))[0], np.array(b_values, float))


def test_nifti_and_dicom_give_the_same(tmp_path):
    images, adc, inside = series((0, 1000))
    stored = np.rint(images).astype(np.int16)
    groups = [{"MRDiffusionSequence": item(DiffusionBValue=float(b))} for b in (0, 1000) for _ in stored[0]]
    places = [(GRID, k) for _ in range(2) for k in range(6)]
    folder = save([enhanced(list(stored.reshape(-1, *stored.shape[2:])), places, per_frame=groups)], tmp_path / "dicom")
    write_with_nibabel(tmp_path / "dwi.nii.gz", stored.T, LPS @ GRID, scl_slope=2.0, scl_inter=0.0)
    (tmp_path / "dwi.bval").write_text("0 1000\n")
    both = [read_diffusion(path) for path in (tmp_path / "dwi.nii.gz", folder)]
    np.testing.assert_allclose(both[0].first.affine, both[1].first.affine, atol=1e-4)
    maps = [adc_of(one.images, one.b_values).values for one in both]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-5)
    assert np.abs(maps[0] - adc)[inside].max() < 0.02


def test_the_command_writes_a_volume_or_refuses(tmp_path, capsys):
    images = series((0, 1000))[0]
    write_with_nibabel(tmp_path / "dwi.nii.gz", images.astype(np.float32).T, AFFINE)
    words = ["adc", str(tmp_path / "dwi.nii.gz"), "--out", str(tmp_path / "adc.nii.gz")]
    assert main(words) == 2 and "give it with --bval" in capsys.readouterr().err
    (tmp_path / "b.txt").write_text("0 1000 2000")
    assert main([*words, "--bval", str(tmp_path / "b.txt")]) == 2 and "3 b-values for 2 images" in capsys.readouterr().err
    (tmp_path / "b.txt").write_text("nothing")
    assert main([*words, "--bval", str(tmp_path / "b.txt")]) == 2 and "something else" in capsys.readouterr().err
    assert not (tmp_path / "adc.nii.gz").exists()
    (tmp_path / "dwi.bval").write_text("0 1000")
    assert main(words) == 0 and "1e-3 mm2/s" in capsys.readouterr().out
    written = read_volume(tmp_path / "adc.nii.gz")
    np.testing.assert_allclose(written.affine, AFFINE, atol=1e-4)
    assert main(words) == 2 and "already" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


def test_a_series_is_fused_by_its_adc(tmp_path, tiny_model, capsys):
    images, adc, _ = series((0, 1000))
    write_with_nibabel(tmp_path / "dwi.nii.gz", images.astype(np.float32).T, AFFINE)
    write_with_nibabel(tmp_path / "flair.nii.gz", head(shape=(6, 40, 44), seed=2).T, AFFINE)
    (tmp_path / "dwi.bval").write_text("0 1000")
    assert main(["fuse", str(tmp_path / "dwi.nii.gz"), str(tmp_path / "flair.nii.gz"), "--first-adc", "--out", str(tmp_path / "out"),
                 "--model", tiny_model, "--device", "cpu"]) == 0
    assert "ADC from b = 0" in capsys.readouterr().err
    assert main(["decompose", str(tmp_path / "out"), "--out", str(tmp_path / "back"), "--model", tiny_model, "--device", "cpu"]) == 0
    assert np.abs(read_volume(tmp_path / "back/first_exact.nii.gz").values - adc).max() < 0.01


@pytest.mark.parametrize("name, median, low, high", [("philips_b1000", 0.841, 0.63, 1.65), ("toshiba_b1500", 0.802, 0.65, 1.46)])
def test_real_series_give_their_check_values(shared_folder, name, median, low, high):
    from scipy.ndimage import binary_erosion

    read = read_diffusion(shared_folder / "data/dwi" / name / "dwi.nii.gz")
    values, b0 = adc_of(read.images, read.b_values).values, read.images[read.b_values == 0].mean(axis=0)
    inside = binary_erosion(b0 > 0.12 * np.percentile(b0, 99.8), iterations=2)
    assert np.median(values[inside]) == pytest.approx(median, abs=0.001)
    assert np.percentile(values[inside], (10, 90)) == pytest.approx((low, high), abs=0.006)
