"""The table of results: its figures, and the whole way on a made-up folder of cases."""
import csv
import json
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from training_data import write_data, write_splits

from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.metrics.ssim import ssim
from FusionINNLib.pipeline import estimate, read_fused
from FusionINNLib.results.recipe import to_extension
from FusionINNLib.volumes.io import read_volume, write_nifti
from training import __main__ as command
from training.evaluation.cases import columns
from training.evaluation.measure import as_integers, fuse_case, measure_case
from training.evaluation.pictures import small_png
from training.evaluation.quality import calibration, high_frequency_energy, latent_figures
from training.evaluation.rows import RELEASED_ROWS, ROWS, Row, Target


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    write_data(folder / "data")
    write_splits(folder)
    return folder


# ---- figures -----------------------------------------------------------------------------------------------------------------------


def test_high_frequency_energy_is_that_of_the_laplacian():
    j, i = np.mgrid[:20, :20]
    inside = np.zeros((20, 20), bool)
    inside[5:15, 5:15] = True
    assert high_frequency_energy(0.1 * i + 0.2 * j, inside) < 1e-20
    assert high_frequency_energy((j + i) % 2 * 1.0, inside) == pytest.approx(16)


def test_white_noise_is_told_from_other_latents():
    rng = np.random.default_rng(0)
    heads = np.zeros((3, 100, 100), bool)
    heads[:, 10:90, 20:90] = True
    white, fused = (rng.standard_normal(heads.shape).astype(np.float32) for _ in range(2))
    figures = latent_figures(np.where(heads, white, 50), fused, heads)
    assert max(abs(figures[key]) for key in ("z_mean", "z_right", "z_down", "z_fused")) < 0.03
    assert figures["z_sd"] == pytest.approx(1, abs=0.02) and abs(figures["z_kurtosis"]) < 0.1
    smeared = latent_figures(white + np.roll(white, 1, 2) + fused, fused, heads)
    assert smeared["z_right"] > 0.2 and abs(smeared["z_down"]) < 0.05 and smeared["z_fused"] > 0.5


def test_an_honest_spread_is_one():
    rng = np.random.default_rng(0)
    source, error = rng.random((2, 50, 50)), rng.normal(0, 0.1, (2, 50, 50))
    assert calibration(source + error, np.full(source.shape, 0.1), source, np.ones(source.shape, bool)) == pytest.approx(1, abs=0.03)


def test_targets_mark_each_patient_where_a_mean_could_hide_one():
    row = Row("x", ("a",), targets={"t1ce_flair": Target("below 0.1", lambda value: abs(value) < 0.1)})
    column = SimpleNamespace(column=SimpleNamespace(key="t1ce_flair"), mean=lambda key: 0.0, of_cases=lambda key: [-0.5, 0.5])
    assert row.is_met(column) is True and replace(row, each_case=True).is_met(column) is False
    assert len({row.label for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("dtype", ["int16", "uint8"])
def test_stored_integers_are_within_a_step(place, tiny_model, dtype, tmp_path):
    case = columns(place / "data", place / "splits.json")[0].cases[0]
    fusion = fuse_case(case, tiny_model, "cpu")
    stored = as_integers(fusion.fused, np.dtype(dtype))
    write_nifti(stored, tmp_path / "fused.nii", extension=to_extension(fusion.recipe))
    back = read_fused(tmp_path / "fused.nii", tiny_model)
    assert stored.array.dtype == dtype and stored.array.min() == np.iinfo(dtype).min and stored.array.max() == np.iinfo(dtype).max
    # half a step, and another half for voxels as dark as the background, which is brought back to where it was
    assert np.abs(back.fused.array - fusion.fused.array).max() < 1.02 * stored.slope
    assert np.median(np.abs(back.fused.array - fusion.fused.array)) < 0.51 * stored.slope
    assert not any("guessed" in note for note in back.notes)


# ---- the whole way -----------------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_whole_volumes(place, tiny_model):
    """Only the slices that count pass through the network, and that changes nothing."""
    column = columns(place / "data", place / "splits.json")[0]
    case = column.cases[0]
    fusion = fuse_case(case, tiny_model, "cpu")
    result = measure_case(case, fusion, column.choose, tiny_model, "cpu")
    assert result.exact == (0, 0) and result.counts_voxels == (True, True)
    labels = read_volume(case.labels).array
    assert list(result.slices) == [k for k in range(len(labels)) if {1, 2} <= set(np.unique(labels[k]))]
    guess = estimate(fusion.fused, fusion.recipe, samples=8, seed=0, model=tiny_model, device="cpu")
    for k, values in result.slices.items():
        for n, (source, belief) in enumerate(((fusion.first, guess.first), (fusion.second, guess.second)), start=1):
            scale = fusion.recipe.sources[n - 1].normalization(k)
            there, here = scale.apply(source.array[k]), scale.apply(belief.array[k])
            assert values[f"float32_{n}"] == pytest.approx(ssim(here, there, 1.0), abs=1e-9)
            assert values[f"fused_{n}"] == pytest.approx(ssim(fusion.fused.array[k], there, 1.0), abs=1e-9)
    assert result.means["gain"] == pytest.approx(sum(result.means[f"fused_{n}"] - result.means[f"average_{n}"] for n in (1, 2)))


def test_evaluate_writes_page_tables_and_pictures(place, tiny_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("kept")
    words = ["evaluate", "--model", tiny_model, "--data", str(place / "data"), "--splits", str(place / "splits.json"), "--device", "cpu"]
    assert command.main([*words, "--out", "docs"]) == 0
    page = (tmp_path / "docs" / "results.md").read_text()
    assert capsys.readouterr().out.strip() == page.strip() and (tmp_path / "docs" / "other.md").read_text() == "kept"
    assert "0 voxels differ / 0 voxels differ" in page and all(row.label in page for row in ROWS)
    assert str(tmp_path) not in page and str(place) not in page and "python -m training evaluate --model" in page
    assert os.path.relpath(place / "data") in page
    table = json.loads((tmp_path / "docs" / "results.json").read_text())["columns"]
    assert set(table) == {"t1ce_flair", "adc_flair", "adc_flair_on_adc", "t2_flair", "openms_t1ce_flair", "openms_t2_flair"}
    assert max(table["adc_flair"]["cases"]["stroke"]["exact"]) < 1e-5
    lines = list(csv.DictReader((tmp_path / "docs" / "results.csv").open()))
    assert len(lines) == 6 * 3 and float(lines[0]["gain"]) == pytest.approx(table["t1ce_flair"]["cases"]["c"]["means"]["gain"])
    pictures = sorted(path.name for path in (tmp_path / "docs" / "pictures").iterdir())
    assert pictures == ["isles22.png", "openms.png"] and all(f"pictures/{name}" in page for name in pictures)


def test_columns_without_data_are_left_out_and_that_is_said(place, tiny_model, tmp_path, capsys):
    (tmp_path / "isles22").symlink_to(place / "data" / "isles22")
    words = ["evaluate", "--model", tiny_model, "--data", str(tmp_path), "--splits", str(place / "splits.json"), "--device", "cpu"]
    assert command.main(words) == 0
    assert "Not run, because the data were not there: T1ce / FLAIR" in capsys.readouterr().out


def test_a_validation_case_that_is_missing_is_no_small_matter(place, tmp_path, tiny_model, capsys):
    (tmp_path / "brats18").symlink_to(place / "data" / "brats18")
    (tmp_path / "splits.json").write_text(json.dumps({"brats18": {"train": [], "val": ["c", "gone"]}}))
    assert command.main(["evaluate", "--model", tiny_model, "--data", str(tmp_path), "--splits", str(tmp_path / "splits.json")]) == 2
    assert "gone" in capsys.readouterr().err


def test_pictures_are_made_small_enough():
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    content = small_png(Image.fromarray(noise), 60_000)
    assert len(content) <= 60_000 and content.startswith(b"\x89PNG")


# ---- the released program ----------------------------------------------------------------------------------------------------------


def test_models_of_the_paper_get_the_released_program_beside_this_one(place, paper_model, tiny_model, tmp_path, capsys):
    (tmp_path / "brats18").symlink_to(place / "data" / "brats18")
    words = ["evaluate", "--data", str(tmp_path), "--splits", str(place / "splits.json"), "--device", "cpu", "--model"]
    assert command.main([*words, paper_model, "--out", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "## The released program, with its two sigmoids" in page and all(row.label in page for row in RELEASED_ROWS)
    case = json.loads((tmp_path / "out" / "results.json").read_text())["columns"]["t1ce_flair"]["cases"]["c"]
    network, found = model_folder.load(find_card(paper_model)), []
    volumes = [read_volume(place / "data" / "brats18" / "c" / f"{name}.nii.gz").array for name in ("t1ce", "flair")]
    for k in case["slices"]:  # straight from the formula
        pair = np.stack([(array[k] - array[k].min()) / np.ptp(array[k]).astype(np.float64) for array in volumes]).astype(np.float32)
        with torch.no_grad():
            y, z = network.fuse(torch.from_numpy(pair)[None])
            back = torch.sigmoid(network.decompose(torch.sigmoid(y), z))[0].numpy()
        found.append([ssim(torch.sigmoid(y)[0, 0].numpy(), pair[0], 1.0), ssim(back[0], pair[0], 1.0), ssim(back[1], pair[1], 1.0)])
    means = [case["means"][name] for name in ("released_fused_1", "released_saved_1", "released_saved_2")]
    assert means == pytest.approx(np.mean(found, 0), abs=2e-5) and max(means[1:]) < 0.9 and case["exact"] == [0, 0]
    assert command.main([*words, tiny_model]) == 0
    assert "released program" not in capsys.readouterr().out
