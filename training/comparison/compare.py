"""All methods that are ready here on all slabs; figures are kept in a folder of runs, so that an interrupted comparison goes on."""
import importlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from FusionINNLib import metrics
from FusionINNLib.errors import FusionINNError, InputError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import MethodInfo
from FusionINNLib.volumes.io import sha256
from training.cached import cached, checksum, source_checksum
from training.comparison.measure import CaseFigures, measure
from training.comparison.runs import fuse
from training.comparison.slabs import Slab, SlabSet, slab_sets

AVERAGE = "average"

Look = Callable[[SlabSet, Slab, dict[str, Path]], None]
"""Told of each slab with the folders of all its fusions, method -> folder, while they are there."""


@dataclass(frozen=True)
class Comparison:
    """cases: set -> method -> its cases. skipped: what was not measured -> why."""

    sets: tuple[SlabSet, ...]
    methods: tuple[MethodInfo, ...]
    cases: dict[str, dict[str, list[CaseFigures]]]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Request:
    """slices: of a slab. measured: of these, those that metrics are taken of. methods: names, none for all that are ready."""

    data: Path
    splits: Path
    runs: Path
    device: str
    slices: int
    measured: int
    methods: tuple[str, ...] = ()


def compare(request: Request, report: Callable[[str], None], look: Look) -> Comparison:
    """Raises InputError for unknown methods, and as `slab_sets`."""
    skipped: dict[str, str] = {}
    methods = _ready(request.methods, skipped)
    with tempfile.TemporaryDirectory(prefix="fusioninn-comparison-") as folder:
        sets = slab_sets(request.data, request.splits, Path(folder) / "slabs", request.slices)
        cases: dict[str, dict[str, list[CaseFigures]]] = {entry.key: {info.name: [] for info in methods} for entry in sets}
        for entry in sets:
            for slab in entry.slabs:
                fused: dict[str, Path] = {}
                for info in methods:
                    place = Path(folder) / "fused" / info.name
                    try:
                        found = _figures(info, entry, slab, place, request, report)
                    except FusionINNError as problem:
                        skipped[f"{info.title}, {entry.title}, {slab.name}"] = str(problem)
                        continue
                    cases[entry.key][info.name].append(found)
                    if entry.publishable:
                        if not place.exists():
                            fuse(slab, info.name, place, request.device)
                        fused[info.name] = place
                look(entry, slab, fused)
                shutil.rmtree(Path(folder) / "fused", ignore_errors=True)
    return Comparison(tuple(sets), methods, cases, skipped)


def _ready(names: tuple[str, ...], skipped: dict[str, str]) -> tuple[MethodInfo, ...]:
    """The average first, then the others in the order of the registry."""
    if unknown := set(names) - set(registry.names()):
        raise InputError(f"There is no method {sorted(unknown)[0]!r}: choose from {', '.join(registry.names())}.")
    found = []
    for name in sorted({AVERAGE, *names} if names else registry.names(), key=lambda name: (name != AVERAGE, registry.names().index(name))):
        state = registry.state(name)
        if isinstance(state, registry.Lacking):
            skipped[registry.info(name).title] = f"{state.what}; {state.remedy}"
        else:
            found.append(registry.info(name))
    return tuple(found)


def _figures(info: MethodInfo, entry: SlabSet, slab: Slab, place: Path, request: Request, report: Callable[[str], None]) -> CaseFigures:
    files = sorted({slab.first, slab.second, slab.second_grey})
    key = checksum([info.name.encode(), _code_of(info).encode(), registry.create(info.name).fingerprint.encode(),
                    f"{request.measured} {request.device}".encode(), *(sha256(path).encode() for path in files)])

    def compute() -> dict:
        report(f"{info.title}: {entry.title}, {slab.name}")
        return asdict(measure(slab, fuse(slab, info.name, place, request.device), request.measured))

    found = cached(request.runs / entry.key / info.name / f"{slab.name.replace(' ', '_')}.json", key, compute)
    return CaseFigures(found["name"], {int(k): values for k, values in found["slices"].items()}, found["count"], found["seconds"],
                       found["megabytes"])


def _code_of(info: MethodInfo) -> str:
    """Of the method, of the metrics and of the comparison itself: where it changed, figures are taken again."""
    module = importlib.import_module(info.target.split(":")[0])
    return source_checksum(*(path for made in (module, metrics) for path in Path(str(made.__file__)).parent.glob("*.py")),
                           *(Path(__file__).parent / name for name in ("measure.py", "runs.py", "slabs.py")))
