"""Tables and numbers as Markdown, the same for every page that `training` writes."""
import math


def table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    return _table(header, ["---"] + ["---:"] * (len(header) - 1), lines)


def text_table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table whose columns are all text."""
    return _table(header, ["---"] * len(header), lines)


def _table(header: list[str], alignment: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, alignment, *lines])


def number(value: float | None, form: str = ".3f") -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else format(value, form)


def listing(words: list[str]) -> str:
    """a, b and c"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def what_was_skipped(skipped: dict[str, str]) -> str:
    """A list of name -> reason, or that there is none."""
    lines = [f"- {name}: {reason}" for name, reason in skipped.items()]
    return "\n".join([f"Skipped, {len(lines)} in all:", "", *lines]) if lines else "Nothing was skipped."
