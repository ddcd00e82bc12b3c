"""`fusioninn evaluate` on pictures: the golden values through the command, what it prints, and bad input."""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import ROOT, as_json, assert_one_sentence, evaluate, everything_in, run
from golden import GOLDEN, HEAD, case_name, golden_cases
from making import head, volume
from PIL import Image

from FusionINNLib.cli.__main__ import main
from FusionINNLib.metrics import MASKED_KEYS, WHOLE_KEYS
from FusionINNLib.metrics.definitions import WORDS
from FusionINNLib.volumes.io import write_nifti

NAMES = {"q_ssim": "q_ssim", "q_fmi": "q_fmi", "q_ncie": "q_ncie", "q_xy": "q_xy_whole", "q_p": "q_p_whole", "q_xy_centre": "q_xy_centre",
         "q_p_centre": "q_p_centre"}
"""Ours -> golden.json's."""


# ---- pictures ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", golden_cases(GOLDEN), ids=case_name)
def test_golden_values_through_the_command(case, capsys):
    values = as_json(capsys, *(GOLDEN / case["images"][name] for name in "ABF"))["volume"]
    definitions = json.loads((GOLDEN / "golden.json").read_text())["meta"]["values"]
    compared = {ours: theirs for ours, theirs in NAMES.items()
                if case["values"][theirs] is not None and theirs not in case["rounding_dependent"]}
    assert len(compared) >= 6
    for ours, theirs in compared.items():
        expected = case["values"][theirs]
        assert abs(values[ours] - expected) <= definitions[theirs]["tolerance"] * max(1, abs(expected)), ours


def test_the_names_in_the_json(capsys):
    whole = as_json(capsys, *HEAD)
    assert tuple(whole["volume"]) == WHOLE_KEYS and set(NAMES) <= set(WHOLE_KEYS)
    assert whole["slices"] == [{"slice": 0, **whole["volume"]}] and whole["left_out"] == [] and whole["mask"] is None
    assert whole["fused"] == HEAD[2].name and "0..255" in whole["scales"]["fused"]
    masked = as_json(capsys, *HEAD, "--mask", HEAD[0])
    assert tuple(masked["volume"]) == WHOLE_KEYS + MASKED_KEYS and masked["mask"] == HEAD[0].name
    assert set(WORDS) == set(WHOLE_KEYS + MASKED_KEYS)


def test_undefined_values_are_null(tmp_path, capsys):
    for name, path in zip("ABF", HEAD):
        Image.open(path).crop((20, 10, 60, 50)).save(tmp_path / f"{name}.png")  # 40 x 40: too small for VIF
    files = [tmp_path / f"{name}.png" for name in "ABF"]
    assert as_json(capsys, *files)["volume"]["vif"] is None
    rows = list(csv.DictReader(io.StringIO(evaluate(capsys, *files, "--csv")[1])))
    assert rows[0]["slice"] == "volume" and rows[0]["vif"] == "" and float(rows[0]["q_p"]) > 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_in_other_clothes_is_the_same_picture(tmp_path, capsys, mode):
    files = []
    for path in HEAD:
        Image.open(path).convert(mode).save(tmp_path / path.name)
        files.append(tmp_path / path.name)
    assert as_json(capsys, *files)["volume"] == as_json(capsys, *HEAD)["volume"]


def test_the_mask_is_where_a_picture_is_not_black(tmp_path, capsys):
    inside = np.asarray(Image.open(HEAD[0])) > 100
    Image.fromarray(inside).save(tmp_path / "bits.png")
    Image.fromarray(inside.astype(np.uint8)).save(tmp_path / "ones.png")
    Image.fromarray(np.stack([0 * inside, 9 * inside, 0 * inside], axis=-1).astype(np.uint8)).save(tmp_path / "green.png")
    bits, ones, green = (as_json(capsys, *HEAD, "--mask", tmp_path / f"{name}.png")["volume"] for name in ("bits", "ones", "green"))
    assert bits == ones == green != as_json(capsys, *HEAD, "--mask", HEAD[0])["volume"]


def test_the_table_defines_every_number(capsys):
    code, out, err = evaluate(capsys, *HEAD, "--mask", HEAD[0])
    assert code == 0 and err == ""
    assert all(f"{key} " in out and words in out for key, words in WORDS.items())
    assert f"{as_json(capsys, *HEAD)['volume']['q_ssim']:.4f}" in out and "not comparable" in out and "Research use only" in out


# ---- bad input ---------------------------------------------------------------------------------------------------------------------


def bad_pictures(folder: Path) -> dict[str, str]:
    """name -> words of the sentence."""
    grey = np.asarray(Image.open(HEAD[1]))
    colour = np.stack([grey, grey, 255 - grey], axis=-1)
    clear = np.stack([grey, grey, grey, np.where(grey > 50, 255, 9)], axis=-1).astype(np.uint8)
    for name, array in {"colour": colour, "clear": clear, "deep": grey.astype(np.uint16) * 256, "narrow": grey[:, :-1], "bits": grey > 50,
                        "constant": np.full_like(grey, 7)}.items():
        Image.fromarray(array).save(folder / f"{name}.png")
    Image.fromarray(grey).save(folder / "other.jpg")
    whole = HEAD[1].read_bytes()
    (folder / "cut.png").write_bytes(whole[:len(whole) // 2])
    (folder / "letter.png").write_text("Dear colleague")
    write_nifti(volume(head()), folder / "volume.nii.gz")
    return {"colour.png": "has colours", "clear.png": "transparent", "deep.png": "more than 8 bits", "bits.png": "one bit",
            "narrow.png": "one size", "constant.png": "constant", "cut.png": "damaged", "letter.png": "no PNG",
            "missing.png": "no such file", "other.jpg": "PNG", "volume.nii.gz": "is a picture and"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_bad_pictures_are_refused_with_one_sentence(tmp_path, capsys, place):
    expected = bad_pictures(tmp_path)
    before = everything_in(tmp_path)
    for name, words in expected.items():
        given = list(HEAD)
        given[place] = tmp_path / name
        code, out, err = evaluate(capsys, *given, "--json")
        assert_one_sentence(code, err, words)
        assert out == "", name
    assert everything_in(tmp_path) == before


def test_bad_masks_of_pictures(tmp_path, capsys):
    shape = np.asarray(Image.open(HEAD[0])).shape
    rim = np.zeros(shape, np.uint8)
    rim[:3] = 1
    for name, array in {"empty": rim * 0, "rim": rim, "narrow": rim[:, 1:]}.items():
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    expected = {"empty.png": "mask empty.png is empty", "rim.png": "border", "narrow.png": "one size", "none.png": "no such file"}
    for name, words in expected.items():
        code, out, err = evaluate(capsys, *HEAD, "--mask", tmp_path / name)
        assert_one_sentence(code, err, words)
        assert out == ""


def test_json_and_csv_together_are_refused(capsys):
    with pytest.raises(SystemExit) as left:
        main(["evaluate", *map(str, HEAD), "--json", "--csv"])
    assert left.value.code == 2 and capsys.readouterr().out == ""


def test_no_network_is_loaded_to_measure():
    code = (f"import sys; from FusionINNLib.cli.__main__ import main; main(['evaluate', *{list(map(str, HEAD))}]); "
            "sys.exit(any(name in sys.modules for name in ('torch', 'slicer', 'matplotlib')))")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_real_command_leaves_folders_out(tmp_path):
    for path in HEAD:
        shutil.copy(path, tmp_path / path.name)
    code, out, err = run("evaluate", *(tmp_path / path.name for path in HEAD), "--json")
    assert code == 0 and err == "" and str(tmp_path) not in out
    code, out, err = run("evaluate", HEAD[0], HEAD[1], tmp_path / "none.png")
    assert_one_sentence(code, err, "no such file")
    assert out == ""
