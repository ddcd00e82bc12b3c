"""`slicer.app.coreIOManager()`: enough of it for `slicer.util.loadVolume`, `loadSegmentation`, `saveNode`, `saveScene`, `loadScene`."""
import os
import re
import tempfile
from pathlib import Path

import slicer


class FileManager:
    """Reads and writes with Slicer's own storage nodes."""

    def fileType(self, path: str) -> str:
        lower = str(path).lower()
        return "SceneFile" if lower.endswith((".mrml", ".mrb")) else "SegmentationFile" if lower.endswith(".seg.nrrd") else "VolumeFile"

    def fileWriterFileType(self, node) -> str:
        return "SegmentationFile" if node.IsA("vtkMRMLSegmentationNode") else "VolumeFile"

    def loadNodes(self, file_type: str, properties: dict, loaded=None, messages=None) -> bool:
        path = str(properties["fileName"])
        if not os.path.exists(path):
            return False
        if file_type == "SceneFile":
            return self._load_scene(path)
        name = properties.get("name") or re.sub(r"(\.seg)?\.(nii\.gz|\w+)$", "", Path(path).name)
        if file_type == "VolumeFile":
            node = slicer.modules.volumes.logic().AddArchetypeVolume(path, name, 0)
            self._show(node)
        else:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
            node.AddDefaultStorageNode()
            node.GetStorageNode().SetFileName(path)
            node.GetStorageNode().ReadData(node)
            node.CreateDefaultDisplayNodes()
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    @staticmethod
    def _show(node) -> None:
        """As the application's reader of volumes does: in every slice view that does not opt out."""
        if node is not None:
            logic = slicer.app.applicationLogic()
            logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
            logic.PropagateVolumeSelection(True)

    def saveNodes(self, file_type: str, properties: dict, messages=None) -> bool:
        path = str(properties["fileName"])
        if file_type == "SceneFile":
            return bool(slicer.mrmlScene.WriteToMRB(path))
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode(path)
        node.GetStorageNode().SetFileName(path)
        return bool(node.GetStorageNode().WriteData(node))

    def _load_scene(self, path: str) -> bool:
        """An .mrb into an emptied scene. Reading needs a cache folder to unpack to."""
        scene = slicer.mrmlScene
        cache = scene.GetCacheManager() or slicer.vtkCacheManager()
        cache.SetRemoteCacheDirectory(tempfile.mkdtemp(prefix="slicer-shim-cache-"))
        if scene.GetDataIOManager() is None:
            self._remote = slicer.vtkMRMLRemoteIOLogic()
            self._remote.SetMRMLScene(scene)
            self._remote.AddDataIOToScene()
            self._remote.GetCacheManager().SetRemoteCacheDirectory(tempfile.mkdtemp(prefix="slicer-shim-cache-"))
        scene.Clear(0)
        return bool(scene.ReadFromMRB(path))
