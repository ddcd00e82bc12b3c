"""What makes a folder of results a BIDS derivative data set: its description, sidecars, and what a validator is to pass over."""
import json
import os
from pathlib import Path

from FusionINNLib import __version__
from FusionINNLib.atomic import replacing
from FusionINNLib.cohort.case import Case
from FusionINNLib.json_text import parsed
from FusionINNLib.results.estimate_images import ESTIMATED_WORDS
from FusionINNLib.results.folder import rename_files

BIDS_VERSION = "1.9.0"
_IGNORED = ("fusion.json", "estimate.json", "metrics.json", "report.png", "thumbnail.png", "cohort.json", "metrics.tsv", "metrics.html",
            ".fusioninn")
_NOT_KNOWN_TO_VALIDATOR_1 = ("NOT_INCLUDED", "NO_VALID_DATA_FOUND_FOR_SUBJECT")
"""The validator of generation 1 knows no names of derivatives; that of today (bids-validator-deno) does, and reads no such file."""

_README = """Fused images and decompositions made by FusionINN. Research use only. Not for diagnosis.

desc-fused and desc-latent are what `fusioninn fuse` made of the two sources that the sidecars name; both together give them back:
`fusioninn decompose sub-<label>/anat --out back`. desc-exact are the sources taken out again, voxel by voxel. desc-estimated is a
computed guess from the fused image alone, and no scan; desc-spread and desc-cycleerror say how far to believe it. In each folder
report.png shows all of it, fusion.json says how it was made; cohort.json says what became of each case.
"""
_WORDS = {"fused": "Fused image of both sources", "latent": "Latent image: with the fused image it gives both sources back exactly",
          "exact": "Source taken out of fused and latent image again, exactly",
          "estimated": ESTIMATED_WORDS.removesuffix("."),
          "spread": "ESTIMATED: standard deviation, by the estimate's own account",
          "cycleerror": "ESTIMATED: the estimates fused again minus the fused image",
          "fusedcolor": "Fused image in the colours of the source that had some", "chroma": "What the colours of that source have beside "
          "their luminance, on the grid of the fused image", "exactcolor": "Source in colour, taken out again, exactly",
          "estimatedcolor": "ESTIMATED luminance in the colours of the source"}

_MADE_OF = {"exact": ("fused", "latent"), "exactcolor": ("fused", "latent", "chroma"), "estimated": ("fused",),
            "estimatedcolor": ("fused", "chroma"), "spread": ("fused",), "cycleerror": ("fused",)}
"""What is not made of the two sources themselves."""
_ESTIMATED = ("estimated", "estimatedcolor", "spread", "cycleerror")


def write_description(out: Path, dataset: Path) -> None:
    """Description and list of what to pass over, where they are not there."""
    link = os.path.relpath(dataset.resolve(), out.resolve())
    description = {"Name": "FusionINN: fused images and decompositions", "BIDSVersion": BIDS_VERSION, "DatasetType": "derivative",
                   "GeneratedBy": [{"Name": "FusionINN", "Version": __version__, "Description": "Research use only. Not for diagnosis."}],
                   "DatasetLinks": {"source": Path(link).as_posix()}}
    for name, text in (("dataset_description.json", json.dumps(description, indent=1) + "\n"),
                       (".bidsignore", "\n".join(_IGNORED) + "\n"),
                       (".bids-validator-config.json", json.dumps({"ignore": list(_NOT_KNOWN_TO_VALIDATOR_1)}) + "\n"),
                       ("README", _README)):
        if not (out / name).exists():
            with replacing(out / name) as file:
                file.write(text.encode())


def rename(folder: Path, case: Case) -> None:
    """Give the images of a case their BIDS names, and each a sidecar that says what it was made of. Records keep theirs."""
    names = {own: name for own, name in case.names if (folder / own).exists()}
    rename_files(folder, names)
    made = {kind: f"bids::{case.folder}/{names[f'{kind}.nii.gz']}" for kind in ("fused", "latent", "chroma") if f"{kind}.nii.gz" in names}
    stripped = all(_says_stripped(path) for path in (case.first, case.second))
    raw = [f"bids:source:{path}" for path in case.sources]
    for name in names.values():
        kind = name.split("_desc-")[1].split("_")[0]
        used = _MADE_OF.get(kind)
        sources = raw if used is None else [made[one] for one in used if one in made]
        sidecar = {"Description": _WORDS[kind], "Sources": sources, "Estimated": kind in _ESTIMATED, "SkullStripped": stripped}
        (folder / (name.removesuffix(".nii.gz") + ".json")).write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")


def _says_stripped(path: Path) -> bool:
    """Whether the sidecar of an input says that its skull was taken away; raw volumes have theirs."""
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    try:
        return sidecar.is_file() and parsed(sidecar.read_text(encoding="utf-8"))["SkullStripped"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return False
