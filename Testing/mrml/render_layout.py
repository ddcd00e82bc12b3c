"""The comparison layout of the made-up sample case as a PNG, rendered without the Slicer application.

    python Testing/mrml/render_layout.py layout.png [--exact | --interval] [--small] [--model MODEL]

Label such pictures as rendered offscreen: what surrounds the views in Slicer is not in them.
"""
import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "Testing" / "support")]

import numpy as np
import scenes
import slicer
import slicer.util
from PIL import Image, ImageDraw, ImageFont
from views import OffscreenLayout

from FusionINNLib import mrml, pipeline
from FusionINNLib.phantom import case as phantom
from FusionINNLib.results.segments import SAMPLE_COLORS

NOTE = "Rendered outside of 3D Slicer, from its own slice views. Made-up sample case; research use only, not for diagnosis."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--exact", action="store_true", help="show the exact decomposition instead of the estimated one")
    parser.add_argument("--interval", action="store_true", help="estimate from 256 grey levels, and lay the interval over the estimate")
    parser.add_argument("--small", action="store_true", help="the sample case in few voxels")
    parser.add_argument("--model", default="default")
    parser.add_argument("--size", type=int, default=420, help="pixels of one view")
    options = parser.parse_args()
    core = scenes.start()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(core.scene, True)
    layout = show(core, phantom.small_case() if options.small else phantom.sample_case(), options)
    labelled(Image.fromarray(layout.picture())).save(options.picture)


def labelled(picture: Image.Image) -> Image.Image:
    """The picture with a line below it that says where it comes from."""
    page = Image.new("RGB", (picture.width, picture.height + 30), "white")
    page.paste(picture, (0, 0))
    ImageDraw.Draw(page).text((8, picture.height + 6), NOTE, "dimgray", ImageFont.load_default(size=15))
    return page


def show(core, sample: phantom.SampleCase, options) -> OffscreenLayout:
    """Do what a user does, and show it."""
    scene = core.scene
    first, second = (scenes.add_volume(scene, name, volume.array, volume.affine, volume.unit)
                     for name, volume in (("ADC", sample.first), ("FLAIR", sample.second)))
    names = tuple(mrml.Segment(f"Segment_{label}", name, SAMPLE_COLORS[label], label) for label, name in phantom.LABELS.items())
    segmentation = mrml.segmentationFromLabels(scene, mrml.Segments(sample.segmentation, names), "tumour")
    layout = OffscreenLayout(core, (options.size, options.size), legends=options.interval)  # views see the legends that come after them
    fusion = pipeline.fuse(mrml.volumeFromNode(first), mrml.volumeFromNode(second), model=options.model, device="cpu")
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={"model": options.model})
    if options.interval:
        slicer.util.updateVolumeFromArray(nodes.fused, np.rint(255 * slicer.util.arrayFromVolume(nodes.fused)) / np.float32(255))
    stored, over = mrml.fusionFromNodes(nodes.fused), {}
    if options.exact:
        exact = pipeline.decompose(stored.fused, stored.latent, stored.recipe, model=options.model, device="cpu")
        back = mrml.storeExact(scene, exact, nodes.fused)
    else:
        guess = pipeline.estimate(stored.fused, stored.recipe, samples=4, model=options.model, device="cpu")
        estimate = mrml.storeEstimate(scene, guess, nodes.fused, settings={"samples": 4})
        back = estimate.first, estimate.second
        if options.interval:
            over = {"overFirst": mrml.intervalOf(scene, estimate.first, estimate.firstSpread),
                    "overSecond": mrml.intervalOf(scene, estimate.second, estimate.secondSpread)}
    mrml.showCase(scene, {"first": first, "second": second, "fused": nodes.fused, "decomposedFirst": back[0], "decomposedSecond": back[1],
                          "difference": mrml.storeDifference(scene, back[1], second)} | over)
    mrml.showOutlines(segmentation)
    mrml.jumpTo(scene, mrml.tumourCentroidRAS(segmentation))
    layout.marks = [mrml.EstimatedMark(scene, name, view.renderer) for name, view in layout.views.items()]
    return layout


if __name__ == "__main__":
    main()
