"""A scene that version 0.1.0 saved opens, decomposes exactly and knows its estimate."""
from pathlib import Path

import numpy as np

from FusionINNLib import mrml, pipeline
from FusionINNLib.volumes.io import read_volume

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "format1"


def test_an_earlier_scene_opens_and_decomposes_exactly(core, scene):
    scene.Clear(1)
    assert scene.ReadFromMRB(str(GOLDEN / "scene.mrb"))
    fused = scene.GetFirstNodeByName("ADC + FLAIR (FusionINN fused)")
    stored = mrml.fusionFromNodes(fused)
    assert stored.obstacle is None and mrml.settingsOf(fused) == {"alignment": "auto", "reference": "second", "model": "default"}
    back = pipeline.decompose(stored.fused, stored.latent, stored.recipe, device="cpu")
    for got, name in zip(back, ("first", "second")):
        source = read_volume(GOLDEN / f"{name}.nii.gz")
        np.testing.assert_allclose(got.values, source.values, atol=1e-4 * np.ptp(source.values))
    assert [node.GetName() for node in mrml.inputsOf(fused)] == ["ADC", "FLAIR"]
    estimate = scene.GetFirstNodeByName("ADC (FusionINN ESTIMATED)")
    assert mrml.isEstimate(estimate) and mrml.isOfFusion(estimate, fused)
