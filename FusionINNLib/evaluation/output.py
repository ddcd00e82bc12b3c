"""The values of `fusioninn evaluate` as a table for reading, as JSON, and as CSV."""
import csv
import io
import json
import math

from FusionINNLib.evaluation.inputs import ROLES, Comparison
from FusionINNLib.metrics import MASKED_KEYS, WHOLE_KEYS, VolumeMetrics
from FusionINNLib.metrics.definitions import WORDS
from FusionINNLib.results.recipe import NOTICE

IN_THE_TABLE = ("q_ssim", "q_fmi", "q_ncie", "q_xy", "q_p")
CENTRE = tuple(key for key in WHOLE_KEYS if key.endswith("_centre"))


def as_json(comparison: Comparison, metrics: VolumeMetrics) -> str:
    """Names, scales and notes; `volume`: the means; `slices`: the values of each; `left_out`: slices with the reason. NaN is null."""
    slices = [{"slice": k, **_finite(values)} for k, values in metrics.slices.items()]
    left_out = [{"slice": k, "reason": reason} for k, reason in metrics.left_out.items()]
    return json.dumps({**comparison.names, "scales": comparison.scales, "notes": list(comparison.notes), "volume": _finite(metrics.volume),
                       "slices": slices, "left_out": left_out}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(comparison: Comparison, metrics: VolumeMetrics) -> str:
    """One line for the volume, then one for each slice; the last column says why a slice was left out. Undefined values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["slice", *metrics.volume, "left_out"], lineterminator="\n")
    writer.writeheader()
    writer.writerow({"slice": "volume", **_finite(metrics.volume)})
    for k in range(len(comparison.images[0])):
        writer.writerow({"slice": k, **(_finite(metrics.slices[k]) if k in metrics.slices else {"left_out": metrics.left_out[k]})})
    return text.getvalue()


def as_text(comparison: Comparison, metrics: VolumeMetrics) -> str:
    """The table: each value of the whole with its definition, then the published metrics slice by slice."""
    names, (count, rows, columns) = comparison.names, comparison.images[0].shape
    over = "" if comparison.is_picture else f", mean over the {len(metrics.slices)} measured of {count} slices"
    lines = [f"{names['fused']} as a fusion of {names['first']} and {names['second']}, {columns} x {rows} pixels{over}."]
    lines += [f"  {role}: {comparison.scales[role]}" for role in ROLES]
    lines += ["", "Whole image, background included"]
    lines += [_line(key, metrics.volume) for key in WHOLE_KEYS if key not in CENTRE]
    lines += ["", "Centre of the image only: not comparable with the above"]
    lines += [_line(key, metrics.volume) for key in CENTRE]
    if comparison.mask is not None:
        counted = "" if comparison.is_picture else "; slices count by their pixels in the mask"
        lines += ["", f"Inside the mask {names['mask']}{counted}"] + [_line(key, metrics.volume) for key in MASKED_KEYS]
    if not comparison.is_picture:
        lines += ["", *_slice_table(metrics, comparison.mask is not None), *_left_out(metrics)]
    return "\n".join([*lines, "", NOTICE]) + "\n"


def _line(key: str, values: dict[str, float]) -> str:
    return f"  {key:<14}{_number(values[key]):>9}   {WORDS[key]}"


def _slice_table(metrics: VolumeMetrics, masked: bool) -> list[str]:
    keys = [*IN_THE_TABLE, *(MASKED_KEYS if masked else ())]
    lines = ["Slice by slice, counted from 0 (all values: --json or --csv)", "  slice" + "".join(f"{key:>{_width(key)}}" for key in keys)]
    return lines + [f"  {k:>5}" + "".join(f"{_number(values[key]):>{_width(key)}}" for key in keys) for k, values in metrics.slices.items()]


def _left_out(metrics: VolumeMetrics) -> list[str]:
    """The slices that were not measured, those with one reason together."""
    by_reason: dict[str, list[int]] = {}
    for k, reason in metrics.left_out.items():
        by_reason.setdefault(reason, []).append(k)
    lines = [f"  {_ranges(slices)}: {reason}" for reason, slices in by_reason.items()]
    return ["", f"{len(metrics.left_out)} slice{'s' if len(metrics.left_out) > 1 else ''} left out", *lines] if lines else []


def _ranges(numbers: list[int]) -> str:
    """Ascending numbers as "0-11, 14"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def _width(key: str) -> int:
    return max(9, len(key) + 2)


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
