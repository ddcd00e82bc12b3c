"""Wheel and sdist: built from what is in the tree, installed where nothing else of the project is, and used from another folder."""
import os
import re
import subprocess
import tarfile
import zipfile

from command_line import ROOT

import FusionINNLib


def in_tree(pattern: str) -> set[str]:
    """Files of the library and its resources, as an installed package names them."""
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "FusionINNLib").rglob(pattern) if "__pycache__" not in path.parts}
    return files | {f"FusionINNLib/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "Resources").rglob(pattern) if path.is_file()}


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
