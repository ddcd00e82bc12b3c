"""Wheel and sdist: built from what is in the tree, installed where nothing else of the project is, and used from another folder."""
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy
import pytest
from command_line import ROOT

import FusionINNLib

PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def in_tree(pattern: str) -> set[str]:
    """Files of the library and its resources, as an installed package names them."""
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "FusionINNLib").rglob(pattern) if "__pycache__" not in path.parts}
    return files | {f"FusionINNLib/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "Resources").rglob(pattern) if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder with the sdist and the wheel that was built from it."""
    copy = tmp_path_factory.mktemp("build") / "tree"
    for name in ("FusionINNLib", "Resources"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "MODEL_LICENSE", "fusioninn.py"):
        shutil.copy(ROOT / name, copy)
    done = subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy / "dist"


@pytest.fixture(scope="module")
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


def test_the_wheel_holds_the_library_and_nothing_else(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names >= in_tree("*.py") | in_tree("py.typed") | in_tree("card.json") | in_tree("weights.pt")
    assert {name.split("/")[0] for name in names} == {"FusionINNLib", "fusioninn.py"}
    assert "FusionINNLib/viewer/static/viewer.js" in names


def test_the_sdist_is_enough_to_build_from(built):
    """The wheel was built from it; the licences are in it too."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "MODEL_LICENSE", "Resources/Models/default/card.json"} <= names


def test_the_version_is_written_in_one_place(built):
    version = FusionINNLib.__version__
    assert f"-{version}-" in next(built.glob("*.whl")).name
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE).group(1) == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_demo_runs_from_another_folder(installed, tmp_path, tiny_model):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = [str(installed.with_name("fusioninn")), "demo", "--out", "demo", "--model", tiny_model, "--device", "cpu"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Alignment: adc was moved by" in done.stderr and "ESTIMATED" in done.stdout and "every voxel as stored" in done.stdout
    names = {str(path.relative_to(tmp_path / "demo")) for path in (tmp_path / "demo").rglob("*") if path.is_file()}
    assert {"sample/adc.nii.gz", "fused/report.png", "exact/second_exact.nii.gz", "estimated/first_estimated.nii.gz"} <= names
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert again.returncode == 2 and "already holds" in again.stderr and again.stderr.count("\n") == 1
    version = subprocess.run([str(installed), "-m", "fusioninn", "--version"], cwd=tmp_path, env=environment, capture_output=True,
                             text=True)
    assert version.stdout.split() == ["fusioninn", FusionINNLib.__version__]
    code = "import FusionINNLib.methods.registry as registry; print(registry.__file__, registry.models_of('fusioninn'))"
    told = subprocess.run([str(installed), "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert str(ROOT) not in told and "['default']" in told
