"""The table of what lies inside each segment: names, volumes, means; on the terminal after a fusion too."""
from types import SimpleNamespace

import numpy as np
from making import affine_from, head, rotation, volume, write_with_nibabel

from FusionINNLib.cli.__main__ import main
from FusionINNLib.cli.segment_table import MOST, segment_table
from FusionINNLib.volumes.volume import SegmentName, Volume

AFFINE = affine_from(rotation(0.1, 0.0, 0.2), (2.0, 2.5, 4.0))  # voxels of .02 ml


def fused_and_labels(labels: np.ndarray, names: dict[int, SegmentName]):
    """Sources that hold 10 x label, 3 and 5 in turn, and their sum."""
    first, second = 10.0 * labels, 3.0 + 2 * (np.arange(labels.size).reshape(labels.shape) % 2)
    images = [Volume(array.astype(np.float32), AFFINE, name, unit) for array, name, unit in
              ((first, "ADC", "1e-3 mm2/s"), (second, "FLAIR", ""), (first + second, "fused", ""))]
    return SimpleNamespace(first=images[0], second=images[1], fused=images[2]), Volume(labels, AFFINE, "outlines", segments=names)


def test_each_segment_has_its_name_volume_and_means():
    labels = np.zeros((3, 4, 6), np.uint8)
    labels[0], labels[1, :2], labels[2, 0, 0] = 1, 2, 7
    names = {1: SegmentName("necrotic core"), 2: SegmentName("oedema\nleft", (0, 1, 0)), 9: SegmentName("not drawn")}
    table = segment_table(*fused_and_labels(labels, names)).splitlines()
    assert [" ".join(line.split()) for line in table] == [
        "Inside the segments, mean +- standard deviation:", "segment ml ADC (1e-3 mm2/s) FLAIR fused",
        "necrotic core 0.48 10 +- 0 4 +- 1 14 +- 1", "oedema left 0.24 20 +- 0 4 +- 1 24 +- 1", "label 7 0.02 70 +- 0 3 +- 0 73 +- 0"]
    assert len({len(line) for line in table[1:]}) == 1, "columns stand below each other"


def test_a_parcellation_is_cut_and_nothing_drawn_is_no_table():
    labels = np.arange(1, 73).reshape(3, 4, 6).astype(np.int16)
    table = segment_table(*fused_and_labels(labels, {})).splitlines()
    assert len(table) == MOST + 3 and table[-1] == f"  and {72 - MOST} more"
    assert segment_table(*fused_and_labels(np.minimum(0, -labels), {})) == ""


def test_a_fusion_prints_it(tmp_path, tiny_model, capsys):
    for n, name in enumerate(("first", "second")):
        write_with_nibabel(tmp_path / f"{name}.nii.gz", head(shape=(6, 40, 44), seed=n).T, AFFINE)
    drawn = np.zeros((6, 40, 44), np.uint8)
    drawn[2:4, 15:25, 15:25] = 4
    write_with_nibabel(tmp_path / "drawn.nii.gz", drawn.T, AFFINE)
    assert main(["fuse", str(tmp_path / "first.nii.gz"), str(tmp_path / "second.nii.gz"), "--segmentation", str(tmp_path / "drawn.nii.gz"),
                 "--out", str(tmp_path / "out"), "--model", tiny_model, "--device", "cpu", "--no-report"]) == 0
    said = capsys.readouterr().out
    mean = volume(head(shape=(6, 40, 44), seed=0)).values[drawn > 0].mean()
    assert f" {mean:.4g} +- " in said and "label 4" in said and said.rstrip().endswith("Not for diagnosis.")
