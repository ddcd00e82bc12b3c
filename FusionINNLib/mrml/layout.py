"""The layout of six linked slice views, and how to get at them. Main thread only.

    first             | second             | fused (over the second)
    decomposed first  | decomposed second  | difference

A fused image that cannot be taken apart has the upper three alone.
"""
from typing import Any

Node = Any

VIEWS = ("first", "second", "fused", "decomposedFirst", "decomposedSecond", "difference")
LAYOUT_ID = 5170
SOURCES_LAYOUT_ID = 5171
"""Sources and fused image alone."""
LAYOUTS = {LAYOUT_ID: (VIEWS[:3], VIEWS[3:]), SOURCES_LAYOUT_ID: (VIEWS[:3],)}
_VIEW_GROUP = 5170  # Slicer links the views of one group only: other slice views stay as the user has them
_LABELS = {"first": "1", "second": "2", "fused": "F", "decomposedFirst": "D1", "decomposedSecond": "D2", "difference": "D-S"}
_COLORS = {"first": "#4C8EED", "second": "#5FBF60", "fused": "#EDD54C", "decomposedFirst": "#4C8EED", "decomposedSecond": "#5FBF60",
           "difference": "#9A9A9A"}


def viewName(view: str) -> str:
    """Singleton tag (layout name) of one of VIEWS, "FusionINNFirst" for example."""
    return "FusionINN" + view[0].upper() + view[1:]


def layoutXML(layout: int = LAYOUT_ID) -> str:
    """One of LAYOUTS as vtkMRMLLayoutNode takes it."""
    rows = ("".join(f"<item>{_viewXML(view)}</item>" for view in row) for row in LAYOUTS[layout])
    items = "".join(f'<item><layout type="horizontal" split="true">{row}</layout></item>' for row in rows)
    return f'<layout type="vertical" split="true">{items}</layout>'


def _viewXML(view: str) -> str:
    properties = {"orientation": "Axial", "viewlabel": _LABELS[view], "viewcolor": _COLORS[view], "viewgroup": _VIEW_GROUP}
    inner = "".join(f'<property name="{name}" action="default">{value}</property>' for name, value in properties.items())
    return f'<view class="vtkMRMLSliceNode" singletontag="{viewName(view)}">{inner}</view>'


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
