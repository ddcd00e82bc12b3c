"""The package as users get it: built from what is in the tree, installed where nothing else of the project is."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from command_line import ROOT

PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"
SOURCES = ("FusionINNLib", "Resources", "pyproject.toml", "README.md", "LICENSE", "MODEL_LICENSE", "fusioninn.py")
"""All that an installation is made from."""


@pytest.fixture
def source_names() -> tuple[str, ...]:
    """`SOURCES`, for tests of whatever copies them too."""
    return SOURCES


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The folder with the sdist and the wheel that was built from it."""
    copy = tmp_path_factory.mktemp("build") / "tree"
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, copy)
    done = subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy / "dist"


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory) -> Path:
    """The Python of an environment with the wheel, and beside it the packages of this one without the project."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / PYTHON
    subprocess.run([str(python), "-m", "pip", "install", "-qq", "--no-deps", "--no-index", str(next(built.glob("*.whl")))], check=True)
    where = subprocess.run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True,
                           check=True).stdout.strip()
    (Path(where) / "others.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
    return python
