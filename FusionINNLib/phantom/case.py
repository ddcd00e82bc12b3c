"""A made-up post-operative case: ADC and T2-FLAIR of one head on two unlike grids, slightly out of place, with a segmentation.

Nothing in it comes from a person, so it can be shipped, shown and tested against: what is true about it is known (`Truth`).
The same seed gives the same voxels.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.phantom.head import CAVITY_CENTRE, HEAD_HALF_SIZE, Head, Tissue
from FusionINNLib.volumes.volume import Volume

LABELS = {1: "resection cavity", 2: "oedema", 4: "residual tumour rim"}
"""Labels of the segmentation, numbered as in BraTS (1 core, 2 oedema, 4 enhancing)."""

ADC_UNIT = "1e-6 mm2/s"

_LABEL_OF = {Tissue.CAVITY: 1, Tissue.OEDEMA: 2, Tissue.RIM: 4}

# One row per tissue: FLAIR signal, T2-weighted signal without diffusion weighting, ADC (1e-6 mm2/s).
_LOOKS = {
    Tissue.AIR: (0, 0, 0), Tissue.SCALP: (560, 120, 300), Tissue.BONE: (35, 15, 100), Tissue.MARROW: (260, 70, 250),
    Tissue.SOFT: (230, 230, 1150), Tissue.FLUID: (55, 1500, 2950), Tissue.GREY: (470, 680, 860), Tissue.WHITE: (365, 560, 740),
    Tissue.DEEP_GREY: (425, 600, 770), Tissue.EYE: (45, 1500, 2700), Tissue.OEDEMA: (690, 1000, 1380), Tissue.RIM: (800, 820, 620),
    Tissue.CAVITY: (85, 1450, 2900),
}
_LOOK_TABLE = np.array([_LOOKS[tissue] for tissue in Tissue], np.float32)

_DIFFUSION_WEIGHT = 1000.0      # s/mm2

Shape = tuple[int, int, int]
Grid = tuple[Shape, np.ndarray]
"""(shape (k, j, i), affine)."""


@dataclass(frozen=True)
class Truth:
    """What is known about a made-up case.

    first_to_second: 4x4, RAS mm; where a point of the ADC's world lies in the FLAIR's world (the same anatomy).
    labels: what the numbers of the segmentation mean. cavity_centre: RAS mm in the FLAIR's world. head: the anatomy itself;
    head_from_second: 4x4, RAS mm, from the FLAIR's world to where `head.fractions` is to be asked.
    """

    first_to_second: np.ndarray
    head_from_second: np.ndarray
    labels: dict[int, str]
    cavity_centre: tuple[float, float, float]
    head: Head


@dataclass(frozen=True)
class SampleCase:
    """ADC (`first`), FLAIR (`second`), tumour segmentation on the FLAIR's grid, and what is true about them."""

    first: Volume
    second: Volume
    segmentation: Volume
    truth: Truth


def sample_case(seed: int = 0) -> SampleCase:
    """The demo case, about two seconds to make.

    ADC: int16, 1e-6 mm2/s, (k, j, i) = 40 x 112 x 112, 4 x 2 x 2 mm, oblique. FLAIR: int16, 46 x 256 x 240, 3 x 0.9 x 0.9 mm, slightly
    oblique, left-handed. Segmentation: uint8 on the FLAIR's grid, see `LABELS`. Between the scans the head moved by 2.1 mm and 2 degrees.
    """
    first_shape, second_shape = (40, 112, 112), (46, 256, 240)
    middle = np.array([3.0, -14.0, 21.0])
    flair = _affine(second_shape, (0.9, 0.9, 3.0), _rotation(-4.0, 1.0, 2.0) @ np.diag([-1.0, 1.0, 1.0]), middle + [0.0, 0.0, 2.0])
    adc = _affine(first_shape, (2.0, 2.0, 4.0), _rotation(9.0, -2.0, 1.5) @ np.diag([-1.0, -1.0, 1.0]), middle + [1.0, -3.0, -1.0])
    return _case(seed, (first_shape, adc), (second_shape, flair), _motion(middle), middle)


def small_case(shape: tuple[int, int, int] = (24, 64, 60), seed: int = 0) -> SampleCase:
    """The same head in a few coarse voxels, for fast tests: all three volumes on one grid, nothing moved.

    shape: (k, j, i). The voxels are as large as it takes to hold the head: about 3.4 x 3.4 x 6 mm with the shape that is preset.
    """
    spacing = [2 * half / count for half, count in zip(HEAD_HALF_SIZE, shape[::-1])]
    affine = _affine(shape, spacing, np.diag([-1.0, -1.0, 1.0]), np.zeros(3))
    return _case(seed, (shape, affine), (shape, affine), np.eye(4), np.zeros(3))


def write_sample_case(folder: Path, seed: int = 0) -> SampleCase:
    """Writes adc.nii.gz, flair.nii.gz and segmentation.nii.gz into a folder, which is made if it is not there."""
    from FusionINNLib.volumes.io import write_nifti  # here, so that making a case needs no file format

    case = sample_case(seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for volume, name in ((case.first, "adc"), (case.second, "flair"), (case.segmentation, "segmentation")):
        write_nifti(volume, folder / f"{name}.nii.gz")
    return case


def _case(seed: int, first_grid: Grid, second_grid: Grid, first_to_second: np.ndarray, middle: np.ndarray) -> SampleCase:
    """middle is where the head's origin lies in the FLAIR's world (RAS mm)."""
    head, random = Head(seed), np.random.default_rng([seed, 2])
    head_from_second = np.eye(4)
    head_from_second[:3, 3] = -middle
    diffusion = _scan(head, *first_grid, head_from_second @ first_to_second, _diffusion_signals)
    flair = _scan(head, *second_grid, head_from_second, _flair_signal_and_labels)
    adc = _measure_adc(diffusion[0], diffusion[1], random)
    signal = _measure_flair(flair[0], random)
    x, y, z = (float(v) for v in middle + CAVITY_CENTRE)
    truth = Truth(first_to_second, head_from_second, dict(LABELS), (x, y, z), head)
    return SampleCase(first=Volume(adc, first_grid[1], "adc", unit=ADC_UNIT), second=Volume(signal, second_grid[1], "flair"),
                      segmentation=Volume(flair[1].astype(np.uint8), second_grid[1], "segmentation"), truth=truth)


def _scan(head: Head, shape: Shape, affine: np.ndarray, to_head: np.ndarray,
          look: Callable[[np.ndarray], list[np.ndarray]]) -> list[np.ndarray]:
    """Volumes (k, j, i) of whatever `look` sees in the tissue of each voxel, which is averaged across the slice's thickness."""
    affine = to_head @ affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    j, i = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    flat = np.stack([i.ravel(), j.ravel(), np.zeros(i.size)], axis=1) @ affine[:3, :3].T + affine[:3, 3]
    slices: list[list[np.ndarray]] = []
    for k in range(shape[0]):
        below, above = (head.fractions(flat + (k + part) * affine[:3, 2], edge_mm=1.2 * spacing[:2].mean()) for part in (-0.25, 0.25))
        seen = (below + above) / 2
        slices.append([volume.reshape(shape[1:]) for volume in look(seen)])
    return [np.stack(volumes) for volumes in zip(*slices)]


def _diffusion_signals(seen: np.ndarray) -> list[np.ndarray]:
    """Signals without and with diffusion weighting. They mix linearly in a voxel; the ADC computed from them does not."""
    plain = _LOOK_TABLE[:, 1]
    weighted = plain * np.exp(-_DIFFUSION_WEIGHT * 1e-6 * _LOOK_TABLE[:, 2])
    return [plain @ seen, weighted @ seen]


def _flair_signal_and_labels(seen: np.ndarray) -> list[np.ndarray]:
    labels = np.zeros(seen.shape[1], np.uint8)
    tumour = sum((seen[tissue] for tissue in _LABEL_OF), np.zeros_like(seen[0]))
    strongest = np.stack([seen[tissue] for tissue in _LABEL_OF]).argmax(axis=0)
    inside = tumour > 0.5
    labels[inside] = np.array(list(_LABEL_OF.values()), np.uint8)[strongest[inside]]
    return [_LOOK_TABLE[:, 0] @ seen, labels]


def _measure_adc(plain: np.ndarray, weighted: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The ADC that a scanner computes from two noisy images, int16 in 1e-6 mm2/s, 0 where there is too little signal to tell."""
    bias = _bias(plain.shape, random, 0.2)
    plain, weighted = (_rician(signal * bias, 9.0, random) for signal in (plain, weighted))
    adc = np.log(np.maximum(plain, 1.0) / np.maximum(weighted, 1.0)) / _DIFFUSION_WEIGHT * 1e6
    return np.where(plain > 60.0, np.clip(adc, 0, 4000), 0).round().astype(np.int16)


def _measure_flair(signal: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return _rician(signal * _bias(signal.shape, random, 0.22), 13.0, random).round().astype(np.int16)


def _bias(shape: tuple[int, ...], random: np.random.Generator, strength: float) -> np.ndarray:
    """A smooth gain around 1, as of receive coils: a few slow waves across the field of view. float32 (k, j, i)."""
    gain = np.ones(shape, np.float32)
    for axis, count in enumerate(shape):
        turns, phase = random.uniform(0.3, 0.7), random.uniform(0, 2 * np.pi)
        wave = 1 + strength * np.cos(2 * np.pi * turns * np.linspace(-0.5, 0.5, count) + phase) / 2
        gain *= wave.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return gain


def _rician(signal: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    """The magnitude of a complex signal with normal noise in both parts."""
    real = signal + noise * random.standard_normal(signal.shape, np.float32)
    imaginary = noise * random.standard_normal(signal.shape, np.float32)
    return np.sqrt(real * real + imaginary * imaginary)


def _affine(shape: Shape, spacing: Sequence[float], direction: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The 4x4 (i, j, k) to RAS mm of a grid whose middle voxel lies at a point. shape: (k, j, i); spacing: (i, j, k) mm."""
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(spacing)
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return affine


def _rotation(around_x: float, around_y: float, around_z: float) -> np.ndarray:
    """3x3 rotation, degrees."""
    rotation = np.eye(3)
    for axis, degrees in enumerate((around_x, around_y, around_z)):
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = cosine, -sine, sine, cosine
        rotation = turn @ rotation
    return rotation


def _motion(centre: np.ndarray) -> np.ndarray:
    """The head's movement between the scans: 2 degrees about a slanting axis through a point, and a shift of 2.1 mm."""
    motion = np.eye(4)
    motion[:3, :3] = _rotation(1.2, -0.6, 1.5)
    motion[:3, 3] = centre - motion[:3, :3] @ centre + [1.4, -1.0, 1.2]
    return motion
