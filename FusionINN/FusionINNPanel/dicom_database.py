"""Slicer's DICOM database: the files that a volume was loaded from, for DICOM that is to refer to them."""
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml


def fileOf(instance: str) -> str:
    """The file of a DICOM instance, "" for none."""
    database = getattr(slicer, "dicomDatabase", None)
    return database.fileForInstance(instance) if database is not None else ""


def whyNoFiles(volume) -> str:
    """Why the files of a volume node that was loaded from DICOM cannot be had, "" where they can, by the first of them."""
    if fileOf(mrml.instancesOf(volume)[0]):
        return ""
    return _("Slicer's DICOM database has no files of {name} any more: import them again.").format(name=volume.GetName())
