"""The six slice views: all that is asked of trame-slicer, whose interface its makers do not call stable yet. Main thread only.

One process has one scene: every tab that is open on the page shows the same.
"""
from collections.abc import Callable, Collection
from functools import partial

from trame.widgets import client
from trame_slicer.core import SlicerApp
from trame_slicer.rca_view import RemoteViewFactory
from trame_slicer.views import NoScheduleRendering, SliceView, ViewLayoutDefinition, ViewProps, ViewType
from vtkmodules.vtkCommonCore import vtkCommand, vtkLogger, vtkObject

from FusionINNLib import mrml
from FusionINNLib.mrml.layout import VIEWS, viewName
from FusionINNLib.viewer.drag import LeftDrag
from FusionINNLib.viewer.view_events import ViewEvents

_FRAMES_PER_S = 30.0
_QUALITY = 95  # of JPEG, 1..100: the pictures go no further than this machine
_GROUP = 0
_ACROSS = {"R": "L", "A": "P", "S": "I"}


class SliceViews:
    """A scene, and views on it that a page can hold.

    Args:
        server: the trame server.
        overlay: called once for each of VIEWS with its name, to put elements of the page over it.
        events: told when a view has got another size, and when the pointer is drawn over one.
    """

    def __init__(self, server, overlay: Callable[[str], None], events: ViewEvents):
        _quieten()
        self._app = SlicerApp()
        mrml.allowLegends(self._app.scene)
        self._events = events
        names = {viewName(view): view for view in VIEWS}
        self._factory = RemoteViewFactory(server, _slice_view, ViewType.SLICE_VIEW, target_fps=_FRAMES_PER_S, blur_fps=_FRAMES_PER_S,
                                          populate_view_ui_f=lambda _, name, __: overlay(names[name]))
        self._app.view_manager.register_factory(self._factory)
        self._drags: list[LeftDrag] = []
        self._views = {view: self._make(view) for view in VIEWS}
        self._app.view_manager.set_current_view_ids(list(names))  # views that are not on screen are not linked

    @property
    def scene(self):
        """The vtkMRMLScene."""
        return self._app.scene

    @staticmethod
    def place(view: str) -> None:
        """Put a view into the page, where it is called."""
        client.ServerTemplate(name=viewName(view))

    def renderer(self, view: str):
        """The vtkRenderer of a view."""
        return self._views[view].first_renderer()

    def render(self, views: Collection[str] = VIEWS) -> None:
        """Draw views soon."""
        for view in views:
            self._views[view].schedule_render()

    def offset(self) -> float:
        """Where the slice lies that all views show: mm along the normal of the views."""
        return self._views["fused"].get_slice_value()

    def offset_range(self) -> tuple[float, float, float]:
        """(lowest, highest, step) of `offset` in mm, by the volume in the view "fused", else "second"; (0, 0, 1) where there is none."""
        for view in (self._views[name] for name in ("fused", "second", "first")):
            if view.get_background_volume_id() or view.get_foreground_volume_id():
                return *view.get_slice_range(), max(view.get_slice_step(), 1e-3)
        return 0.0, 0.0, 1.0

    def set_offset(self, offset: float) -> None:
        """All views to a slice."""
        for view in self._views.values():
            view.set_slice_value(offset)

    def edges(self) -> dict[str, str]:
        """What lies at the left, right, top and bottom edge of the views: R, L, A, P, S or I."""
        matrix = self._views["fused"].get_view_node().GetSliceToRAS()
        right, top = (_letter([matrix.GetElement(row, column) for row in range(3)]) for column in (0, 1))
        return {"left": _opposite(right), "right": right, "top": top, "bottom": _opposite(top)}

    def _make(self, view: str) -> SliceView:
        definition = ViewLayoutDefinition(viewName(view), ViewType.SLICE_VIEW, ViewProps(orientation="Axial", label=view, group=_GROUP))
        made = self._app.view_manager.create_view(definition)
        # One quality for moving and still pictures: with two, every slice would be drawn twice.
        self._factory.get_factory_view(viewName(view)).view_adapter.update_quality(_QUALITY, _QUALITY)
        made.render_window().SetMultiSamples(0)  # eight samples a pixel take three times as long and show no more of a slice
        made.interactor().AddObserver(vtkCommand.WindowResizeEvent, lambda *_: self._events.resized())
        self._drags.append(LeftDrag(made.interactor(), partial(self._events.dragged, view)))
        return made


def _slice_view(**arguments) -> SliceView:
    """A view that does not draw itself at every step of its making."""
    return SliceView(scheduled_render_strategy=NoScheduleRendering(), **arguments)


def _quieten() -> None:
    """Without a display VTK warns that there is none, and at every view that it tells of sizes otherwise soon: no news to a user."""
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    vtkObject.GlobalWarningDisplayOff()


def _letter(direction: list[float]) -> str:
    axis = max(range(3), key=lambda n: abs(direction[n]))
    letter = "RAS"[axis]
    return letter if direction[axis] > 0 else _ACROSS[letter]


def _opposite(letter: str) -> str:
    return _ACROSS.get(letter) or next(one for one, other in _ACROSS.items() if other == letter)
