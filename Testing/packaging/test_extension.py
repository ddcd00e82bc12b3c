"""The extension as the index and Slicer's packaging want it: lists against the tree, metadata, catalog entry, and a package that works."""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from extension_files import LIBRARY, MODULE, ROOT, listed, stage

PACKAGE_CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import FusionINNLib
from FusionINNLib.jobs.job import Job
from FusionINNLib.methods import model_card
from FusionINNLib.phantom.case import small_case

if __name__ == "__main__":
    staged = Path(sys.argv[1]).resolve()
    assert Path(FusionINNLib.__file__).is_relative_to(staged), FusionINNLib.__file__
    assert all(folder.is_relative_to(staged) for folder in model_card.model_folders()), model_card.model_folders()
    assert (model_card.model_folders()[0] / "MODEL_LICENSE").is_file()
    case = small_case()
    job = Job("fuse", {"first": case.first, "second": case.second, "device": "cpu"})
    fusion = job.result()
    assert fusion.fused.array.std() > 0.05 and fusion.recipe.model == "default"
    assert "torch" not in sys.modules, "the application itself is to load no torch"
    print("fused from the package")
"""


def files_of(folder: Path, pattern: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob(pattern) if "__pycache__" not in path.parts}


def test_every_script_of_the_module_is_listed():
    assert set(listed(MODULE / "CMakeLists.txt", "MODULE_PYTHON_SCRIPTS")) == files_of(MODULE, "*.py")


def test_every_resource_of_the_module_is_listed():
    resources = {f"Resources/{name}" for name in files_of(MODULE / "Resources", "*.*")}
    assert set(listed(MODULE / "CMakeLists.txt", "MODULE_PYTHON_RESOURCES")) == resources


def test_every_file_of_the_library_but_the_browser_page_is_listed_once():
    names = listed(LIBRARY / "CMakeLists.txt", "LIBRARY_PYTHON_SCRIPTS")
    page = {name for name in files_of(LIBRARY, "*.py") if name.startswith("viewer/")}
    assert page and set(names) == files_of(LIBRARY, "*.py") - page
    assert len(names) == len(set(names))


def test_every_model_is_listed():
    models = {f"Resources/Models/{name}" for name in files_of(ROOT / "Resources" / "Models", "*.*")}
    assert set(listed(LIBRARY / "CMakeLists.txt", "LIBRARY_MODELS")) == models


def test_training_and_tests_stay_out_of_the_package(tmp_path):
    package = files_of(stage(tmp_path), "*")
    assert not any(name.startswith(("training", "Testing")) for name in package)


def test_metadata_are_there_each_on_one_line():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert text.startswith("cmake_minimum_required(VERSION 3.28.0)")
    assert "project(FusionINN)" in text
    for name in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"\n]+"\)$', text, re.MULTILINE), name
    assert 'set(EXTENSION_DEPENDS "PyTorch")' in text
    for folder in ("FusionINN", "FusionINNLib"):
        assert f"add_subdirectory({folder})" in text


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_of_the_catalog_are_in_the_repository(name):
    url = re.search(rf'EXTENSION_{name} "([^"]+)"', (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
    assert url.startswith("https://raw.githubusercontent.com/") and "/SlicerFusionINN/main/" in url
    assert (ROOT / url.partition("/main/")[2]).read_bytes().startswith(b"\x89PNG")


def test_the_catalog_entry_fits_the_schema():
    entry = json.loads((ROOT / "FusionINN.json").read_text(encoding="utf-8"))
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    known = {"$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str, "build_dependencies": list,
             "build_subdirectory": str, "enabled": bool, "tier": int}
    assert {"$schema", "category", "scm_url"} <= set(entry) <= set(known)
    assert all(isinstance(value, known[key]) for key, value in entry.items())
    assert entry["category"] == "Image Synthesis"
    assert re.fullmatch(r"https://github\.com/[\w-]+/SlicerFusionINN\.git", entry["scm_url"])
    assert entry["build_dependencies"] == ["PyTorch"] and 1 <= entry["tier"] <= 5


def test_licenses_are_at_the_root():
    assert (ROOT / "LICENSE").is_file() and (ROOT / "MODEL_LICENSE").is_file()


def test_text_files_have_line_feeds_alone():
    text = [*MODULE.rglob("*.py"), *MODULE.rglob("*.ui"), *LIBRARY.rglob("*.py"), *ROOT.glob("*/CMakeLists.txt"), ROOT / "CMakeLists.txt",
            ROOT / "FusionINN.json"]
    assert not [path for path in text if b"\r" in path.read_bytes()]


def test_the_checkout_stays_small():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    total = sum((ROOT / name.decode()).stat().st_size for name in files if name and (ROOT / name.decode()).is_file())
    assert total < 100e6


def test_a_clone_stays_below_the_limit_of_the_index():
    """Whose script counts the history of the clone too: its folder .git is below the limit together with the files."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: there is no history to count")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    tree = sum((ROOT / name.decode()).stat().st_size for name in files if name and (ROOT / name.decode()).is_file())
    history = subprocess.run(["git", "rev-list", "--disk-usage", "--objects", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    assert tree + int(history) < 100 * 2 ** 20, "take pictures and weights out of the history, or keep them in releases"


def test_what_needs_pytorch_is_no_test_of_slicers_build_machines():
    """They have none, and a self-test fails where it tested nothing: only who asks for it has it among the tests."""
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"option\(\$\{MODULE_NAME\}_TEST_WITH_PYTORCH \"[^\"]+\" OFF\)", text)
    asked = re.search(r"if\(BUILD_TESTING AND \$\{MODULE_NAME\}_TEST_WITH_PYTORCH\)\n(.*?)endif\(\)", text, re.DOTALL)
    assert asked and text.count("slicer_add_python_unittest") == 1 and "slicer_add_python_unittest" in asked[1]


def test_the_package_fuses_from_its_own_folder(tmp_path):
    done = subprocess.run([sys.executable, "-E", "-c", PACKAGE_CHECK, str(stage(tmp_path))], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "fused from the package" in done.stdout


@pytest.mark.parametrize("packaged", [True, False])
def test_the_module_finds_the_library(tmp_path, packaged):
    """In a package beside the file, in an unbuilt checkout beside its folder. With no site-packages, so that no installed copy helps."""
    file = stage(tmp_path) / "FusionINN.py" if packaged else MODULE / "FusionINN.py"
    source = file.read_text(encoding="utf-8")
    function = source[source.index("def findLibrary"):source.index("\n\nfindLibrary()")]
    lines = (f"import importlib.util, sys\nfrom pathlib import Path\nsys.path.append({str(file.parent)!r})\n__file__ = {str(file)!r}\n"
             f"{function}\nfindLibrary()\nimport FusionINNLib.errors\nprint(FusionINNLib.errors.__file__)")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", lines], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(file.parent if packaged else ROOT)
