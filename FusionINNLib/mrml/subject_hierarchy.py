"""Where results lie in the subject hierarchy: in a folder beside the input they belong to. Main thread only."""
from typing import Any

import slicer
import vtk

from FusionINNLib.mrml.inputs import subjectHierarchy

Node = Any

_MARK = "FusionINN.Folder"


def placeBeside(node: Node, reference: Node | None, pair: str = "") -> None:
    """Put a node into the folder `FusionINN - <pair>` beside the reference, under the same patient, study or folder.

    pair: names of the two inputs, so that each pair has a folder of its own; "" for the name of the reference.

    Items and the folder are made where they are missing (Slicer's application makes items by itself, the MRML core does not). A node that
    the user has put elsewhere stays there. Without a reference in this scene the node just gets its item.
    """
    hierarchy = subjectHierarchy(node.GetScene()) or slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = _itemOf(hierarchy, node)
    if reference is None or reference.GetScene() is not node.GetScene() or hierarchy.GetItemParent(item) != hierarchy.GetSceneItemID():
        return
    hierarchy.SetItemParent(item, _folderBeside(hierarchy, reference, pair or reference.GetName()))


def _itemOf(hierarchy, node: Node) -> int:
    return hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def _folderBeside(hierarchy, reference: Node, pair: str) -> int:
    parent = hierarchy.GetItemParent(_itemOf(hierarchy, reference))
    if hierarchy.GetItemAttribute(parent, _MARK):  # the reference is itself in such a folder, as a fused image is
        return parent
    name = f"FusionINN - {pair}"
    for child in _children(hierarchy, parent):
        if hierarchy.GetItemAttribute(child, _MARK) and hierarchy.GetItemName(child) == name:
            return child
    folder = hierarchy.CreateFolderItem(parent, name)
    hierarchy.SetItemAttribute(folder, _MARK, "true")
    return folder


def _children(hierarchy, item: int) -> list[int]:
    identifiers = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, identifiers, False)
    return [identifiers.GetId(n) for n in range(identifiers.GetNumberOfIds())]
