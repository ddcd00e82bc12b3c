"""`python -m training benchmark`: from prepared cases to page, tables and pictures, and on where it was interrupted."""
import csv
import json
import shutil

import pytest
from PIL import Image
from training_data import write_place

from FusionINNLib.methods import registry
from training import __main__ as command
from training.ablation.trainer import AblationTrainer
from training.benchmark import results as room
from training.benchmark import timing
from training.benchmark.published import VALUES
from training.benchmark.train import QUICK_SCHEDULES, train_missing
from training.cli import tables as tables_commands
from training.loop.trainer import Trainer, checkpoint_step

SMALL = {name: QUICK_SCHEDULES[name] for name in ("deepfuse", "paper")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("benchmark"))


@pytest.fixture(autouse=True)
def few_networks(monkeypatch):
    """Two trainings, four of the registry's methods, two rounds of timing: test_benchmark.py has the others."""
    monkeypatch.setattr(tables_commands, "QUICK_SCHEDULES", SMALL)
    monkeypatch.setattr(timing, "ROUNDS", 2)
    monkeypatch.setattr(registry, "_all", lambda: {name: registry.METHODS[name] for name in ("fusioninn", "average", "laplacian", "ddfm")})


def _words(place, runs, out, model, *more):
    return ["benchmark", "--data", str(place / "data"), "--splits", str(place / "splits.json"), "--prepared", str(place / "prepared"),
            "--runs", str(runs), "--out", str(out), "--model", model, "--device", "cpu", "--quick", *more]


@pytest.mark.slow
def test_the_whole_way(place, tmp_path, tiny_model, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(_words(place, "runs", "docs", tiny_model)) == 0
    said = capsys.readouterr()
    page = (tmp_path / "docs" / "benchmark.md").read_text()
    assert said.out.strip() == page.strip() and "Quick run" in page and str(tmp_path) not in page and str(place) not in page
    assert "python -m training benchmark" in page and "--quick" in page and "Nothing was skipped." in page
    for title in ("Average", "Laplacian pyramid", "DeepFuse (*not converged*)", "UNet3+ (*not trained*)", "DDFM",
                  "FusionINN (published network, trained here) (*not converged*)", "FusionINN (default model)"):
        assert f"| {title} |" in page
    lines = list(csv.DictReader((tmp_path / "docs" / "benchmark.csv").open()))
    assert {line["set"] for line in lines} == {"brats18", "openms", "isles22"}
    deepfuse = next(line for line in lines if (line["method"], line["metric"], line["set"]) == ("deepfuse", "q_ssim", "brats18"))
    assert float(deepfuse["published"]) == VALUES["deepfuse"][0] and deepfuse["ranked"] == "False"
    average = next(line for line in lines if (line["method"], line["metric"]) == ("average", "q_xy"))
    assert float(average["minus_average"]) == 0 and average["word"] == "tied"
    table = json.loads((tmp_path / "docs" / "benchmark.json").read_text())
    assert table["quick"] and table["methods"]["unet"]["seconds_a_slice"] > 0 and table["methods"]["ddfm"]["state"] == "shipped model"
    assert table["sets"]["brats18"]["cases"] == {"c": 1} and not table["methods"]["deepfuse"]["training"]["converged"]
    pictures = {path.name for path in (tmp_path / "docs" / "pictures").iterdir()}
    assert pictures == {"benchmark_openms.png", "benchmark_openms_decomposed.png", "benchmark_isles22.png",
                        "benchmark_isles22_decomposed.png", "benchmark_curves.png", "benchmark_differences.png"}
    assert all(f"(pictures/{name})" in page and Image.open(tmp_path / "docs" / "pictures" / name).size[0] > 300 for name in pictures)

    monkeypatch.setattr(tables_commands, "pictures_of", lambda *arguments: {})
    monkeypatch.setattr(Trainer, "train_step", lambda self: pytest.fail("a finished run was trained again"))
    assert command.main(_words(place, "runs", "docs", tiny_model)) == 0
    again = capsys.readouterr()
    assert "deepfuse: finished before" in again.err and "paper: finished before" in again.err and "measuring" not in again.err


def test_what_cannot_be_used_is_listed_at_the_end(place, tmp_path, tiny_model, capsys):
    shutil.copytree(place / "data", tmp_path / "data")
    shutil.copytree(place / "prepared", tmp_path / "prepared")
    shutil.rmtree(tmp_path / "data" / "isles22")
    (tmp_path / "data" / "openms" / "patient" / "t1ce.nii.gz").unlink()
    damaged = tmp_path / "prepared" / "brats18" / "a.npz"
    damaged.write_bytes(damaged.read_bytes()[:300])
    shutil.copy(place / "splits.json", tmp_path / "splits.json")
    (tmp_path / "runs" / "quick" / "deepfuse").mkdir(parents=True)
    (tmp_path / "runs" / "quick" / "deepfuse" / "config.json").write_text("{}")
    (tmp_path / "runs" / "quick" / "deepfuse" / "last.pt").write_bytes(b"damaged")
    assert command.main(_words(tmp_path, tmp_path / "runs", tmp_path / "docs", tiny_model)) == 0
    said, page = capsys.readouterr(), (tmp_path / "docs" / "benchmark.md").read_text()
    last = said.err[said.err.index("3 skipped:"):]
    for name in ("brats18/a", "openms/patient", "DeepFuse"):
        assert name in last and name in page[page.index("Skipped, 3 in all"):]
    assert "Traceback" not in said.err and "T1ce / FLAIR, BraTS" not in page and "open_ms_data, T1ce / FLAIR:" not in page


class Interrupted(AblationTrainer):
    """Stops in the middle of the second half."""

    def on_step(self, parts):
        if self.step == 3:
            raise KeyboardInterrupt


def test_training_goes_on_by_the_settings_it_was_begun_with(place, tmp_path, monkeypatch):
    schedules = {"paper": SMALL["paper"] | {"steps": 6, "validate_every": 2}}
    arguments = (place / "prepared", place / "splits.json", tmp_path, "cpu")
    with monkeypatch.context() as patch:
        patch.setattr("training.ablation.train.AblationTrainer", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_missing(schedules, *arguments, lambda line: None)
    assert checkpoint_step(tmp_path / "paper") == 2
    assert not train_missing({"paper": SMALL["paper"]}, *arguments, lambda line: None)  # another schedule: the run keeps its own
    assert checkpoint_step(tmp_path / "paper") == 6


def test_without_training_what_is_there_is_measured(place, tmp_path, tiny_model, monkeypatch, capsys):
    monkeypatch.setattr(room, "train_missing", lambda *arguments: pytest.fail("nothing was to be trained"))
    words = _words(place, tmp_path / "runs", tmp_path / "docs", tiny_model, "--no-train")
    assert command.main([word for word in words if word not in ("--prepared", str(place / "prepared"))]) == 0
    assert "DeepFuse (*not trained*)" in (tmp_path / "docs" / "benchmark.md").read_text()
    assert command.main([word for word in words if word not in ("--prepared", str(place / "prepared"), "--no-train")]) == 2
    assert "--prepared" in capsys.readouterr().err


@pytest.mark.parametrize("changed, sentence", [
    ({"--data": "nowhere"}, "holds none of the sets"), ({"--splits": "nowhere.json"}, "cannot be read"),
    ({"--model": "no-model"}, "There is no model"), ({"--slices": "0"}, "must be a number")])
def test_bad_input_is_one_sentence(place, tmp_path, tiny_model, capsys, changed, sentence):
    words = _words(place, tmp_path / "runs", tmp_path / "docs", tiny_model, "--no-train", "--slices", "2")
    for option, value in changed.items():
        words[words.index(option) + 1] = value
    try:
        assert command.main(words) == 2
    except SystemExit as end:  # argparse's own
        assert end.code == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "docs").exists()
