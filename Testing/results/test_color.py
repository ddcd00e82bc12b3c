"""Colours of a fusion of volumes that were moved."""
from dataclasses import replace

import numpy as np
from making import affine_from, head

from FusionINNLib import pipeline
from FusionINNLib.results.color import fused_color
from FusionINNLib.volumes.color import ColorVolume, split
from FusionINNLib.volumes.volume import Volume


def test_the_chroma_of_the_reference_stays_where_it_is_when_the_other_source_was_moved():
    grey = Volume(head(), np.eye(4), "T1")
    luminance, chroma = split(np.random.default_rng(0).integers(0, 256, (*head().shape, 3), np.uint8))
    colored = ColorVolume(Volume(luminance, np.eye(4), "PET"), chroma)
    fusion = pipeline.fuse(grey, colored.luminance, method="average")
    sources = replace(fusion.recipe.sources[0], resampled=True), fusion.recipe.sources[1]
    moved = replace(fusion, alignment=replace(fusion.alignment, resampled=True, transform=affine_from(np.eye(3), origin=(5, 3, 0))),
                    recipe=replace(fusion.recipe, sources=sources))
    np.testing.assert_array_equal(fused_color(moved, grey, colored).chroma, chroma)
