"""What the CMake lists of the extension name, and a package made from it the way Slicer installs one."""
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE, LIBRARY = ROOT / "FusionINN", ROOT / "FusionINNLib"


def listed(cmake_file: Path, variable: str) -> list[str]:
    """The files of a list of a CMakeLists.txt, with its variables filled in."""
    text = cmake_file.read_text(encoding="utf-8")
    names = dict(re.findall(r"set\((MODULE_NAME|LIBRARY_NAME) (\w+)\)", text))
    body = re.search(rf"set\({variable}\s+(.*?)\)", text, re.DOTALL).group(1)
    return [re.sub(r"\$\{(\w+)\}", lambda found: names[found.group(1)], line.strip()) for line in body.splitlines() if line.strip()]


def stage(folder: Path) -> Path:
    """Copy what the lists name into `folder`, as `qt-scripted-modules` of an installed extension; gives that folder."""
    modules = folder / "qt-scripted-modules"
    for name in listed(MODULE / "CMakeLists.txt", "MODULE_PYTHON_SCRIPTS") + listed(MODULE / "CMakeLists.txt", "MODULE_PYTHON_RESOURCES"):
        _copy(MODULE / name, modules / name)
    for name in listed(LIBRARY / "CMakeLists.txt", "LIBRARY_PYTHON_SCRIPTS"):
        _copy(LIBRARY / name, modules / "FusionINNLib" / name)
    for name in listed(LIBRARY / "CMakeLists.txt", "LIBRARY_MODELS"):
        _copy(ROOT / name, modules / "FusionINNLib" / name)
    _copy(ROOT / "MODEL_LICENSE", modules / "FusionINNLib" / "Resources" / "Models" / "MODEL_LICENSE")
    return modules


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
