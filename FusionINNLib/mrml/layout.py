"""The layouts of linked slice views, and how to get at their views. Main thread only.

    first             | second             | fused (over the second)
    decomposed first  | decomposed second  | difference

A fused image that cannot be taken apart has the upper three alone. The other layouts are these six with a 3-D view beside them, the upper
three with a histogram below each, and a lightbox: slices of one image.
"""
from typing import Any

Node = Any

VIEWS = ("first", "second", "fused", "decomposedFirst", "decomposedSecond", "difference")
LAYOUT_ID = 5170
SOURCES_LAYOUT_ID = 5171
"""Sources and fused image alone."""
HISTOGRAMS_LAYOUT_ID, WITH_3D_LAYOUT_ID, LIGHTBOX_LAYOUT_ID = 5172, 5173, 5174
HISTOGRAM_VIEWS = ("firstHistogram", "secondHistogram", "fusedHistogram")
LIGHTBOX_VIEWS = tuple(f"slice{n}" for n in range(1, 13))
_VIEW_3D = "segments3D"
LAYOUTS = {LAYOUT_ID: (VIEWS[:3], VIEWS[3:]), SOURCES_LAYOUT_ID: (VIEWS[:3],), HISTOGRAMS_LAYOUT_ID: (VIEWS[:3], HISTOGRAM_VIEWS),
           WITH_3D_LAYOUT_ID: (VIEWS[:3], VIEWS[3:]), LIGHTBOX_LAYOUT_ID: tuple(LIGHTBOX_VIEWS[n:n + 4] for n in (0, 4, 8))}
"""Rows of views; beside those of WITH_3D_LAYOUT_ID is the 3-D view."""
_LIGHTBOX_GROUP = 5171
_VIEW_GROUP = 5170  # Slicer links the views of one group only: other slice views stay as the user has them
_LABELS = {"first": "1", "second": "2", "fused": "F", "decomposedFirst": "D1", "decomposedSecond": "D2", "difference": "D-S",
           "firstHistogram": "H1", "secondHistogram": "H2", "fusedHistogram": "HF", _VIEW_3D: "3D"}
_GRAY = "#9A9A9A"
_COLORS = {"first": "#4C8EED", "second": "#5FBF60", "fused": "#EDD54C", "decomposedFirst": "#4C8EED", "decomposedSecond": "#5FBF60",
           "difference": _GRAY, "firstHistogram": "#4C8EED", "secondHistogram": "#5FBF60", "fusedHistogram": "#EDD54C"}


def viewName(view: str) -> str:
    """Singleton tag (layout name) of one of VIEWS, "FusionINNFirst" for example."""
    return "FusionINN" + view[0].upper() + view[1:]


def layoutXML(layout: int = LAYOUT_ID) -> str:
    """One of LAYOUTS as vtkMRMLLayoutNode takes it."""
    rows = ("".join(f"<item>{_viewXML(view)}</item>" for view in row) for row in LAYOUTS[layout])
    items = "".join(f'<item><layout type="horizontal" split="true">{row}</layout></item>' for row in rows)
    grid = f'<layout type="vertical" split="true">{items}</layout>'
    if layout != WITH_3D_LAYOUT_ID:
        return grid
    beside = f'<item splitSize="300">{_viewXML(_VIEW_3D)}</item>'
    return f'<layout type="horizontal" split="true"><item splitSize="700">{grid}</item>{beside}</layout>'


def _viewXML(view: str) -> str:
    label, color = _LABELS.get(view, view.removeprefix("slice")), _COLORS.get(view, _GRAY)
    kind, properties = "vtkMRMLSliceNode", {"viewlabel": label, "viewcolor": color}
    if view in HISTOGRAM_VIEWS:
        kind = "vtkMRMLPlotViewNode"
    elif view == _VIEW_3D:
        kind = "vtkMRMLViewNode"
    else:  # those of the lightbox stay at their slices, whatever the others show
        properties |= {"orientation": "Axial", "viewgroup": _LIGHTBOX_GROUP if view in LIGHTBOX_VIEWS else _VIEW_GROUP}
    inner = "".join(f'<property name="{name}" action="default">{value}</property>' for name, value in properties.items())
    return f'<view class="{kind}" singletontag="{viewName(view)}">{inner}</view>'


def installLayout(layoutNode: Node) -> None:
    """Make our layouts known to a vtkMRMLLayoutNode; harmless where they are."""
    for layout in LAYOUTS:
        if not layoutNode.IsLayoutDescription(layout):
            layoutNode.AddLayoutDescription(layout, layoutXML(layout))


def showLayout(layoutNode: Node, layout: int = LAYOUT_ID) -> int:
    """Switch to one of LAYOUTS; returns the layout that was shown, which may be one of them already."""
    installLayout(layoutNode)
    previous = layoutNode.GetViewArrangement()
    layoutNode.SetViewArrangement(layout)
    return previous


def keepOutOfScenes(layoutNode: Node) -> None:
    """Have a scene saved without its layout node while that names our layout, and with it otherwise; to be called when it has changed.

    A Slicer without FusionINN does not know our layout, and would open the scene with an empty view area; so it keeps its own.
    """
    layoutNode.SetSaveWithScene(layoutNode.GetViewArrangement() not in LAYOUTS)


def restoreLayout(layoutNode: Node, previous: int) -> None:
    """Back to the earlier layout, unless the user has chosen another one meanwhile."""
    if layoutNode.GetViewArrangement() in LAYOUTS:
        layoutNode.SetViewArrangement(previous)


def sliceNodeOf(scene, view: str) -> Node | None:
    """The vtkMRMLSliceNode of a view, None as long as the layout was never shown."""
    return scene.GetSingletonNode(viewName(view), "vtkMRMLSliceNode")


def compositeNodeOf(scene, view: str) -> Node | None:
    """The vtkMRMLSliceCompositeNode of a view, None as long as the view was never made."""
    return scene.GetSingletonNode(viewName(view), "vtkMRMLSliceCompositeNode")
