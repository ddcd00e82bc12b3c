"""Where the digits of a fused image are lost: the best mixture of what was decomposed and what is seen, with a spread that is right.

The sketches in the record measure the error of any image that is offered for a source (`sketch.py`). From slices near by they are taken
together, because what happened to one slice mostly happened to its neighbours.
"""
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from FusionINNLib.methods.fusioninn.latent_sampling import Way
from FusionINNLib.methods.fusioninn.sketch import projections
from FusionINNLib.methods.fusioninn.written_scale import READABLE, SHADE

NEIGHBOURS = 3  # slices on each side that a slice is judged with
LARGEST_WEIGHT = 4.0  # smoothing takes amplitude from what is hidden, which is given back up to this
WORTH = 0.97  # a weight other than 1 must bring the mean square error below this part of what it is with 1
BARELY = 0.55  # part of the mean square error of the fused image itself above which what is decomposed counts for nothing
SMALLEST = 0.01  # part of their mean square to which deviations shrink at most
FINE, WORSE = 0.07, 16.5  # step over cell up to which the draws are as wide as the error; how fast they fall short beyond it
LEAST, LEAST_IN_STEPS = 0.005, 0.015  # errors on the nominal scale that are no sign of a change, of floats and of integers
UNSURE = 2.5  # mean square error over the expected one from which the spread of a slice with digits is corrected
CHANGED = 12.0  # the same from which it is no slice that was written
ROUNDED = 5.5  # the same, of most slices, up to which storing in integers explains it


@dataclass
class SliceBelief:
    """An estimated slice on the nominal scale, before and after it is held against its sketch.

    mean, deviation: (2, J, I), of the draws; deviation as it would be reported without a sketch. seen: (J, I), the fused image less its
    background. lost: bool (J, I), where digits are lost. unsure: (J, I), how an error that the draws do not show is distributed, as a
    variance in any unit. truth, guessed, shown: (2, n) projections of the sources, `mean` and `seen`, with the signs of slice `number`.
    least: the error that is expected at least.
    """

    mean: np.ndarray
    deviation: np.ndarray
    seen: np.ndarray
    lost: np.ndarray
    unsure: np.ndarray
    truth: np.ndarray
    guessed: np.ndarray
    shown: np.ndarray
    number: int
    least: float

    def projected(self, images: np.ndarray) -> np.ndarray:
        """As many projections (n, number) of images (n, J, I) as there are of the truth."""
        return projections(images, self.number, self.truth.shape[1])

    def show(self, n: int, image: np.ndarray) -> None:
        """Believe this image (J, I) of source n instead, where digits are lost."""
        self.mean[n] = np.where(self.lost, image, self.mean[n])
        self.guessed[n] = self.projected(self.mean[n][None])[0]

    @cached_property
    def misfit(self) -> np.ndarray:
        """Mean square error over the expected one, for each source (2,), as it was first believed."""
        expected = (self.deviation.astype(np.float64) ** 2).mean((1, 2))
        return ((self.truth - self.guessed) ** 2).mean(1) / np.maximum(expected, self.least ** 2)


def believed(index: tuple, mean: np.ndarray, spread: np.ndarray, seen: np.ndarray, way: Way, sketch: np.ndarray,
             number: int, cell: float) -> SliceBelief:
    """What is believed of the slice at this index of means and spreads (2, K, J, I), which stay those very voxels; seen is (J, I)."""
    k, rows, columns = index
    part, deviation = mean[:, k, rows, columns], spread[:, k, rows, columns]
    lost = np.broadcast_to(way.places, seen.shape) if way.lost else np.ones(seen.shape, bool)
    unsure = ((lost & _head(seen)) * way.near).astype(np.float32)
    if way.step and not way.lost:
        deviation *= 1 + WORSE * max(0.0, way.step / cell - FINE) ** 2
        unsure *= (_near_black(seen) + (way.step / cell / READABLE) ** 2).astype(np.float32)
    guessed, shown = (projections(images, number, sketch.shape[1]) for images in (part, seen[None]))
    return SliceBelief(part, deviation, seen, lost, unsure, sketch, guessed, np.repeat(shown, 2, 0), number,
                       LEAST_IN_STEPS if way.step else LEAST)


def near_black_alone(belief: SliceBelief) -> SliceBelief:
    """The same, where nothing tells of a change but a checksum: an offset that was undone took digits near black, below what float32 keeps
    beside it. Half of the error is then within the head, half outside of it, by the distance to its edge (three training patients)."""
    shown = np.abs(belief.seen) > SHADE
    apart = np.asarray(ndimage.distance_transform_edt(shown)) + np.asarray(ndimage.distance_transform_edt(~shown))
    return replace(belief, unsure=np.exp(-apart / 2).astype(np.float32))


def _head(seen: np.ndarray) -> np.ndarray:
    """Where a fused image (J, I) shows the head, with its holes."""
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_opening(np.abs(seen) > 2 * SHADE)))


def _near_black(seen: np.ndarray) -> np.ndarray:
    """Variance (J, I), in a unit of its own, of what integers lose near black: digits that coring put where only float32 keeps them.
    Measured on training patients in 16 bit, by the distance to the nearest black voxel."""
    return np.exp(-np.asarray(ndimage.distance_transform_edt(np.abs(seen) > SHADE)) / 2)


def settle(beliefs: dict[int, SliceBelief]) -> list[int]:
    """Correct, in place, the means and deviations of slices (index -> belief) some of whose digits are lost.

    Returns the slices of which nothing hidden was of use: both means show what is seen.
    """
    weighed = {k: _weights(_near(k, beliefs)) for k in beliefs}
    for k, (weights, parts) in weighed.items():
        belief = beliefs[k]
        for n in range(2):
            if parts[n] > BARELY:
                belief.show(n, belief.seen)
            elif weights[n] != 1:
                belief.show(n, belief.seen + np.float32(weights[n]) * (belief.mean[n] - belief.seen))
    errors = {k: _errors(_near(k, beliefs)) for k in beliefs}
    for k, belief in beliefs.items():
        for n in range(2):
            _rescale(belief, n, errors[k][n])
    return [k for k, (_, parts) in weighed.items() if parts.min() > BARELY]


def _near(k: int, beliefs: dict[int, SliceBelief]) -> list[SliceBelief]:
    """The slices that k is judged with: itself, and neighbours whose errors are alike."""
    own = max(beliefs[k].misfit.mean(), 1e-12)
    return [beliefs[n] for n in range(k - NEIGHBOURS, k + NEIGHBOURS + 1) if n in beliefs and 1 / 3 < beliefs[n].misfit.mean() / own < 3]


def _weights(some: list[SliceBelief]) -> tuple[np.ndarray, np.ndarray]:
    """(2,) by which the difference of what was decomposed to what is seen comes nearest to the truth, 1 where that is no clear gain; and
    (2,) the error that is left then, as a part of that of what is seen. Slices with changes in places alone are left as they are."""
    steps, wanted = (np.concatenate([getattr(one, name) - one.shown for one in some], 1) for name in ("guessed", "truth"))
    if not all(one.lost.all() for one in some):
        return np.ones(2), np.zeros(2)
    weight = np.clip((steps * wanted).sum(1) / np.maximum((steps ** 2).sum(1), 1e-12), 0.0, LARGEST_WEIGHT)
    without, before, after = (((wanted - w[:, None] * steps) ** 2).sum(1) for w in (np.zeros(2), np.ones(2), weight))
    return np.where(after < WORTH * before, weight, 1.0), after / np.maximum(without, 1e-12)


def _errors(some: list[SliceBelief]) -> np.ndarray:
    """(2,) mean square errors over boxes."""
    return (np.concatenate([one.truth - one.guessed for one in some], 1) ** 2).mean(1)


def _rescale(belief: SliceBelief, n: int, error: float) -> None:
    """Bring the deviations of a source to a mean square error over the box: smaller by a factor, larger by what is missing."""
    variance = belief.deviation[n].astype(np.float64) ** 2
    missing = error * variance.size - variance.sum()
    if missing < 0:
        factor = max(error / variance.mean(), SMALLEST)
        belief.deviation[n] = np.where(belief.lost, np.sqrt(variance * factor), belief.deviation[n])
    elif belief.unsure.any():
        belief.deviation[n] = np.sqrt(variance + belief.unsure * (missing / belief.unsure.sum()))
