"""The command `fusioninn` as tests call it, and what they all expect of it."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from FusionINNLib.cli.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments, **environment):
    """The command in a process of its own, as (exit code, stdout, stderr)."""
    done = subprocess.run([sys.executable, "-m", "FusionINNLib.cli", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment})
    return done.returncode, done.stdout, done.stderr


def everything_in(folder):
    """All paths below a folder with their content, hidden ones too."""
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_one_sentence(code, stderr, *words):
    lines = stderr.strip().splitlines()
    assert code == 2 and len(lines) == 1, stderr
    assert lines[0].startswith("fusioninn: ") and lines[0].endswith(".") and "Traceback" not in stderr
    assert all(word in lines[0] for word in words), lines[0]


def evaluate(capsys, *words) -> tuple[int, str, str]:
    code = main(["evaluate", *map(str, words)])
    return code, *capsys.readouterr()


def as_json(capsys, *words) -> dict:
    code, out, _ = evaluate(capsys, *words, "--json")
    assert code == 0
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
