"""What README tells a newcomer to type works as it stands there, in an environment of its own."""
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from command_line import ROOT

from FusionINNLib.cli.parser import make_parser
from FusionINNLib.phantom.case import small_case
from FusionINNLib.volumes.io import write_nifti
from training.__main__ import _parser

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def typed(text: str) -> list[str]:
    """Lines of indented blocks without their comments."""
    return [line.split("  #")[0].strip() for line in text.splitlines() if line.startswith("    ")]


@pytest.fixture(scope="module")
def beside_the_demo(tmp_path_factory) -> Path:
    """A folder in which a demo was made, of a smaller head."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "demo/sample").mkdir(parents=True)
    case = small_case((6, 72, 72))
    for volume, name in ((case.first, "adc"), (case.second, "flair"), (case.segmentation, "segmentation")):
        write_nifti(volume, folder / f"demo/sample/{name}.nii.gz")
    return folder


def run(words: list[str], python: Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = [str(python.with_name(words[0])) if words[0] in ("fusioninn", "python") else words[0], *words[1:]]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr[-2000:]}"


def test_the_command_line_as_it_stands_there(installed, beside_the_demo):
    lines = typed(section("From the command line"))
    assert lines[0].startswith("pip install .") and sum(line.startswith("fusioninn ") for line in lines) >= 3
    for line in lines[1:]:
        run(shlex.split(line), installed, beside_the_demo)
    assert {path.name for path in (beside_the_demo / "result").iterdir()} >= {"fused.nii.gz", "latent.nii.gz", "fusion.json", "report.png"}
    assert (beside_the_demo / "back/second_exact.nii.gz").is_file() and (beside_the_demo / "guess/estimate.json").is_file()


def test_python_as_it_stands_there(installed, beside_the_demo):
    code = re.search(r"```python\n(.+?)```", section("From Python"), re.DOTALL).group(1)
    run(["python", "-c", code], installed, beside_the_demo)
    assert (beside_the_demo / "fused.nii.gz").is_file()


def test_every_command_that_it_mentions_takes_these_arguments():
    """Commands in the text and those that need data of one's own: parsed, not run."""
    text = re.sub(r"```.+?```", "", README, flags=re.DOTALL).replace("\n", " ")
    commands = re.findall(r"`((?:python -m training|fusioninn) [a-z][^`]*)`", text)
    checked = [*typed(section("Train your own")), *(command for command in commands if "..." not in command)]
    seen = set()
    for command in checked:
        words = shlex.split(command.split("  #")[0])
        arguments = words[3:] if words[0] == "python" else words[1:]
        parser = _parser() if words[0] == "python" else make_parser()
        if len(arguments) == 1:  # named, not shown: there is such a command
            with pytest.raises(SystemExit, match="^0$"):
                parser.parse_args([*arguments, "--help"])
        else:
            parser.parse_args(arguments)
            seen.add(arguments[0])
    assert {"prepare", "fit", "evaluate", "export", "cohort", "adc"} <= seen
