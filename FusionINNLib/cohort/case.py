"""One case of a cohort, what is to be done with all of them, and the key that says whether it has been done."""
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from FusionINNLib import __version__


@dataclass(frozen=True)
class Case:
    """A pair of volumes.

    name: tells it from the others, such as sub-01_ses-1. folder: of its results, below that of the cohort.
    names: for BIDS, what files that `fuse` and `decompose` write are to be called here: own name -> BIDS name.
    sources: for BIDS, paths of the inputs within the data set.
    """

    name: str
    first: Path
    second: Path
    segmentation: Path | None
    folder: str
    names: tuple[tuple[str, str], ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What is done with every case. Equal settings, equal results, whatever the machine and the number of workers."""

    method: str
    model: str | None
    device: str
    align: str
    reference: str
    exact: bool
    estimate: bool
    samples: int
    seed: int
    report: bool
    metrics: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a case: "done", "kept" (it had been done) or "failed" with a sentence that says why."""

    case: str
    state: str
    sentence: str = ""
    seconds: float = 0.0
    peak_mib: float = 0.0


def key(case: Case, settings: Settings, checksums: tuple[str, ...], fingerprint: str) -> str:
    """Changes when an input, the model, a setting or a name of a result does.

    Args:
        checksums: SHA-256 of the inputs. fingerprint: of the model's weights and settings.
    """
    chosen = {name: value for name, value in asdict(settings).items() if name not in ("device", "model")}
    content = json.dumps([__version__, chosen, checksums, fingerprint, case.names], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
