"""A fusion whose latent has more digits than others, and whose way back needs all slices, in the scene."""
import numpy as np
import scenes
from making import AFFINES, head

from FusionINNLib import mrml, pipeline
from FusionINNLib.results.trust import Trust


def test_reversible_hiding_goes_back_exactly_and_as_an_estimate_from_its_nodes(scene):
    first, second = (scenes.add_volume(scene, name, head(np.uint16, seed=seed), AFFINES["oblique"])
                     for seed, name in enumerate(("T1", "FLAIR")))
    fused = mrml.fuseTask(scene, first, second, method="rdh").run().nodes.fused
    stored = mrml.fusionFromNodes(fused)
    assert stored.obstacle is None and mrml.waysBack(fused).exact and mrml.waysBack(fused).estimate
    for back, node in zip(pipeline.decompose(stored.fused, stored.latent, stored.recipe), (first, second)):
        np.testing.assert_array_equal(back.array, mrml.volumeFromNode(node).array)
    assert mrml.estimateTask(scene, fused).run().trust is Trust.AS_WRITTEN
