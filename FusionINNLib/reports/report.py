"""The report pages of the three results: which columns they show. They draw what they are given and compute no network.

For how a page is made see reports/columns.py and reports/page.py; `page.save` writes one.
"""
from dataclasses import replace

import numpy as np
from PIL import Image

from FusionINNLib.methods import registry
from FusionINNLib.reports.columns import described, difference_column, image_column, spread_window, window
from FusionINNLib.reports.page import ESTIMATED, EXACT, Panel, choose_slices, compose
from FusionINNLib.results.color import FusedColor
from FusionINNLib.results.estimate_images import CYCLE, ESTIMATE_IMAGES, EXACT_IMAGES, SPREAD, DecomposedImage
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.records import Estimate, Fusion, Preview
from FusionINNLib.volumes.volume import Volume


def slices_to_show(fusion: Fusion, segmentation: Volume | None) -> list[int]:
    """The slices of a fusion with most segmentation or structure, through-plane."""
    return choose_slices(None if segmentation is None else segmentation.array, fusion.second.array, fusion.recipe.axis)


def fusion_report(fusion: Fusion, segmentation: Volume | None, preview: Preview, color: FusedColor | None = None) -> Image.Image:
    """First, second, fused, and where there is a way back both decompositions and what the estimate misses.

    Args:
        preview: both ways back on the slices that the page shows, see `pipeline.preview`.
        color: the source in colour and the fused image are shown in it.
    """
    axis, slices = fusion.recipe.axis, preview.slices
    spans = [window(source, axis, segmentation) for source in (fusion.first, fusion.second)]
    columns = [image_column(f"{word} source\n{described(source)}", source, span, axis)
               for word, source, span in zip(("First", "Second"), (fusion.first, fusion.second), spans)]
    columns.append(image_column("Fused\nno unit", fusion.fused, window(fusion.fused, axis, segmentation), axis))
    header = [f"FusionINN: {fusion.first.name} and {fusion.second.name} fused", _made_by(fusion.recipe)]
    if preview.exact is not None:
        columns += _decomposed("Decomposed", EXACT, preview.exact, fusion, slices, spans)
        header[1] += f"   {_exactness(fusion, preview.exact, slices)}"
    if preview.estimate is not None:
        guess = (preview.estimate.first, preview.estimate.second)
        columns += _decomposed("Estimated", ESTIMATED, guess, fusion, slices, spans)
        columns += [_difference(f"Estimated - {word} source\n{described(source)}", few, source, span, axis, slices)
                    for word, few, source, span in zip(("first", "second"), guess, (fusion.first, fusion.second), spans)]
        header[1] += f"   estimates: mean of {preview.samples} latents" if preview.samples else ""
    if color is not None:
        columns = _colored(columns, fusion, color)
    outline = None if segmentation is None else segmentation.array
    return compose(columns, fusion.fused.affine, slices, axis, outline, "\n".join(header), count=fusion.recipe.shape[axis],
                   names=segmentation.segments if segmentation is not None else None)


def _colored(columns: list[Panel], fusion: Fusion, color: FusedColor) -> list[Panel]:
    """The source in colour, wherever it is shown or came back, and the fused image in its colours; grey levels from 0 to 255."""
    place = ("first", "second").index(color.role)
    ends = fusion.recipe.sources[place].normalization(0).apply(np.array([0, 255], np.uint8))

    def shown(n: int, panel: Panel) -> Panel:
        """First, second, fused; then pairs of first and second, and differences, which stay as they are."""
        is_source = panel.kind == "image" and (n == place or n > 2 and (n - 3) % 2 == place)
        window = (0.0, 255.0) if is_source else (float(ends[0]), float(ends[1]))
        return replace(panel, window=window, chroma=color.chroma) if is_source or n == 2 else panel

    return [shown(n, panel) for n, panel in enumerate(columns)]


def exact_report(fused: Volume, sources: tuple[Volume, Volume], recipe: Recipe) -> Image.Image:
    """Fused image and both sources as they came back."""
    axis = recipe.axis
    slices = choose_slices(None, fused.array, axis)
    panels = [image_column("Fused\nno unit", fused, window(fused, axis), axis)]
    panels += [image_column(f"{image.column}\n{volume.unit or 'no unit'}", volume, window(volume, axis), axis, EXACT)
               for image, volume in zip(EXACT_IMAGES, sources)]
    header = f"FusionINN: exact decomposition with the saved latent\n{_made_by(recipe)}"
    return compose(panels, fused.affine, slices, axis, None, header, count=recipe.shape[axis])


def estimate_report(fused: Volume, result: Estimate, recipe: Recipe) -> Image.Image:
    """Fused image, both estimates, their spreads and the cycle error: every picture of an estimate says that it is one."""
    axis = recipe.axis
    slices = choose_slices(None, fused.array, axis)
    panels = [image_column("Fused\nno unit", fused, window(fused, axis), axis)]
    panels += [_estimate_column(image, getattr(result, image.field), slices, axis) for image in ESTIMATE_IMAGES]
    said = ["FusionINN: sources ESTIMATED from the fused image alone", result.trust.sentence, _made_by(recipe), *result.warnings]
    header = "\n".join(said)
    return compose(panels, fused.affine, slices, axis, None, header, count=recipe.shape[axis])


def _estimate_column(image: DecomposedImage, volume: Volume, slices: list[int], axis: int) -> Panel:
    title = f"{image.column}\n{volume.unit or 'no unit'}"
    if image.kind is not CYCLE:
        span = spread_window(volume, axis) if image.kind is SPREAD else window(volume, axis)
        return image_column(title, volume, span, axis, ESTIMATED)
    half_width = float(np.percentile(np.abs(np.take(volume.array, slices, axis)), 99.9)) or 1e-3
    return Panel(title, volume.array, (-half_width, half_width), "difference", ESTIMATED)


def _made_by(recipe: Recipe) -> str:
    return f"model {recipe.model}" if recipe.model else f"method {registry.info(recipe.method).title}"


def _slices(volume: Volume, slices: list[int], axis: int) -> Volume:
    return replace(volume, array=np.take(volume.array, slices, axis))


def _decomposed(word: str, badge: str, back: tuple[Volume, Volume], fusion: Fusion, slices: list[int], spans) -> list[Panel]:
    """Columns of both sources as they came back on these slices alone."""
    sources = (fusion.first, fusion.second)
    return [Panel(f"{word} {role}\n{described(source)}", _spread_out(few, slices, fusion.recipe.axis), span, badge=badge)
            for role, few, source, span in zip(("first", "second"), back, sources, spans)]


def _spread_out(few: Volume, slices: list[int], axis: int):
    """A function that gives slice n of the physical values of a volume that holds only some slices."""
    values = np.moveaxis(few.values, axis, 0)
    return lambda index: values[slices.index(index)]


def _difference(title: str, few: Volume, source: Volume, span, axis: int, slices: list[int]) -> Panel:
    physical = Volume(few.values, source.affine, source.name)
    column = difference_column(title, physical, _slices(source, slices, axis), span, axis, range(len(slices)), ESTIMATED)
    cut = column.data
    assert callable(cut)  # a difference is taken slice by slice
    return replace(column, data=lambda index: cut(slices.index(index)))


def _exactness(fusion: Fusion, exact: tuple[Volume, Volume], slices: list[int]) -> str:
    """What the exact way back gave on the slices shown, measured."""
    axis, worst = fusion.recipe.axis, 0.0
    for source, back in zip((fusion.first, fusion.second), exact):
        there, here = _slices(source, slices, axis).values.astype(np.float64), back.values
        finite = np.isfinite(there)
        if finite.any():
            worst = max(worst, float(np.abs(here[finite] - there[finite]).max() / max(np.ptp(there[finite]), 1e-30)))
    return "exact: identical in every voxel shown" if worst == 0 else f"exact: to {worst:.0e} of the range"
