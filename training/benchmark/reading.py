"""The reading of the benchmark in sentences, made from the numbers: no sentence here says what the tables do not."""
from training.benchmark.intervals import Outcome
from training.benchmark.methods import AVERAGE, DEFAULT, State
from training.benchmark.published import PROPOSED, SOURCE, VALUES
from training.benchmark.results import BenchmarkResults, SetResult
from training.benchmark.tables import MAIN, NAMES
from training.markdown import listing

MASKED = tuple(f"{metric}_masked" for metric in MAIN)


def reading(results: BenchmarkResults, found: SetResult) -> str:
    """Paragraphs on the set of the paper."""
    parts = [_against_average(found), _best(results, found), _paper(results, found), _published(results, found), _left_out(results),
             _doubt(found)]
    return "\n\n".join(parts)


def _against_average(found: SetResult) -> str:
    metrics: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
    for metric in (*MAIN, *MASKED):
        gap = found.against(DEFAULT, AVERAGE, metric).mean
        metrics[gap.outcome].append(f"{NAMES[metric]} ({gap.value:+.4f})")
    said = "; ".join(f"{outcome.value} in {listing(items)}" for outcome, items in metrics.items() if items)
    return f"**The default model against the plain average**, which needs no network: {said}."


def _best(results: BenchmarkResults, found: SetResult) -> str:
    lines = []
    for metric in (*MAIN, *MASKED):
        best = found.best(metric, results.ranked)
        gap = found.against(DEFAULT, best, metric).mean
        own = "the default model" if best == DEFAULT else results.method(best).title
        sure = "beyond doubt" if gap.outcome is Outcome.WORSE else "tied"
        behind = "" if best == DEFAULT else f", {-gap.value:.4f} ahead of the default model ({sure})"
        lines.append(f"{NAMES[metric]}: {own} at {found.mean(best, metric).value:.3f}{behind}")
    return "**The best of the ranking**, metric by metric: " + "; ".join(lines) + "."


def _paper(results: BenchmarkResults, found: SetResult) -> str:
    if PROPOSED not in results.measured:
        return "**The published network** was not trained here, so it is not in the ranking."
    gaps = [found.against(DEFAULT, PROPOSED, metric).mean for metric in MAIN]
    said = listing([f"{NAMES[metric]} {gap.value:+.4f} ({gap.outcome.value})" for metric, gap in zip(MAIN, gaps)])
    estimates = [found.mean(name, "estimate_1").value for name in (DEFAULT, PROPOSED)]
    state = "" if PROPOSED in results.ranked else ", which has not converged"
    return (f"**The default model minus the published network** as trained here{state}: {said}. The estimate of the first source from the "
            f"fused image alone has Q_SSIM {estimates[0]:.3f} with the default model and {estimates[1]:.3f} with the published one.")


def _published(results: BenchmarkResults, found: SetResult) -> str:
    ssim, xy = ([values[place] for values in VALUES.values()] for place in (0, 3))
    average, centre, whole = (found.mean(AVERAGE, metric).value for metric in ("q_ssim", "q_xy_centre", "q_xy"))
    ncie = [found.mean(name, "q_ncie").value for name in results.measured]
    return (f"**Beside the published table** ({SOURCE}), which has no plain average: ours reaches a Q_SSIM of {average:.3f}, and the "
            f"published methods lie between {min(ssim):.3f} and {max(ssim):.3f}. The published Q_XY ({min(xy):.3f} to {max(xy):.3f}) is "
            f"that of 9 pixels in the middle of a slice; there the plain average has {centre:.3f}, on the whole slice {whole:.3f}, where "
            f"flat background counts 0.987 a pixel. Q_NCIE lies between {min(ncie):.3f} and {max(ncie):.3f} for all methods measured here. "
            "The two tables are not interchangeable all the same: other patients, other slices, other training.")


def _left_out(results: BenchmarkResults) -> str:
    names = [method.title for method in results.methods if not method.is_ranked]
    shipped = [method.title for method in results.methods if method.state is State.SHIPPED]
    text = f"**Not in the ranking**: {listing(names)}" if names else "**All methods are in the ranking**"
    return f"{text}; see the table of costs for why. Ranked as shipped: {listing(shipped)}."


def _doubt(found: SetResult) -> str:
    count = len(found.cases)
    return (f"**How sure**: {count} patient{'s' if count > 1 else ''}. With so few the interval is close to the range of the patients, and "
            "\"better\" or \"worse\" says no more than that all of them agree. The default model's weights and settings were chosen by "
            "these very patients, and so were the best weights of the other networks trained here.")
