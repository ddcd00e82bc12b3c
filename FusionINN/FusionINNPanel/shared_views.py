"""What the views of the comparison share or show beside slices: crosshair, windows, 3-D, lightbox, histograms."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import slicer

from FusionINNLib import mrml
from FusionINNPanel.parameters import Arrangement, FusionINNParameterNode

LAYOUTS = {Arrangement.WITH_3D: "WITH_3D_LAYOUT_ID", Arrangement.LIGHTBOX: "LIGHTBOX_LAYOUT_ID",
           Arrangement.HISTOGRAMS: "HISTOGRAMS_LAYOUT_ID"}


class SharedViews:
    """Brought up to date whenever other volumes are shown; `end` leaves Slicer as it was."""

    def __init__(self) -> None:
        self._crosshair: mrml.LinkedCrosshair | None = None
        self._windows: mrml.LinkedWindows | None = None

    def update(self, parameters: FusionINNParameterNode, volumes: dict) -> None:
        """volumes: by the names of the views, as `volumesOfViews` gives them."""
        scene = slicer.mrmlScene
        self._crosshair = self._crosshair or mrml.LinkedCrosshair(scene)
        self._unlink()
        self._windows = mrml.LinkedWindows(volumes)
        if parameters.arrangement is Arrangement.WITH_3D and parameters.segmentation is not None:
            mrml.showSurfaces(parameters.segmentation)
        elif parameters.arrangement is Arrangement.LIGHTBOX:
            mrml.showLightbox(scene, volumes["fused"], volumes.get("behind", volumes["second"]), parameters.opacity)
        elif parameters.arrangement is Arrangement.HISTOGRAMS:
            mrml.showHistograms(scene, mrml.chartsOf(parameters.segmentNumbers))

    def end(self) -> None:
        """The comparison is no longer on screen."""
        if self._crosshair is not None:
            self._crosshair.restore()
        self.forget()

    def forget(self) -> None:
        """The scene goes away: nothing of it may be held."""
        self._unlink()
        self._crosshair = None

    def _unlink(self) -> None:
        if self._windows is not None:
            self._windows.remove()
        self._windows = None
