"""What version 0.1.0 wrote is read for ever: results decompose exactly, estimates come out as they did, models and runs load.

The files are made once (`golden/format1/README.md`) and never again: a test that fails here says that users lose their results.
"""
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import FusionINNLib as fi
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.results import scene_folder
from FusionINNLib.results.folder import read_fusion
from FusionINNLib.volumes.io import read_volume
from training.loop.config import load_config
from training.loop.export import load_run
from training.trainers.registry import TRAINERS

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "format1"
SHIPPED = "b377486557f3c5c0febd56fe8ef3c86dd6aea0df968c2611bd04e22cc762cf6d"
SIGNATURES = {
    "fuse": "first second reference alignment model device progress",
    "decompose": "fused latent recipe model device progress",
    "estimate": "fused recipe samples seed numbers model device progress",
    "read_fused": "path model", "read_fusion": "folder", "read_volume": "path", "read_segmentation": "path",
    "write_nifti": "volume path"}


@pytest.mark.parametrize("folder, model", [("fused", None), ("scene", None), ("fused-paper", "tiny-paper")])
def test_an_earlier_fusion_decomposes_exactly(folder, model):
    stored = read_fusion(GOLDEN / folder)
    back = fi.decompose(stored.fused, stored.latent, stored.recipe, model=model and str(GOLDEN / model), device="cpu")
    for got, name in zip(back, ("first", "second")):
        source = read_volume(GOLDEN / f"{name}.nii.gz")
        np.testing.assert_array_equal(got.array, source.array)
        assert (got.slope, got.intercept, got.array.dtype) == (source.slope, source.intercept, source.array.dtype)


def test_an_earlier_fused_file_is_estimated_as_it_was():
    """Other processors round otherwise, and a digit may flip: all but one voxel in a thousand to a thousandth of the range."""
    fused = fi.read_fused(GOLDEN / "fused" / "fused.nii.gz")
    guess = fi.estimate(fused.fused, fused.recipe, samples=2, device="cpu")
    assert fused.notes == () and guess.warnings == ()
    for volume in (guess.first, guess.second, guess.first_spread, guess.second_spread, guess.cycle_error):
        before = scene_folder.read_volume_as_is(GOLDEN / "estimated" / f"{volume.name}.nii.gz").array
        off = np.abs(volume.array - before) > 1e-3 * max(float(np.ptp(before)), 1e-2)
        assert off.mean() < 1e-3, volume.name


def test_an_earlier_scene_folder_is_read_whole():
    export = scene_folder.read(GOLDEN / "scene")
    assert export.notes == () and export.estimate_settings == {"samples": 2, "seed": 0}
    assert [one.name for one in export.segments.segments] == ["tumour core", "oedema"]
    assert set(export.estimate) == {"first", "second", "first_spread", "second_spread", "cycle_error"}
    for volume, name in zip(export.exact, ("first", "second")):
        np.testing.assert_array_equal(volume.array, read_volume(GOLDEN / f"{name}.nii.gz").array)
    assert all(volume.unit == "" for volume in export.estimate.values())  # NIfTI has none for these


def test_the_fingerprint_of_the_shipped_model_is_as_released():
    assert find_card("default").fingerprint == SHIPPED


def test_an_earlier_run_loads():
    config = load_config(GOLDEN / "run" / "config.json", TRAINERS)
    assert (config.preset, config.steps, config.settings["half_width"]) == ("default", 6, 8)
    assert sum(parameter.numel() for parameter in load_run(GOLDEN / "run", TRAINERS).parameters()) > 1000


@pytest.mark.parametrize("name", SIGNATURES)
def test_public_functions_take_what_they_took(name):
    parameters = list(inspect.signature(getattr(fi, name)).parameters)
    assert [one for one in parameters if one in SIGNATURES[name].split()] == SIGNATURES[name].split()


def test_public_names_are_there():
    assert {*SIGNATURES, "Volume", "Progress", "FusionINNError", "__version__"} <= set(fi.__all__)
    assert json.loads((GOLDEN / "fused" / "fusion.json").read_text())["format"] == 1
