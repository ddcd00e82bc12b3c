"""Colour nodes of FusionINN's own, of each of which a scene has one. Main thread only."""
import numpy as np
import slicer

from FusionINNLib.mrml.nodes import Node


def singletonColors(scene, tag: str, name: str, colors: np.ndarray) -> Node:
    """The colour node with a singleton tag, which is on disk and never changes; made with these (r, g, b, a) 0..1, a row a level, where the
    scene has none yet."""
    node = scene.GetSingletonNode(tag, "vtkMRMLColorTableNode")
    if node is not None:
        return node
    node = slicer.vtkMRMLColorTableNode()
    node.SetName(name)
    node.SetSingletonTag(tag)
    node.SetTypeToUser()
    node.SetNumberOfColors(len(colors))
    for level, color in enumerate(colors):
        node.SetColor(level, str(level), *(float(part) for part in color))
    return scene.AddNode(node)
