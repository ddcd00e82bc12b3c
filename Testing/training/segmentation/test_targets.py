"""The core of a tumour as a second target, its row without a network, and weights that float16 does not hold."""
from dataclasses import replace

import numpy as np
import pytest
import torch
from training_data import SPLIT, write_place

from FusionINNLib.outlining.canvas import canvas_of
from training import __main__ as command
from training.data.canvas_cases import SETS, on_canvas, turned
from training.data.prepare import load
from training.data.targets import CORE, WHOLE
from training.segmentation.export import _half
from training.segmentation.folds import folds
from training.segmentation.held_out import Patient
from training.segmentation.rows import Row
from training.segmentation.thresholds import bright_and_filled, thresholded

ROWS = {"unet": Row("small U-Net", {"settings": {"architecture": "unet", "slices": 1, "channels": [2, 4], "residual": 1}, "steps": 2,
                                    "validate_every": 2, "batch": 2, "warm_up": 1})}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """prepared/, splits.json and canvas/ of the core in a folder."""
    folder = write_place(tmp_path_factory.mktemp("core"))
    assert run("segment-prepare", "--prepared", folder / "prepared", "--out", folder / "canvas", "--target", "core") == 0
    return folder


def test_the_core_is_a_part_of_what_was_drawn_and_only_where_parts_were(place):
    case = load(place / "prepared" / "brats18" / "c.npz")
    labels = turned(case.labels)
    assert {0, 2, 4} <= set(np.unique(labels))
    assert np.array_equal(CORE.drawn(labels), (labels == 1) | (labels == 4)) and np.array_equal(WHOLE.drawn(labels), labels > 0)
    assert not (place / "canvas" / "lgg").exists()
    is_right = np.arange(case.labels.shape[2]) >= np.nonzero(case.labels)[2].mean()
    parted = replace(case, labels=np.where(case.labels > 0, np.where(is_right, 4, 2), 0).astype(np.uint8))
    core, whole = (on_canvas(parted, (5.0, 1.0, 1.0), target).labels for target in (CORE, WHOLE))
    assert 0 < core.sum() < whole.sum() and not (core & ~whole).any()
    assert set(folds(place / "splits.json", CORE)[0]) == {"brats18"} and "lgg" in folds(place / "splits.json")[0]


def test_the_core_is_trained_and_measured_on_its_own_page(place, tmp_path, monkeypatch, capsys):
    for module in ("training.segmentation.rows", "training.segmentation.fit", "training.segmentation.page", "training.cli.outlines"):
        monkeypatch.setattr(f"{module}.ROWS", ROWS)
    where = ["--canvas", place / "canvas", "--splits", place / "splits.json", "--runs", tmp_path / "runs", "--device", "cpu", "--target",
             "core"]
    assert run("segment-fit", *where, "--folds", "0", "1") == 0
    measure = ["--prepared", place / "prepared", "--out", tmp_path / "docs"]
    assert run("segment-evaluate", *where, *measure) == 0
    text = (tmp_path / "docs" / "core.md").read_text()
    assert "tumour core" in text and "LGG" not in text and "exchanged" not in text and "--target core" in text
    assert run("segment-evaluate", *where, *measure, "--folds", "4") == 2, "was not trained"
    assert run("segment-prepare", "--prepared", place / "prepared", "--out", tmp_path, "--target", "core", "--shown", "fused") == 2
    assert run("segment-prepare", "--prepared", place / "prepared", "--out", tmp_path, "--target", "oedema") == 2
    assert "whole, core" in capsys.readouterr().err
    assert run("segment-healthy", *where, *measure) == 0
    assert "| c | yes |" in (tmp_path / "docs" / "healthy-core.md").read_text() and SPLIT["brats18"]["val"] == ["c"]
    assert run("segment-healthy", *measure, "--target", "core") == 2, "the program has no model of it"


def ring(center):
    """A patient with a bright ring round a dark middle, a bright vessel elsewhere, and the disc that both are."""
    k, j, i = np.ogrid[:10, :60, :60]
    away = np.hypot(j - center, i - 30) + 0 * k
    noise = np.random.default_rng(center).normal(0, 5, away.shape)
    t1ce = (100 + noise + 200 * ((away > 5) & (away < 9)) - 50 * (away <= 5)).astype(np.float32)
    t1ce[:, 55:57, 5:8] = 300
    head = np.ones(away.shape, bool)
    return Patient("brats18", str(center), away < 9, away < 9, head, canvas_of(head, SETS["brats18"]), SETS["brats18"], t1ce, t1ce)


def test_a_bright_ring_is_found_with_what_it_encloses_by_a_threshold_of_other_patients():
    patients = {("brats18", str(center)): ring(center) for center in (20, 30)}
    found = thresholded(CORE, patients, {key: fold for fold, key in enumerate(patients)})
    for key, marked in found.items():
        drawn = patients[key].drawn
        assert 2 * (marked & drawn).sum() / (marked.sum() + drawn.sum()) > 0.85 and marked[5, int(key[1]), 30]
        assert not marked[:, 55:57, 5:8].any()
    first = ring(20)
    assert bright_and_filled(first, 99.5).sum() < first.drawn.sum() / 2, "by its own percentile it would have mattered which"


def test_what_float16_does_not_hold_stays_as_it_is():
    assert _half(torch.tensor([1.0, 9e4])).dtype == torch.float32
    assert _half(torch.tensor([1.0, 6e4])).dtype == torch.float16 and _half(torch.tensor([3])).dtype == torch.int64


def run(*words) -> int:
    return command.main([str(word) for word in words])
