"""Table 2 as a page for people, as tables for programs, and in pictures."""
import csv
import io
import json
from dataclasses import asdict
from pathlib import Path

from FusionINNLib import __version__
from FusionINNLib.results.recipe import NOTICE
from training.ablation import pictures
from training.ablation.measure import FIGURES
from training.ablation.results import AblationResults, RowResult, Training
from training.ablation.text import PUBLISHED_VALUES, SOURCE, TRENDS, definitions, finding_of
from training.ablation.variants import GROUPS, PUBLISHED, family, value_of
from training.markdown import number, table, text_table, what_was_skipped

QUICK = "> **Quick run**: networks trained for a few steps. It shows that everything works; no number in it means anything."
WORDS = {"ablation_settings.png": "Q_SSIM of fused image (dashed) and estimates (solid) by setting: ours in colour, published in grey.",
         "ablation_curves.png": "Validation loss of each row's best training by step, without what the inert latent loss adds; grey: the "
                                "last quarter.",
         "ablation_lambda.png": "What lambda does: multiple sclerosis patient 07 of Lesjak et al. 2017, CC BY 4.0, one slice: fused image, "
                                "estimates from it alone, and their errors."}
HEADER = ["fused, T1ce / FLAIR", "published", "estimate, T1ce / FLAIR", "published", "estimates by seed", "state"]


def page(results: AblationResults, command: str, shown: list[str]) -> str:
    """Markdown.

    Args:
        command: what gives this page again.
        shown: file names in `pictures/` beside the page.
    """
    parts = [_head(results, command), "## Trends", _trends(results)]
    for key, group in GROUPS.items():
        parts += [f"## {group.title[0].upper()}{group.title[1:]}", _family_table(results, key)]
    if results.swapped:
        parts += ["## Another latent in the test alone",
                  "The best training of the published row, taken apart with other latents than it was trained with.",
                  _swapped_table(results)]
    parts += [f"{WORDS[name]}\n\n![{name}](pictures/{name})" for name in shown]
    parts += ["## Definitions", definitions(results), _cases(results), what_was_skipped(results.skipped)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: AblationResults, command: str) -> str:
    return "\n".join(["# Ablation of the published network", "", *([QUICK, ""] if results.is_quick else []),
                      f"Written by `{command}`; no number here was edited by hand.", "", f"- FusionINN {__version__}", f"- {NOTICE}",
                      f"- Published: {SOURCE}"])


def _trends(results: AblationResults) -> str:
    lines = [[trend.claim, f"**{found.words}**", found.why] for trend in TRENDS for found in [finding_of(trend, results)]]
    return text_table(["the paper's table says", "here", "Q_SSIM of the estimates, mean of both"], lines)


def _family_table(results: AblationResults, group: str) -> str:
    lines = []
    for variant in family(group):
        value = value_of(variant, group)
        label = f"{value}" if isinstance(value, str) else f"{value:g}"
        label = f"{label} (the published setting)" if variant == PUBLISHED else label
        printed = PUBLISHED_VALUES[variant.key]
        row = results.rows.get(variant.key)
        lines.append([label, _pair(row, FIGURES[:2]), _numbers(printed[:2]), _pair(row, FIGURES[2:]), _numbers(printed[2:]),
                      _by_seed(row), row.best.convergence.words if row else "not trained"])
    return table([GROUPS[group].name, *HEADER], lines)


def _swapped_table(results: AblationResults) -> str:
    lines = [[prior, _numbers([figures[name] for name in FIGURES[2:]])] for prior, figures in results.swapped.items()]
    return table(["latent in the test", "estimate, T1ce / FLAIR"], lines)


def _pair(row: RowResult | None, names: tuple[str, ...]) -> str:
    return "–" if row is None else _numbers([row.best.mean(name) for name in names])


def _by_seed(row: RowResult | None) -> str:
    """Mean of both sources, the row's own first; in brackets where a source or the fused image was lost."""
    if row is None:
        return "–"
    values = {training.seed: number(training.estimate) for training in row.trainings}
    lost = {training.seed for training in row.trainings if not training.has_succeeded}
    order = sorted(values, key=lambda seed: seed != row.best.seed)
    return ", ".join(f"{seed}: ({values[seed]})" if seed in lost else f"{seed}: {values[seed]}" for seed in order)


def _numbers(values) -> str:
    return " / ".join(number(value) for value in values)


def _cases(results: AblationResults) -> str:
    return "Measured: " + ", ".join(f"`{name}` ({count} slices)" for name, count in results.slices.items()) + "."


# ---- for programs ------------------------------------------------------------------------------------------------------------------


def as_csv(results: AblationResults) -> str:
    """One line a training; `is_best` marks those that are the row's."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    printed = [f"published_{name}" for name in FIGURES]
    writer.writerow(["row", "k", "alpha", "lambda", "prior", "seed", "is_best", *FIGURES, *printed, "steps", "validation_loss",
                     "converged"])
    for key, row in results.rows.items():
        v = row.variant
        for one in row.trainings:
            writer.writerow([key, v.k, v.alpha, v.lam, v.prior, one.seed, one == row.best, *(f"{one.mean(name):.6f}" for name in FIGURES),
                             *PUBLISHED_VALUES[key], one.convergence.planned, f"{one.least_loss:.6f}", one.convergence.is_converged])
    return file.getvalue()


def as_json(results: AblationResults, command: str) -> str:
    """Everything, with the means of each patient and the trends."""
    rows = {key: {"settings": asdict(row.variant), "published": dict(zip(FIGURES, PUBLISHED_VALUES[key])), "best_seed": row.best.seed,
                  "trainings": {str(training.seed): _as_dict(training) for training in row.trainings}}
            for key, row in results.rows.items()}
    trends = {trend.claim: (found.words, found.why) for trend in TRENDS for found in [finding_of(trend, results)]}
    content = {"command": command, "quick": results.is_quick, "version": __version__, "schedule": results.schedule,
               "slices": results.slices, "rows": rows,
               "other_latents_in_the_test": results.swapped, "trends": trends, "skipped": results.skipped}
    return json.dumps(content, indent=1) + "\n"


def _as_dict(training: Training) -> dict:
    run = training.convergence
    return {"means_over_patients": {name: round(training.mean(name), 6) for name in FIGURES},
            "cases": {case: {name: round(value, 6) for name, value in figures.items()} for case, figures in training.cases.items()},
            "steps": list(run.steps), "validation_loss": [round(loss, 6) for loss in run.losses], "converged": run.is_converged}


def pictures_of(results: AblationResults, prepared: Path) -> dict[str, bytes]:
    """PNGs by name."""
    made = {"ablation_settings.png": pictures.settings(results), "ablation_curves.png": pictures.loss_curves(results),
            "ablation_lambda.png": pictures.lambda_page(results, prepared)}
    return {name: content for name, content in made.items() if content}
