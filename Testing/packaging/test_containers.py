"""The recipes of the containers: they copy what an installation needs, and no more of the tree. Neither is built here."""
import re

import pytest
from command_line import ROOT

DOCKER, APPTAINER, IGNORED = ((ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", "fusioninn.def", ".dockerignore"))


def copied() -> dict[str, set[str]]:
    """What each recipe copies from the tree."""
    docker = {name for line in re.findall(r"^COPY (.+) /source", DOCKER, re.MULTILINE) for name in line.split()}
    files = APPTAINER.split("%files\n")[1].split("\n\n")[0]
    return {"docker": docker, "apptainer": {line.split()[0] for line in files.splitlines()}}


@pytest.mark.parametrize("recipe", ["docker", "apptainer"])
def test_a_recipe_copies_what_the_wheel_is_built_from(recipe, source_names):
    assert copied()[recipe] == set(source_names) and all((ROOT / name).exists() for name in source_names)


def test_what_is_copied_is_not_ignored(source_names):
    """All is ignored but for what is copied: neither the tests nor a .venv go to the builder."""
    lines = IGNORED.splitlines()
    assert lines[0] == "*" and {line[1:] for line in lines if line.startswith("!")} == set(source_names)


def test_both_install_and_start_the_same():
    assert all(re.search(r'pip install --no-cache-dir "/source\[cohort\]"', text) for text in (DOCKER, APPTAINER))
    assert 'ENTRYPOINT ["fusioninn"]' in DOCKER and 'exec fusioninn "$@"' in APPTAINER
    assert re.search(r"^FROM (.+)$", DOCKER, re.MULTILINE).group(1) == re.search(r"^From: (.+)$", APPTAINER, re.MULTILINE).group(1)
