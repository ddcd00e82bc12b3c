"""Fusions of a grey and a coloured source from the command line: colours in, colours out, exactly back."""
import colorsys
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dicom_making import save, slices
from making import head
from nibabel.loadsave import load
from PIL import Image

from FusionINNLib import fused_color, luminances, read_scan
from FusionINNLib.cli.__main__ import main
from FusionINNLib.pipeline import fuse
from FusionINNLib.results.color import in_color
from FusionINNLib.volumes.color_files import write_rgb
from FusionINNLib.volumes.io import sha256
from FusionINNLib.volumes.nifti import write_nifti
from FusionINNLib.volumes.volume import Volume

AFFINE = np.diag([-1.0, -1.0, 3.0, 1.0])
HARVARD = Path(__file__).resolve().parents[3] / "shared" / "data" / "harvard" / "spect-mri"


def rgb_of(path):
    voxels = np.asarray(load(path).dataobj)
    return np.stack([voxels[name] for name in "RGB"], -1).transpose(2, 1, 0, 3)


def functional(shape=(4, 40, 36)):
    """Hot and cold spots through a colour map, nothing outside of the head."""
    activity = head(shape=shape, seed=5).astype(float)
    activity /= activity.max()
    return np.rint(255 * np.stack([activity, activity ** 2, np.sin(np.pi * activity) * 0.7], -1)).astype(np.uint8)


@pytest.fixture()
def pair(tmp_path):
    write_nifti(Volume(head(shape=(4, 40, 36)), AFFINE, "mr"), tmp_path / "mr.nii.gz")
    write_rgb(functional(), AFFINE, tmp_path / "pet.nii.gz", "")
    return tmp_path / "mr.nii.gz", tmp_path / "pet.nii.gz"


def test_dicom_captures_in_colour_come_back_to_the_byte(tmp_path, capsys):
    rgb, grid = functional(), np.diag([1.0, 1.0, 3.0, 1.0])
    captures = slices(np.zeros(rgb.shape[:3], np.uint8), grid, series="PET as displayed")
    for one, plane in zip(captures, rgb):
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration, one.PixelData = 3, "RGB", 0, plane.tobytes()
    mr, pet = save(slices(head(shape=rgb.shape[:3]), grid, series="T1"), tmp_path / "mr"), save(captures, tmp_path / "pet")
    out, back = tmp_path / "fused", tmp_path / "back"
    assert main(["fuse", str(mr), str(pet), "--out", str(out), "--device", "cpu", "--no-report"]) == 0
    assert main(["decompose", str(out), "--out", str(back), "--device", "cpu", "--no-report"]) == 0
    np.testing.assert_array_equal(rgb_of(back / "second_exact_color.nii.gz"), rgb)
    assert json.loads((out / "fusion.json").read_text())["color"]["source"] == "second"
    del captures[0].ImagePositionPatient
    assert main(["fuse", str(mr), str(save(captures, tmp_path / "screen")), "--out", str(tmp_path / "no"), "--device", "cpu"]) == 2
    assert "without a place in the patient" in capsys.readouterr().err and not (tmp_path / "no").exists()


@pytest.mark.parametrize("turned", [False, True])
def test_the_whole_way_with_the_colour_on_either_side(pair, tmp_path, capsys, turned):
    sources = pair[::-1] if turned else pair
    role = "first" if turned else "second"
    out, back = tmp_path / "fused", tmp_path / "back"
    assert main(["fuse", *map(str, sources), "--out", str(out), "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert "fused_color.nii.gz" in said.out and "not activity" in said.err
    color = rgb_of(out / "fused_color.nii.gz")
    assert np.ptp(color.astype(int), axis=-1).max() > 50, "in colour"
    record = json.loads((out / "fusion.json").read_text())
    assert record["color"]["source"] == role and {"chroma", "fused_color"} < set(record["files"])
    assert main(["decompose", str(out), "--out", str(back), "--device", "cpu"]) == 0
    np.testing.assert_array_equal(rgb_of(back / f"{role}_exact_color.nii.gz"), functional())
    assert main(["decompose", str(out / "fused.nii.gz"), "--estimate", "--samples", "2", "--out", str(tmp_path / "guess"), "--device",
                 "cpu", "--no-report"]) == 0
    guess = rgb_of(tmp_path / "guess" / f"{role}_estimated_color.nii.gz").astype(int)
    assert np.abs(guess - functional()).mean() < 3
    listed = json.loads((tmp_path / "guess" / "estimate.json").read_text())["files"]
    assert listed[f"{role}_estimated_color.nii.gz"] == sha256(tmp_path / "guess" / f"{role}_estimated_color.nii.gz")
    assert b"ESTIMATED" in load(tmp_path / "guess" / f"{role}_estimated_color.nii.gz").header["descrip"].tobytes()


def test_another_chroma_is_refused(pair, tmp_path, capsys):
    assert main(["fuse", *map(str, pair), "--out", str(tmp_path / "f"), "--method", "average", "--no-report"]) == 0
    assert main(["fuse", *map(str, pair), "--out", str(tmp_path / "g"), "--device", "cpu", "--no-report"]) == 0
    chroma = tmp_path / "g" / "chroma.nii.gz"
    chroma.write_bytes(chroma.read_bytes()[:-9])
    assert main(["decompose", str(tmp_path / "g"), "--out", str(tmp_path / "h")]) != 0
    assert "chroma.nii.gz" in capsys.readouterr().err and not (tmp_path / "h").exists()


def test_the_order_that_a_method_was_trained_with_is_asked_for(pair, tmp_path, capsys):
    for sources, warned in ((pair, False), (pair[::-1], True)):
        assert main(["fuse", *map(str, sources), "--out", str(tmp_path / "f"), "--method", "lagn", "--dry-run"]) == 0
        assert ("give them in the other order" in capsys.readouterr().err) == warned


def test_two_sources_in_colour_are_refused(pair, tmp_path, capsys):
    assert main(["fuse", str(pair[1]), str(pair[1]), "--out", str(tmp_path / "f")]) == 2
    assert "both in colour" in capsys.readouterr().err and not (tmp_path / "f").exists()


def test_without_the_grey_source_the_colours_keep_their_hue(tmp_path):
    """MR all black but for a voxel; and a fused image that is the functional one has its very colours."""
    black = np.zeros((4, 40, 36), np.int16)
    black[2, 20, 18] = 100
    scan = read_scan(_written(tmp_path, functional()))
    first, second = luminances(Volume(black, AFFINE, "mr"), scan)
    fusion = fuse(first, second, method="average")
    color = fused_color(fusion, Volume(black, AFFINE, "mr"), scan)
    assert color is not None and color.role == "second"
    same = Volume(fusion.recipe.sources[1].normalization(0).apply(second.array), AFFINE, "same")
    exact, clipped = in_color(same, fusion.recipe, "second", scan.chroma)
    np.testing.assert_array_equal(exact, scan.rgb)
    inside = (color.rgb > 0).all(-1) & (color.rgb < 255).all(-1)
    assert clipped == 0 and inside.any()
    np.testing.assert_allclose(np.diff(color.rgb[inside].astype(int), axis=-1), np.diff(scan.rgb[inside].astype(int), axis=-1), atol=1)


def test_a_black_functional_image_leaves_the_fusion_grey(tmp_path):
    dark = np.zeros((4, 40, 36, 3), np.uint8)
    dark[0, 0, 0] = (3, 0, 0)  # else it would be constant
    scan = read_scan(_written(tmp_path, dark))
    first, second = luminances(mr := Volume(head(shape=(4, 40, 36)), AFFINE, "mr"), scan)
    color = fused_color(fuse(first, second, method="average"), mr, scan)
    assert color is not None and (np.ptp(color.rgb[1:].astype(int), axis=-1) == 0).all()


def test_a_source_on_another_grid_brings_its_colours_along(tmp_path):
    """Twice as many voxels in the plane for MR: the colours are interpolated as the luminance is."""
    affine = AFFINE @ np.diag([0.5, 0.5, 1, 1])
    affine[:2, 3] = 0.25, 0.25
    mr = Volume(np.repeat(np.repeat(head(shape=(4, 40, 36)), 2, 1), 2, 2), affine, "mr")
    scan = read_scan(_written(tmp_path, functional()))
    first, second = luminances(mr, scan)
    fusion = fuse(first, second, method="average", reference="first", alignment="header")
    color = fused_color(fusion, mr, scan)
    assert color is not None and color.rgb.shape == (4, 80, 72, 3)
    coarse = color.chroma.reshape(4, 40, 2, 36, 2, 3).mean((2, 4))
    assert np.abs(coarse - scan.chroma)[:, 1:-1, 1:-1].mean() < 4


def test_a_source_that_was_moved_takes_its_colours_along(tmp_path):
    """By two voxels along i, on the same grid, which alone says nothing of where colours are."""
    mr = Volume(head(shape=(4, 40, 36)), AFFINE, "mr")
    scan = read_scan(_written(tmp_path, functional()))
    fusion = fuse(*luminances(mr, scan), method="average", reference="first", alignment="none")
    shift = np.eye(4)
    shift[0, 3] = 2 * AFFINE[0, 0]
    sources = fusion.recipe.sources[0], replace(fusion.recipe.sources[1], resampled=True)
    moved = replace(fusion, alignment=replace(fusion.alignment, transform=shift, resampled=True),
                    recipe=replace(fusion.recipe, sources=sources))
    color = fused_color(moved, mr, scan)
    assert color is not None
    np.testing.assert_array_equal(color.chroma[:, :, :-2], scan.chroma[:, :, 2:])


def test_colours_that_do_not_fit_are_told(tmp_path, capsys):
    """Saturated red and blue under bright MR."""
    bright = np.where(head(shape=(4, 40, 36)) > 0, 1000, 0).astype(np.int16)
    bright[:, :20] //= 2
    write_nifti(Volume(bright, AFFINE, "mr"), tmp_path / "mr.nii.gz")
    loud = np.where((bright > 0)[..., None], [250, 0, 0], 0).astype(np.uint8)
    loud[:, 20:] = loud[:, 20:, :, ::-1]
    assert main(["fuse", str(tmp_path / "mr.nii.gz"), str(_written(tmp_path, loud)), "--method", "maximum", "--align", "none", "--out",
                 str(tmp_path / "f"), "--no-report"]) == 0
    share = json.loads((tmp_path / "f" / "fusion.json").read_text())["color"]["clipped_share"]
    assert share > 0.05 and f"In {share:.1%} of the voxels the fused colour lay outside" in capsys.readouterr().err


def _written(folder, rgb):
    write_rgb(rgb, AFFINE, folder / "rgb.nii.gz", "")
    return folder / "rgb.nii.gz"


@pytest.mark.skipif(not HARVARD.is_dir(), reason="needs ../shared/data/harvard")
@pytest.mark.parametrize("method", ["average", "laplacian", "lagn"])
def test_real_spect_keeps_the_hue_of_its_hot_spots(method, tmp_path):
    """The median change of hue inside the warmest 5 % of the pixels is at most 5 degrees, and two pictures become a picture in colour."""
    names = [HARVARD / f"25012_{letter}.png" for letter in "ab"]
    assert main(["fuse", *map(str, names), "--method", method, "--out", str(tmp_path / "f"), "--no-report"]) == 0
    before, after = np.asarray(Image.open(names[1]).convert("RGB")), rgb_of(tmp_path / "f" / "fused_color.nii.gz")[0]
    warmth = before.astype(float).sum(-1)
    warm = (warmth > np.percentile(warmth, 95)) & (np.ptp(before.astype(int), axis=-1) > 20)
    hues = [np.array([colorsys.rgb_to_hsv(*pixel)[0] for pixel in image[warm] / 255]) for image in (before, after)]
    change = np.abs(hues[0] - hues[1])
    assert 360 * np.median(np.minimum(change, 1 - change)) <= 5
