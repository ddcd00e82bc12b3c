"""The report pictures of the three results: which columns they show. For how they are made see reports/columns.py and reports/page.py."""
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib.pipeline import Estimate, Fusion, decompose, estimate
from FusionINNLib.reports.columns import described, difference_column, image_column, window
from FusionINNLib.reports.page import ESTIMATED, EXACT, Panel, choose_slices, compose, save
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.volumes.volume import Volume

SEED, SAMPLES = 0, 8  # of the estimates in the picture: those of `fusioninn decompose --estimate` as it is preset


def fusion_report(path: Path, fusion: Fusion, segmentation: Volume | None, device: str, model: str) -> None:
    """First, second, fused, both decompositions and what the estimate misses, on the slices with most segmentation or structure.

    Both ways back are computed for these slices alone, from the very numbers that are written.
    """
    recipe, axis = fusion.recipe, fusion.recipe.axis
    outline = None if segmentation is None else segmentation.array
    slices = choose_slices(outline, fusion.second.array, axis)
    some = [_slices(volume, slices, axis) for volume in (fusion.fused, fusion.latent)]
    exact = decompose(*some, recipe.of_slices(slices), model=model, device=device)
    guess = estimate(some[0], recipe.of_slices(slices), samples=SAMPLES, seed=SEED, numbers=slices, model=model, device=device)
    before, true, guessed, misses = [], [], [], []
    for word, source, back, belief in zip(("first", "second"), (fusion.first, fusion.second), exact, (guess.first, guess.second)):
        span, name = window(source, axis, segmentation), described(source)
        back, belief = _spread_out(back, slices, source, axis), _spread_out(belief, slices, source, axis)
        before.append(image_column(f"{word.capitalize()} source\n{name}", source, span, axis))
        true.append(Panel(f"Decomposed {word}\n{name}", back, span, badge=EXACT))
        guessed.append(Panel(f"Estimated {word}\n{name}", belief, span, badge=ESTIMATED))
        misses.append(_difference(f"Estimated - {word} source\n{name}", belief, source, span, axis, slices))
    middle = image_column("Fused\nno unit", fusion.fused, window(fusion.fused, axis, segmentation), axis)
    header = (f"FusionINN: {fusion.first.name} and {fusion.second.name} fused\nmodel {recipe.model}   "
              f"{_exactness(fusion, exact, slices)}   estimates: mean of {SAMPLES} latents")
    panels = [*before, middle, *true, *guessed, *misses]
    page = compose(panels, fusion.fused.affine, slices, axis, outline, header, count=recipe.shape[axis])
    save(page, path)


def exact_report(path: Path, fused: Volume, sources: tuple[Volume, Volume], recipe: Recipe) -> None:
    """Fused image and both sources as they came back."""
    axis = recipe.axis
    slices = choose_slices(None, fused.array, axis)
    panels = [image_column("Fused\nno unit", fused, window(fused, axis), axis)]
    panels += [image_column(f"Decomposed {word}\n{volume.unit or 'no unit'}", volume, window(volume, axis), axis, EXACT)
               for word, volume in zip(("first", "second"), sources)]
    header = f"FusionINN: exact decomposition with the saved latent\nmodel {recipe.model}"
    save(compose(panels, fused.affine, slices, axis, None, header, count=recipe.shape[axis]), path)


def estimate_report(path: Path, fused: Volume, result: Estimate, recipe: Recipe) -> None:
    """Fused image, both estimates, their spreads and the cycle error: every picture of an estimate says that it is one."""
    axis = recipe.axis
    slices = choose_slices(None, fused.array, axis)
    panels = [image_column("Fused\nno unit", fused, window(fused, axis), axis)]
    panels += [image_column(f"Estimated {word}\n{volume.unit or 'no unit'}", volume, window(volume, axis), axis, ESTIMATED)
               for word, volume in (("first", result.first), ("second", result.second))]
    panels += [image_column(f"Spread of {word}\n{volume.unit or 'no unit'}", volume, window(volume, axis), axis, ESTIMATED)
               for word, volume in (("first", result.first_spread), ("second", result.second_spread))]
    reach = float(np.percentile(np.abs(np.take(result.cycle_error.array, slices, axis)), 99.9)) or 1e-3
    panels.append(Panel("Fused again - fused\nno unit", result.cycle_error.array, (-reach, reach), "difference", ESTIMATED))
    header = "\n".join(["FusionINN: sources ESTIMATED from the fused image alone", f"model {recipe.model}", *result.warnings])
    save(compose(panels, fused.affine, slices, axis, None, header, count=recipe.shape[axis]), path)


def _slices(volume: Volume, slices: list[int], axis: int) -> Volume:
    return replace(volume, array=np.take(volume.array, slices, axis))


def _spread_out(few: Volume, slices: list[int], source: Volume, axis: int):
    """A function that gives slice n of the physical values of a volume that holds only some slices."""
    values = np.moveaxis(few.values, axis, 0)
    return lambda index: values[slices.index(index)]


def _difference(title: str, belief, source: Volume, span, axis: int, slices: list[int]) -> Panel:
    values = np.stack([belief(index) for index in slices])
    few = Volume(np.ascontiguousarray(np.moveaxis(values, 0, axis)), source.affine, source.name)
    column = difference_column(title, few, _slices(source, slices, axis), span, axis, range(len(slices)), ESTIMATED)
    return replace(column, data=lambda index: column.data(slices.index(index)))


def _exactness(fusion: Fusion, exact: tuple[Volume, Volume], slices: list[int]) -> str:
    """What the exact way back gave on the slices shown, measured."""
    axis, worst = fusion.recipe.axis, 0.0
    for source, back in zip((fusion.first, fusion.second), exact):
        there, here = _slices(source, slices, axis).values.astype(np.float64), back.values
        finite = np.isfinite(there)
        if finite.any():
            worst = max(worst, float(np.abs(here[finite] - there[finite]).max() / max(np.ptp(there[finite]), 1e-30)))
    return "exact: identical in every voxel shown" if worst == 0 else f"exact: to {worst:.0e} of the range"
