"""How a case is looked at: what the views show, their plane and slice, windows, outlines, blinking. Main thread only."""
import numpy as np

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNLib.mrml.nodes import affineOfResult, emptyGrid
from FusionINNLib.reports.slice_view import slice_view
from FusionINNLib.viewer.case import Case, Node
from FusionINNLib.viewer.state import PAIRS
from FusionINNLib.viewer.trame_views import SliceViews

_ACROSS = {"Axial": ("S", "I"), "Coronal": ("A", "P"), "Sagittal": ("R", "L")}
_NARROWEST = 1e-3  # window that the pointer makes, as a share of the volume's range
_AS_SOURCE = {"first": "decomposedFirst", "second": "decomposedSecond"}


class Look:
    """What is on screen.

    method, difference_of: see `Case.shown`. interval: whether that of an estimate is to lie over it.
    """

    def __init__(self, views: SliceViews, case: Case):
        self._views, self._case = views, case
        self.method, self.difference_of, self.plane = "exact", "second", "Axial"
        self.interval = False
        self.volumes: dict[str, Node | None] = dict.fromkeys(mrml.VIEWS)
        self._opacity, self._outlined, self._blink, self._grid = 1.0, True, None, None
        self._point = np.zeros(3)  # that is looked at, world RAS mm: it stays when the plane changes
        self._first_windows: dict[str, tuple[float, float]] = {}
        self._marks = [mrml.EstimatedMark(case.scene, view, views.renderer(view)) for view in mrml.VIEWS]

    def close(self) -> None:
        """Stop watching the views."""
        self.stop_blinking()
        for mark in self._marks:
            mark.remove()
        self._marks = []

    # ---- what is shown ---------------------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Show the case as it is now. The plane is that of the volume's slices when there is another grid to look at."""
        self.stop_blinking()
        self.volumes = {view: mrml.inColor(node) for view, node in self._case.shown(self.method, self.difference_of).items()}
        over = self._case.interval_over(self.method) if self.interval else {}
        mrml.showCase(self._case.scene, self.volumes | over, orient=False)
        mrml.setFusedOpacity(self._case.scene, self._opacity)
        self.set_outlined(self._outlined)
        if self._grid != (grid := _grid_of(self.lead)):
            self._grid = grid
            if self.lead is not None:
                self.plane = _plane_of(self.lead)
                mrml.orientViews(self._case.scene, self.lead, self.plane)
                self._point = self._point_of_views()
                self.jump_to_segmentation()
        for mark in self._marks:
            mark.update()
        for node in filter(None, self.volumes.values()):
            self._first_windows.setdefault(node.GetID(), _window_of(node))
        self._views.render()

    @property
    def lead(self) -> Node | None:
        """The volume whose slices all views show."""
        return next((self.volumes[view] for view in ("fused", "second", "first") if self.volumes[view] is not None), None)

    @property
    def estimated(self) -> dict[str, bool]:
        """For each view, whether it shows an estimate."""
        return mrml.estimatedViews(self._case.scene)

    def set_outlined(self, on: bool) -> None:
        """Outlines of the segmentation and of what was suggested in all views, or none."""
        self._outlined = on
        for outlines in filter(None, (self._case.nodes.get("segmentation"), self._case.suggestion)):
            mrml.showOutlines(outlines)
            outlines.GetDisplayNode().SetVisibility(on)

    def set_opacity(self, opacity: float) -> None:
        """Opacity 0..1 of the fused image over the second one."""
        self._opacity = opacity
        mrml.setFusedOpacity(self._case.scene, opacity)
        self._views.render()

    # ---- where the slice lies --------------------------------------------------------------------------------------------------------

    def set_plane(self, plane: str) -> None:
        """Turn all views to one of PLANES, as the lead volume lies; a single slice is seen in its own plane only."""
        self.plane = _plane_of(self.lead) if self.lead is not None and _is_slice(self.lead) else plane
        self.fit()

    def fit(self) -> None:
        """As large as the views allow, through the point that was looked at last."""
        if self.lead is None:
            return
        mrml.orientViews(self._case.scene, self.lead, self.plane)
        mrml.jumpTo(self._case.scene, tuple(self._point))
        self._views.render()

    def step(self, slices: int) -> None:
        """So many slices on, towards the head for axial views; no further than the volume reaches."""
        low, high, size = self._range()
        self.set_offset(min(max(self._views.offset() + slices * size, low), high))

    def set_offset(self, offset: float) -> None:
        """All views to the slice at an offset (mm along the normal of the views)."""
        before = self._point_of_views()
        self._views.set_offset(offset)
        self._point = self._point + self._point_of_views() - before
        self._views.render()

    def jump_to_segmentation(self) -> None:
        """All views to the middle of the segmentation, if there is one that is not empty."""
        segmentation = self._case.nodes.get("segmentation")
        if segmentation is None:
            return
        try:
            self._point = np.array(mrml.tumourCentroidRAS(segmentation))
        except FusionINNError:  # an empty one, of which its reader has told
            return
        mrml.jumpTo(self._case.scene, tuple(self._point))
        self._views.render()

    def where(self) -> dict:
        """offset, low, high and step in mm; how many slices there are; the slice in words; letters at the edges of the views."""
        low, high, step = self._range()
        offset = self._views.offset()
        number, count = round((offset - low) / step) + 1, round((high - low) / step) + 1
        plus, minus = _ACROSS[self.plane]
        words = f"slice {min(max(number, 1), count)} of {count}, {plus if offset >= 0 else minus} {abs(offset):.1f} mm"
        return {"offset": round(offset, 3), "low": round(low, 3), "high": round(high, 3), "step": round(step, 4), "count": count,
                "words": words if self.lead is not None else "", "edges": self._views.edges() if self.lead is not None else {}}

    def _range(self) -> tuple[float, float, float]:
        """As `SliceViews.offset_range`; of a single slice, beside which Slicer has two empty ones, only where it lies."""
        low, high, step = self._views.offset_range()
        is_slice = self.lead is not None and _is_slice(self.lead)
        return ((low + high) / 2, (low + high) / 2, step) if is_slice else (low, high, step)

    def _point_of_views(self) -> np.ndarray:
        """A point of the slice that the views show, world RAS mm."""
        matrix = mrml.sliceNodeOf(self._case.scene, "fused").GetSliceToRAS()
        return np.array([matrix.GetElement(row, 3) for row in range(3)])

    # ---- windows ---------------------------------------------------------------------------------------------------------------------

    def window(self, view: str) -> dict | None:
        """low, high: shown darkest and brightest; least, most: of the volume. None for an empty view."""
        node = self.volumes[view]
        if node is None:
            return None
        low, high = _window_of(node)
        least, most = _range_of(node)
        return {"low": low, "high": high, "least": min(least, low), "most": max(most, high)}

    def set_window(self, view: str, low: float, high: float) -> None:
        """Values shown darkest and brightest; a source and what it was decomposed to always have the same."""
        nodes = [node for node in (self.volumes[view], self.volumes.get(_AS_SOURCE.get(view, ""))) if node is not None and high > low]
        for node in nodes:
            mrml.setWindow(node, low, high)
        self._views.render([shown for shown, node in self.volumes.items() if node in nodes or (shown == "fused" and self.is_blinking)])

    def draw_window(self, view: str, right: float, up: float) -> str:
        """The window of what a view shows, as the pointer is drawn over it: to the right wider, upwards higher, which is darker; across
        the shorter side by the range of the volume's values, as in 3D Slicer. Returns the view whose window it is: that of the source."""
        source = next((one for one, other in _AS_SOURCE.items() if other == view and self.volumes[one] is not None), view)
        if (node := self.volumes[source]) is not None:
            (low, high), (least, most) = _window_of(node), _range_of(node)
            width = max(high - low + right * (most - least), _NARROWEST * (most - least))
            middle = min(max((low + high) / 2 + up * (most - least), least), most)
            self.set_window(source, middle - width / 2, middle + width / 2)
        return source

    def reset_window(self, view: str) -> None:
        """As it was when the volume was first shown."""
        node = self.volumes[view]
        if node is not None:
            self.set_window(view, *self._first_windows[node.GetID()])

    # ---- blinking --------------------------------------------------------------------------------------------------------------------

    @property
    def is_blinking(self) -> bool:
        """Whether the fused view changes between two volumes."""
        return self._blink is not None

    def start_blinking(self, pair: str) -> bool:
        """Have the fused view change between a pair of PAIRS; False where one of the two is not there."""
        self.stop_blinking()
        one, other = (self.volumes[view] for view in PAIRS[pair])
        if one is None or other is None:
            return False
        self._blink = mrml.Blink(self._case.scene, "fused", one, other)
        return True

    def toggle(self) -> str:
        """Show the other one; the view whose volume is seen now."""
        assert self._blink is not None  # asked for while `is_blinking`
        node = self._blink.toggle()
        self._views.render()
        return next(view for view, volume in self.volumes.items() if volume is node)

    def stop_blinking(self) -> None:
        """Show the fused image again."""
        if self._blink is not None:
            self._blink.stop()
        self._blink = None


def _grid_of(node: Node | None) -> tuple | None:
    """Changes when another grid is to be looked at."""
    return None if node is None else (node.GetImageData().GetDimensions(), tuple(affineOfResult(node).ravel()))


def _window_of(node: Node) -> tuple[float, float]:
    display = node.GetDisplayNode()
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def _is_slice(node: Node) -> bool:
    """Whether a volume is a single slice, as a picture is."""
    return 1 in node.GetImageData().GetDimensions()


def _range_of(node: Node) -> tuple[float, float]:
    """Least and largest value; of an image in colour of what its channels can hold, so that all three keep one scale."""
    return (0.0, 255.0) if node.IsA("vtkMRMLVectorVolumeNode") else node.GetImageData().GetScalarRange()


def _plane_of(node: Node) -> str:
    """The one of PLANES that a volume's slices lie nearest to."""
    grid = emptyGrid(node.GetImageData().GetDimensions()[::-1], affineOfResult(node))
    return slice_view(grid.affine, grid.through_plane_axis).plane.capitalize()
