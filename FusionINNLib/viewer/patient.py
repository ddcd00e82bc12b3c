"""Whose a fused image is, where a volume that was fused came as a DICOM series: for DICOM that is to name the patient."""
from FusionINNLib import mrml
from FusionINNLib.errors import InputError
from FusionINNLib.results.dicom_origin import Whose
from FusionINNLib.viewer.case import ROLES, Case
from FusionINNLib.viewer.messages import NOBODY
from FusionINNLib.volumes.identity import other_patient


def why_nobody(case: Case) -> str:
    """Why no patient can be named, "" where one can."""
    scans = [case.inputs[role] for role in ROLES if role in case.inputs]
    if not any(one.headers for one in scans):
        return NOBODY
    return (other_patient(scans[0].volume, scans[1].volume) or "") if len(scans) > 1 else ""


def whose(case: Case) -> Whose:
    """Of the volume on whose grid the fused image lies where it came as a DICOM series, else of the other. Raises InputError for nobody."""
    if why := why_nobody(case):
        raise InputError(why)
    if case.fusion is None:
        raise InputError("There is no fused image yet: fuse two volumes first.")
    fused = mrml.volumeFromNode(case.fusion.fused)
    known = [(one, one.volume.same_grid(fused)) for role in ROLES if role in case.inputs and (one := case.inputs[role]).headers]
    chosen, is_same = max(known, key=lambda one: one[1])
    return Whose(headers=chosen.headers, same_space=is_same)
