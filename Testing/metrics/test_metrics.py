"""The fusion metrics against the published code's values, against second implementations, and against bad input."""
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden import GOLDEN, case_name, golden_cases
from skimage.io import imread
from skimage.measure import shannon_entropy
from skimage.metrics import structural_similarity
from slow_metrics import slow_fmi, slow_q_abf, slow_vif

from FusionINNLib.errors import InputError
from FusionINNLib.metrics import (
    MASKED_KEYS,
    WHOLE_KEYS,
    evaluate_slice,
    evaluate_volume,
    fmi,
    gradient,
    images,
    information,
    ncie,
    piella,
    ssim,
    statistics,
    vif,
)


def our_values(a: np.ndarray, b: np.ndarray, f: np.ndarray) -> dict[str, float]:
    """What we have, under the names of golden.json."""
    values = evaluate_slice(a, b, f)
    return {
        "q_ssim": values["q_ssim"], "ssim_A": ssim.ssim(a, f, 255), "ssim_B": ssim.ssim(b, f, 255), "q_fmi": values["q_fmi"],
        "q_ncie": values["q_ncie"], "ncc_AF": ncie.ncc(a, f), "ncc_BF": ncie.ncc(b, f), "ncc_AB": ncie.ncc(a, b),
        "mi_AF_bits": information.mutual_information(a, f), "mi_BF_bits": information.mutual_information(b, f),
        "q_xy_whole": values["q_xy"], "q_xy_centre": values["q_xy_centre"],
        "q_p_whole": values["q_p"], "q_p_whole_exact": values["q_p"], "q_p_centre": values["q_p_centre"],
    }


def golden_deviations(folder: Path, case: dict) -> dict[str, tuple[float, float]]:
    """Deviation and tolerance of every value that golden.json lets be compared."""
    definitions = json.loads((folder / "golden.json").read_text())["meta"]["values"]
    ours = our_values(*(imread(folder / case["images"][name]) for name in "ABF"))
    compared = [name for name in ours if case["values"][name] is not None and name not in case["rounding_dependent"]]
    return {name: (abs(ours[name] - case["values"][name]) / max(1, abs(case["values"][name])), definitions[name]["tolerance"])
            for name in compared}


@pytest.mark.parametrize("case", golden_cases(GOLDEN), ids=case_name)
def test_synthetic_golden_values(case):
    deviations = golden_deviations(GOLDEN, case)
    assert len(deviations) >= 14
    assert {name: deviation for name, deviation in deviations.items() if not deviation[0] <= deviation[1]} == {}


def test_open_golden_values(shared_folder):
    folder = shared_folder / "golden" / "open"
    cases = golden_cases(folder)
    assert len(cases) == 22
    wrong = {(case_name(case), name): deviation for case in cases for name, deviation in golden_deviations(folder, case).items()
             if not deviation[0] <= deviation[1]}
    assert wrong == {}


@pytest.fixture(scope="module")
def head() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The synthetic head: two sources and their average, 96 x 80, 8-bit, background 0."""
    return tuple(imread(GOLDEN / "inputs" / f"synth_head_96x80__{name}.png") for name in ("A", "B", "F_avg"))


@pytest.fixture(scope="module")
def small(head) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A piece of the head with edge and background, as small as VIF allows."""
    return tuple(image[:44, 10:53] for image in head)


def test_q_abf_equals_the_definition(small):
    assert gradient.q_abf(*small) == pytest.approx(slow_q_abf(*small), abs=1e-12)
    copy = (small[0], small[1], small[0])
    assert gradient.q_abf(*copy) == pytest.approx(slow_q_abf(*copy), abs=1e-12)


def test_vif_equals_the_definition(small):
    a, b, f = small
    assert vif.vif_pair(a, f) == pytest.approx(slow_vif(a, f), abs=1e-9)
    assert vif.vif(a, b, f) == pytest.approx(slow_vif(a, f) + slow_vif(b, f), abs=1e-9)
    assert vif.vif_pair(a, a) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("levels", [2, 3, 6, 256])
def test_fmi_equals_the_definition_where_windows_degenerate(levels):
    # Few levels make many windows that are constant, equal, or constant but for one pixel.
    rng = np.random.default_rng(levels)
    a, b, f = (np.where(rng.random((26, 24)) < 0.3, rng.integers(0, levels, (26, 24)), 0).astype(np.uint8) for _ in range(3))
    b[:12], f[12:20], f[20:, :12] = f[:12], a[12:20], b[20:, :12]
    assert fmi.q_fmi(a, b, f) == pytest.approx(slow_fmi(a, b, f), abs=1e-9)


def test_fmi_of_constant_windows():
    two, nine, bright = np.full((3, 3), 2, np.uint8), np.full((3, 3), 9, np.uint8), np.full((3, 3), 4, np.uint8)
    bright[1, 1] = 7
    assert fmi.q_fmi(two, two, nine) == 1
    assert fmi.q_fmi(two, two, bright) == 0
    assert fmi.q_fmi(bright, bright, bright) == 1
    # Equal to the fused window, but the first source was not: it is computed, and has no entropy.
    assert fmi.q_fmi(two, bright, bright) == 0
    assert fmi.q_fmi(bright, two, bright) == 0.5


def test_scd_worked_example_and_numpy(head):
    first, second = np.array([[0, 1, 0, 1]]), np.array([[0, 0, 1, 1]])
    assert statistics.scd(first, second, first + second) == pytest.approx(2)
    assert statistics.scd(first, second, second - first) == pytest.approx(-1 + 1 / math.sqrt(5))
    assert statistics.scd(first, second, 2 * first) == pytest.approx(2 / math.sqrt(5))
    a, b, f = (image.astype(float) for image in head)
    expected = np.corrcoef(a.ravel(), (f - b).ravel())[0, 1] + np.corrcoef(b.ravel(), (f - a).ravel())[0, 1]
    assert statistics.scd(*head) == pytest.approx(expected, abs=1e-12)


def test_scd_counts_a_constant_difference_as_nothing(head):
    a, b, _ = head
    assert statistics.scd(a, b, a) == pytest.approx(np.corrcoef(a.ravel(), a.ravel() - b.ravel().astype(float))[0, 1])


def test_entropy_and_statistics(head):
    a, _, f = head
    assert information.en(f) == pytest.approx(shannon_entropy(f), abs=1e-12)
    assert information.mutual_information(a, a) == pytest.approx(shannon_entropy(a), abs=1e-12)
    steps = np.array([[0, 4], [3, 7]], np.uint8)
    assert statistics.sf(steps) == pytest.approx(5)
    assert statistics.ag(steps) == pytest.approx(5 / math.sqrt(2))
    uneven = np.array([[0, 1, 9]] * 4, np.uint8)  # gradients 1, (9 - 0) / 2 and 8 along i, none along j
    assert statistics.ag(uneven) == pytest.approx((1 + 4.5 + 8) / 3 / math.sqrt(2))
    assert statistics.sd(steps) == pytest.approx(2.5)


def test_ssim_equals_scikit_image(head):
    a, _, f = head
    _, whole = structural_similarity(a, f, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True)
    assert np.abs(ssim.ssim_map(a, f, 255) - whole[5:-5, 5:-5]).max() < 1e-9


def test_ssim_takes_volumes_slice_by_slice(head):
    a, b, _ = head
    volume = ssim.ssim_map(np.stack([a, b]), np.stack([b, b]), 255)
    assert np.array_equal(volume[0], ssim.ssim_map(a, b, 255))
    assert volume[1].min() == pytest.approx(1)


def test_slice_keys(head):
    assert tuple(evaluate_slice(*head)) == WHOLE_KEYS
    assert tuple(evaluate_slice(*head, mask=head[0] > 0)) == WHOLE_KEYS + MASKED_KEYS


def test_full_mask_is_the_whole_image(head):
    values = evaluate_slice(*head, mask=np.ones(head[0].shape, np.uint8))
    for name in MASKED_KEYS:
        assert values[name] == pytest.approx(values[name.removesuffix("_masked")], abs=1e-12)


def test_mask_takes_windows_centred_in_it(head):
    a, b, f = head
    mask = np.zeros(a.shape, bool)
    mask[40, 30] = True
    values = evaluate_slice(a, b, f, mask)
    ssim_window = tuple(image[35:46, 25:36] for image in (f, a, b))
    assert values["q_ssim_masked"] == pytest.approx(ssim.q_ssim(*ssim_window, 255), abs=1e-12)
    assert values["q_p_masked"] == pytest.approx(piella.q_p(*(image[35:46, 25:36] for image in head)), abs=1e-12)
    assert values["q_fmi_masked"] == pytest.approx(fmi.q_fmi(*(image[39:42, 29:32] for image in head)), abs=1e-12)
    assert values["q_xy_masked"] == gradient.q_xy_map(a, b, f)[40, 30]
    assert values["q_ncie_masked"] == pytest.approx(1 + math.log2(1 / 3) / 8)


def test_masked_values_do_not_see_the_background(head):
    mask = head[0] > 0
    wider = tuple(np.pad(image, 20) for image in head)
    narrow, wide = evaluate_slice(*head, mask), evaluate_slice(*wider, np.pad(mask, 20))
    assert narrow["q_fmi_masked"] == pytest.approx(wide["q_fmi_masked"], abs=0.01)
    assert narrow["q_ncie_masked"] == pytest.approx(wide["q_ncie_masked"], abs=1e-12)
    assert wide["q_fmi"] > narrow["q_fmi"] + 0.05


def test_floats_on_0_to_1_are_taken_as_8_bit(head):
    as_floats = evaluate_slice(*(image / 255 for image in head))
    for name, value in evaluate_slice(*head).items():
        assert as_floats[name] == pytest.approx(value, abs=1e-9), name


def test_grey_levels_are_equal_bins_cut_at_the_ends():
    values = np.array([-0.1, 0, 1 / 256 - 1e-9, 1 / 256, 0.5, 0.999, 1, 1.2])
    assert images.grey_levels(values).tolist() == [0, 0, 0, 1, 128, 255, 255, 255]


def test_vif_is_not_defined_for_small_images(head):
    tiny = tuple(image[:40, 20:70] for image in head)
    assert math.isnan(evaluate_slice(*tiny)["vif"])
    with pytest.raises(InputError, match="41 x 41"):
        vif.vif(*tiny)


BAD_IMAGES = {
    "sizes": (lambda a, b, f: (a, b[:-1], f), "first image is 96 x 80 but the second one is 95 x 80"),
    "types": (lambda a, b, f: (a, b, f / 255), "all three"),
    "integers": (lambda a, b, f: (a.astype(np.int16), b, f), "int16"),
    "range": (lambda a, b, f: (a * 1.0, b / 255, f / 255), "scaled to 0..1"),
    "nan": (lambda a, b, f: (a / 255, b / 255, np.where(f > 99, np.nan, f / 255)), "fused image holds .*NaN"),
    "constant": (lambda a, b, f: (a, np.full_like(b, 7), f), r"second image is constant \(grey level 7"),
    "nearly constant": (lambda a, b, f: (a / 255, b / 255, 0.5 + f / 1e6), "fused image is constant"),
    "tiny": (lambda a, b, f: (a[:10], b[:10], f[:10]), "at least 11 x 11"),
    "colour": (lambda a, b, f: tuple(np.stack([x, x, x], axis=-1) for x in (a, b, f)), "3 axes"),
}


@pytest.mark.parametrize("spoil, message", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_bad_images_are_named(head, spoil, message):
    with pytest.raises(InputError, match=message):
        evaluate_slice(*spoil(*head))


def test_bad_masks_are_named(head):
    border = np.zeros(head[0].shape, bool)
    border[:5] = True
    masks = ((border[:-1], "mask is 95 x 80"), (border & False, "empty"), (border, "border"), (np.where(border, np.nan, 1), "NaN"))
    for mask, message in masks:
        with pytest.raises(InputError, match=message):
            evaluate_slice(*head, mask=mask)


def test_volume_means_and_left_out_slices(head):
    a, b, f = head
    black = np.zeros_like(a)
    mask = np.zeros((4,) + a.shape, bool)
    mask[1, 20:60, 20:60], mask[2, 30:50, 30:50] = True, True
    result = evaluate_volume(np.stack([black, a, b, a]), np.stack([b, b, a, b]), np.stack([f, f, a, b]), mask)
    assert list(result.slices) == [1, 2, 3] and list(result.left_out) == [0]
    assert "first image is constant" in result.left_out[0]
    assert result.slices[1] == evaluate_slice(a, b, f, mask[1])
    assert result.volume["q_p"] == pytest.approx(np.mean([result.slices[k]["q_p"] for k in (1, 2, 3)]))
    masked = [result.slices[k]["q_ssim_masked"] for k in (1, 2)]
    assert result.volume["q_ssim_masked"] == pytest.approx((1600 * masked[0] + 400 * masked[1]) / 2000)
    assert math.isnan(result.slices[3]["q_ssim_masked"])
    assert tuple(result.volume) == WHOLE_KEYS + MASKED_KEYS


def test_volume_without_a_slice_to_measure(head):
    black = np.zeros((2,) + head[0].shape, np.uint8)
    with pytest.raises(InputError, match="No slice"):
        evaluate_volume(black, black, black)
    with pytest.raises(InputError, match="96 x 80|2 axes"):
        evaluate_volume(*head)


def test_needs_only_numpy_and_scipy():
    code = "import sys, FusionINNLib.metrics; print([m for m in ('torch', 'skimage', 'SimpleITK', 'slicer') if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
