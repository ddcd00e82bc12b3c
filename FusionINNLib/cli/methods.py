"""What `fusioninn methods` does: the fusion methods there are, what each can do, and whether it can be used here."""
import argparse
import dataclasses
import json

from FusionINNLib.cli.terminal import put
from FusionINNLib.errors import ModelError
from FusionINNLib.methods import cost, registry
from FusionINNLib.methods.registry import Lacking


def methods(options: argparse.Namespace) -> None:
    """fusioninn methods [--json]"""
    rows = [_row(name) for name in registry.names()]
    put(json.dumps(rows, indent=1) + "\n" if options.json else _table(rows))


def _row(name: str) -> dict:
    """All that is known of a method, JSON-ready. `lacking` is None where it can be used."""
    info, state = registry.info(name), registry.state(name)
    return {"name": name, "title": info.title, "summary": info.summary, "citation": info.citation, "doi": info.doi, "terms": info.terms,
            "capabilities": dataclasses.asdict(info.capabilities), "models": registry.models_of(name),
            "settings": [dataclasses.asdict(setting) for setting in info.settings],
            "cost": dataclasses.asdict(info.cost) if info.cost else None, "time": _time(name),
            "lacking": f"{state.what}: {state.remedy}" if isinstance(state, Lacking) else None}


def _time(name: str) -> str:
    """What it takes to fuse `cost.TYPICAL_KJI`, "" where that is not known."""
    try:
        seconds = registry.seconds_of(name, cost.TYPICAL_KJI)
    except ModelError:  # its weights are not here
        return ""
    return "" if seconds is None else cost.in_words(seconds)


def _table(rows: list[dict]) -> str:
    """A line a method, columns as wide as their longest entry."""
    lines = [("method", "way back", "looks at", "colour", "time", "models", "here")]
    lines += [(row["name"], _way_back(row["capabilities"]), f"{row['capabilities']['dims']}-D", "yes"
               if row["capabilities"]["color"] else "-", row["time"] or "-",
               ", ".join(row["models"]) or "-", row["lacking"] or "ready") for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in lines)
    time = f"time: of {cost.size(cost.TYPICAL_KJI)} voxels, on one core of a processor"
    return f"{text}\n\n{time}\n\n" + "\n".join(f"{row['title']}: {row['summary']} {row['citation']}." for row in rows) + "\n"


def _way_back(can: dict) -> str:
    return ", ".join(way for way, has in (("exact", can["exact"]), ("estimated", can["estimate"])) if has) or "-"
