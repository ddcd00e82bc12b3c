"""What FusionINN needs that Slicer does not bring, whether it is there, and how it is installed: on a click, after asking, never before."""
import importlib.metadata
import importlib.util
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

OLDEST_SLICER = (5, 12)
OLDEST_TORCH = (2, 2)
FILE = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"


@dataclass(frozen=True)
class Requirement:
    """One thing that is needed: state is a sentence for the user; `canInstall` says whether the button can help."""

    name: str
    present: bool
    state: str
    canInstall: bool = True


def requirements() -> list[Requirement]:
    """All of them, looked up without importing any."""
    return [_slicerItself(), _torch(), _nibabel()]


def missing() -> list[Requirement]:
    """Those that are not there."""
    return [requirement for requirement in requirements() if not requirement.present]


def install() -> None:
    """Install what is missing, each after asking. Raises RuntimeError with a sentence where that is not possible or was declined."""
    for requirement in missing():
        if not requirement.canInstall:
            raise RuntimeError(requirement.state)
        {"PyTorch": _installTorch, "nibabel": _installNibabel}[requirement.name]()


def torchRequirement() -> str:
    """Versions of PyTorch that are known to work."""
    # 2.9 is slow in 3D convolutions for everybody; 2.13 does not install on Windows where paths are long (Slicer/light-the-torch#176).
    return f">={'.'.join(map(str, OLDEST_TORCH))},!=2.9.*" + (",<2.13" if sys.platform == "win32" else "")


def _slicerItself() -> Requirement:
    version = (int(slicer.app.majorVersion), int(slicer.app.minorVersion))
    present, words = version >= OLDEST_SLICER, ".".join(map(str, version))
    state = _("3D Slicer {version}").format(version=words) if present else \
        _("This is 3D Slicer {version}: FusionINN needs {oldest} or newer.").format(version=words, oldest=".".join(map(str, OLDEST_SLICER)))
    return Requirement("3D Slicer", present, state, canInstall=False)


def _torch() -> Requirement:
    version = _versionOf("torch")
    if version and _numbers(version) >= OLDEST_TORCH:
        return Requirement("PyTorch", True, _("PyTorch {version}").format(version=version))
    if version:
        return Requirement("PyTorch", False, _("PyTorch {version} is too old: uninstall it in the module PyTorch Utils, restart Slicer, "
                                               "then install it here.").format(version=version), canInstall=False)
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return Requirement("PyTorch", False, _("PyTorch no longer exists for Macs with Intel processor: use another computer."),
                           canInstall=False)
    if importlib.util.find_spec("PyTorchUtils") is None:
        return Requirement("PyTorch", False, _("PyTorch is missing. Install the extension \"PyTorch\" from the Extensions Manager, restart "
                                               "Slicer and come back here."), canInstall=False)
    return Requirement("PyTorch", False, _("PyTorch is missing (a download of 0.2 to 3 GB)."))


def _nibabel() -> Requirement:
    version = _versionOf("nibabel")
    if version:
        return Requirement("nibabel", True, _("nibabel {version}").format(version=version))
    return Requirement("nibabel", False, _("nibabel is missing (reads and writes NIfTI files; a download of 3 MB)."))


def _installTorch() -> None:
    import PyTorchUtils

    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=torchRequirement()) is None:
        raise RuntimeError(_("PyTorch was not installed."))


def _installNibabel() -> None:
    import slicer.packaging

    slicer.packaging.pip_ensure(slicer.packaging.load_requirements(FILE), requester="FusionINN")


def _versionOf(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".")[:2] if part.isdigit())
