"""One case, from its two files to its folder of results; the same in every worker."""
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from FusionINNLib import __version__
from FusionINNLib.atomic import new_folder, replacing
from FusionINNLib.cohort import derivatives
from FusionINNLib.cohort.case import Case, Outcome, Settings, key
from FusionINNLib.errors import FusionINNError
from FusionINNLib.json_text import parsed
from FusionINNLib.volumes.color_files import read_scan
from FusionINNLib.volumes.io import read_segmentation, sha256

STATE = ".fusioninn"
METRICS, THUMBNAIL = "metrics.json", "thumbnail.png"
THUMBNAIL_SIDE = 160  # pixels


def run_case(case: Case, settings: Settings, out: Path, version: str) -> Outcome:
    """Fuse a case unless its results are there, made from the same files with the same model and settings. Never raises.

    Args:
        out: folder of the cohort's results. version: of the program that sends the case.
    """
    started = time.monotonic()
    try:
        if version != __version__:
            raise FusionINNError(f"This worker has FusionINN {__version__} and the cohort was started by {version}: "
                                 "install the same version everywhere.")
        with _alone(out / STATE / f"{case.folder.replace('/', '_')}.lock"):
            state = "kept" if is_done(case, settings, out) else _fuse(case, settings, out)
        return Outcome(case.name, state, "", time.monotonic() - started, _peak_mib())
    except FusionINNError as problem:
        sentence = str(problem)
    except MemoryError:
        sentence = "There was not enough memory: use fewer workers, or resample the volumes to fewer voxels."
    except OSError as problem:
        sentence = f"A file or folder cannot be read or written ({problem.strerror or problem}): check the paths and the free space."
    except Exception as problem:  # a defect must not end the others' work; what it was is kept for whoever mends it
        sentence = f"The program failed ({type(problem).__name__}: {problem}): please report this."
    return Outcome(case.name, "failed", sentence, time.monotonic() - started, _peak_mib())


def is_done(case: Case, settings: Settings, out: Path) -> bool:
    """Whether the results of a case are there, whole, and made from what they would be made from now: by content, not by time."""
    try:
        record = parsed(_record(case, out).read_text(encoding="utf-8"))
        if record["key"] != _key(case, settings):
            return False
        return all(sha256(out / case.folder / name) == checksum for name, checksum in record["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, FusionINNError):
        return False


def _fuse(case: Case, settings: Settings, out: Path) -> str:
    from FusionINNLib import pipeline
    from FusionINNLib.methods import registry
    from FusionINNLib.registration.alignment import resample_labels
    from FusionINNLib.reports.page import save
    from FusionINNLib.reports.report import fusion_report, slices_to_show
    from FusionINNLib.results.color import fused_color, luminances
    from FusionINNLib.results.folder import REPORT, InputFile, write_estimate, write_exact, write_fusion

    made_from = _key(case, settings)
    scans = read_scan(case.first), read_scan(case.second)
    first, second = luminances(*scans)
    outlines = read_segmentation(case.segmentation, outlined=(first, second)) if case.segmentation else None
    fusion = pipeline.fuse(first, second, method=settings.method, reference=settings.reference, alignment=settings.align,
                           model=settings.model, device=settings.device, seed=settings.seed)
    color = fused_color(fusion, *scans)
    chroma = None if color is None else (color.role, color.chroma)
    if outlines is not None:
        moving = first if settings.reference == "second" else second
        outlines = resample_labels(outlines, fusion.fused, fusion.alignment.transform if outlines.same_grid(moving) else None)
    first_file, second_file = (InputFile(volume.name if path.is_dir() else path.name, sha256(path))
                               for path, volume in ((case.first, first), (case.second, second)))
    common = {"model": settings.model, "device": settings.device}
    names = {"alignment": settings.align, "reference": settings.reference, "method": settings.method, "model": fusion.recipe.model}
    with new_folder(out / case.folder, True, _own_names(case), (case.first, case.second, case.segmentation)) as folder:
        write_fusion(fusion, folder, (first_file, second_file), (first, second), names, color)
        if settings.exact and fusion.latent is not None:
            write_exact(pipeline.decompose(fusion.fused, fusion.latent, fusion.recipe, **common), fusion.recipe, folder, chroma)
        if settings.estimate:
            guess = pipeline.estimate(fusion.fused, fusion.recipe, samples=settings.samples, seed=settings.seed, **common)
            write_estimate(guess, folder, InputFile("fused.nii.gz", sha256(folder / "fused.nii.gz")), fusion.recipe,
                           registry.drawn(fusion.recipe, settings.samples, settings.seed), color=chroma)
        if settings.metrics:
            _write_metrics(fusion, outlines, folder)
        if settings.report:
            shown = pipeline.preview(fusion, slices_to_show(fusion, outlines), **common)
            save(fusion_report(fusion, outlines, shown, color), folder / REPORT)
        _thumbnail(fusion, None if color is None else color.rgb).save(folder / THUMBNAIL)
        if case.names:
            derivatives.rename(folder, case)
        files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    with replacing(_record(case, out)) as file:
        file.write(json.dumps({"case": case.name, "key": made_from, "folder": case.folder, "files": files}).encode())
    return "done"


def _key(case: Case, settings: Settings) -> str:
    from FusionINNLib.methods import registry

    paths = [case.first, case.second, *([case.segmentation] if case.segmentation else [])]
    method = registry.create(settings.method, settings.model)
    return key(case, settings, tuple(sha256(path) for path in paths), method.fingerprint)


def _record(case: Case, out: Path) -> Path:
    return out / STATE / f"{case.folder.replace('/', '_')}.json"


def _own_names(case: Case) -> frozenset[str]:
    from FusionINNLib.results.folder import ESTIMATE_FILES, EXACT_FILES, FUSION_FILES

    names = dict(case.names)
    images = {names.get(name, name) for name in FUSION_FILES | EXACT_FILES | ESTIMATE_FILES}
    sidecars = {name.removesuffix(".nii.gz") + ".json" for name in names.values()}
    return frozenset({*images, *sidecars, METRICS, THUMBNAIL})


def _write_metrics(fusion, outlines, folder: Path) -> None:
    from FusionINNLib.evaluation.case_metrics import fusion_rows

    rows = fusion_rows((fusion.first, fusion.second), fusion.fused, fusion.recipe, outlines)
    alignment = fusion.alignment
    values = {row.measure: row.value for row in rows if row.region == rows[0].region}
    values |= {"shift_mm": alignment.shift_mm, "rotation_deg": alignment.rotation_deg, "similarity": alignment.similarity_after}
    text = json.dumps({name: value if value == value else None for name, value in values.items()}, indent=1)
    (folder / METRICS).write_text(text + "\n", encoding="utf-8")


def _thumbnail(fusion, rgb):
    """The middle of the fused image's slices, across the planes, at true proportions; rgb: of the same in colour, (k, j, i, 3), or None."""
    import numpy as np
    from PIL import Image

    volume, axis = fusion.fused, fusion.recipe.axis
    weights = np.moveaxis(volume.array, axis, 0).reshape(volume.shape[axis], -1).sum(1)
    index = int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))
    plane = np.take(volume.array if rgb is None else rgb, min(index, volume.shape[axis] - 1), axis)
    image = Image.fromarray(((255 * np.clip(plane, 0, 1)).astype(np.uint8) if rgb is None else plane)[::-1])
    height, width = (size * edge for size, edge in zip(plane.shape[:2], np.delete(np.array(volume.spacing_ijk_mm)[::-1], axis)))
    scale = THUMBNAIL_SIDE / max(height, width)
    return image.resize((max(1, round(width * scale)), max(1, round(height * scale))))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other run works on this case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):
            pass  # no locks here: should two runs meet, the last one's results stay, which are the same
        yield


def _peak_mib() -> float:
    """The most memory that this worker has held so far."""
    try:
        import resource
    except ImportError:
        return 0.0  # not known on Windows
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2 ** 20 if sys.platform == "darwin" else 2 ** 10)
