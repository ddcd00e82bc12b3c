"""Speed and memory against the released network under FrEIA 0.2: `python -m training bench`.

Times are medians of interleaved runs: in each round the reference, both presets and the whole command take turns, then the released
training and this program's; a ratio is the median of the rounds' ratios. Only ratios mean anything: absolute times swing with whatever
else the machine does.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "brats18"
REFERENCE_BATCH = 8  # of the memory comparison
LARGE = (300, 512, 512)


def main(arguments: list[str]) -> int:
    """Measure, print a Markdown page, and write it where asked."""
    options = _options(arguments)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # for the processes started from here
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files, case = _files(options, folder)
        rows, parts, peak = _speed(files, options, folder)
        rows += _memory(files, options, folder, peak)
        rows += _training(files, options, folder)
        if options.large:
            rows.append(_large(folder))
    page = _page(rows, parts, case, options)
    print(page)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(page + "\n", encoding="utf-8")
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--first", type=Path, help="a volume (default: T1ce of the first case in ../shared, else a made-up head)")
    parser.add_argument("--second", type=Path, help="a volume on the same grid (default: FLAIR of that case)")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of both sides (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="of the interleaved runs (default: 5)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="cpu counts processor time: for one thread on a machine that others use")
    parser.add_argument("--large", action="store_true", help="also fuse a made-up 512x512x300 pair: minutes")
    parser.add_argument("--quick", action="store_true", help="a few slices, one round: to see that the command works, not how fast it is")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page there, such as docs/speed.md")
    options = parser.parse_args(arguments)
    if (options.first is None) != (options.second is None):
        parser.error("give both --first and --second, or neither")
    if options.quick:
        options.rounds = 1
    return options


# ---- the pair --------------------------------------------------------------------------------------------------------------------


def _files(options: argparse.Namespace, folder: Path) -> tuple[tuple[Path, Path], str]:
    """Two files on one grid, and what to call them."""
    case = next(iter(sorted(REAL.glob("*/t1ce.nii.gz"))), None)
    if options.first:
        files, words = (options.first, options.second), "the pair that was given"
    elif case and not options.quick:
        files, words = (case, case.with_name("flair.nii.gz")), f"T1ce and FLAIR of {case.parent.name}"
    else:
        files, words = write_made_up_pair((12, 80, 72) if options.quick else (155, 240, 240), folder), "a made-up skull-stripped head"
    return files, words


def write_made_up_pair(shape: tuple[int, int, int], folder: Path) -> tuple[Path, Path]:
    """Two int16 volumes (k, j, i) of a made-up head that fills as much of the image as in BraTS, with a background of zeros."""
    from FusionINNLib.phantom.case import small_case
    from FusionINNLib.volumes.io import write_nifti
    from FusionINNLib.volumes.volume import Volume

    head = [max(2, round(share * size / 4)) for share, size in zip((0.9, 0.7, 0.6), shape)]  # made at a quarter of the size
    case, random = small_case((head[0], head[1], head[2])), np.random.default_rng(0)
    start = [(size - 4 * part) // 2 if size > 4 * part else 0 for size, part in zip(shape, head)]
    inside = _enlarged(case.second.array > 100, shape, start)  # what is dark inside lies in the same boxes anyway
    files = []
    for name, volume in (("first", case.first), ("second", case.second)):
        array = _enlarged(volume.array, shape, start)
        for k in range(len(array)):  # noise, so that it packs as a scan does
            array[k] = (array[k] + random.integers(-15, 16, array[k].shape, np.int16)) * inside[k]
        files.append(folder / f"{name}.nii.gz")
        write_nifti(Volume(array, np.diag([-1.0, -1.0, 1.0, 1.0]), name), files[-1])
    return files[0], files[1]


def _enlarged(array: np.ndarray, shape: tuple[int, int, int], start: list[int]) -> np.ndarray:
    """Each voxel four times along each axis, in the middle of zeros."""
    large = np.zeros(shape, array.dtype)
    for axis in range(3):
        array = array.repeat(4, axis)
    place = tuple(slice(begin, begin + size) for begin, size in zip(start, array.shape))
    room = large[place]
    room[:] = array[tuple(slice(size) for size in room.shape)]
    return large


def _stored(files: tuple[Path, Path]) -> np.ndarray:
    """(2, K, J, I) stored numbers of both volumes, sides cut to even numbers."""
    from FusionINNLib.preprocessing.slicing import to_stack
    from FusionINNLib.volumes.io import read_volume

    volumes = [read_volume(path) for path in files]
    pair = np.stack([to_stack(volume.array, volumes[1].through_plane_axis) for volume in volumes])
    return np.ascontiguousarray(pair[:, :, :pair.shape[2] // 2 * 2, :pair.shape[3] // 2 * 2])


# ---- speed -----------------------------------------------------------------------------------------------------------------------


def _speed(files: tuple[Path, Path], options: argparse.Namespace, folder: Path) -> tuple[list[tuple], dict[str, float], float]:
    """Rows (what, seconds, against the reference, target, met), seconds of each part of the command, and its peak memory in MiB."""
    from training.speed.networks import NAMES, worker

    pair = _stored(files)
    results = {name: np.zeros(pair.shape, np.float32) for name in NAMES}
    work = {name: worker(name, pair, results[name]) for name in NAMES}
    times: dict[str, list[float]] = {name: [] for name in (*NAMES, "command")}
    parts: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name in NAMES:
            times[name].append(_timed(work[name], options.clock))
        command = _launched(_fuse_command(files, folder))
        times["command"].append(command[options.clock])
        output = _launched([sys.executable, "-m", "training.speed.child", "parts", *_fuse_arguments(files, folder)])["output"]
        for part, seconds in json.loads(output.splitlines()[-1]).items():
            parts.setdefault(part, []).append(seconds[options.clock])
    rows = [("released network under FrEIA 0.2, batch 1, whole slices", _seconds(times["reference"]), "1", "", "")]
    for name, words, limit, faster in (("paper", "`paper` preset, same weights", 2.5, True),
                                       ("default", "`default` model, network pass", 1.5, False),
                                       ("command", "`fusioninn fuse --align none`, whole command", 3.0, False)):
        ratio = float(np.median(np.divide(times["reference"], times[name]) if faster else np.divide(times[name], times["reference"])))
        rows.append((words, _seconds(times[name]), f"{ratio:.2f} times as fast" if faster else f"{ratio:.2f} of its time",
                     f"at least {limit:g}" if faster else f"at most {limit:g}", _met(ratio >= limit if faster else ratio <= limit)))
    rows[1] = (f"{rows[1][0]}; inside the head within {_difference(pair, results):.0e}", *rows[1][1:])
    return rows, {part: float(np.median(seconds)) for part, seconds in parts.items()}, command["peak_mib"]


def _timed(work, clock: str) -> float:
    now = time.perf_counter if clock == "wall" else time.process_time
    start = now()
    work()
    return now() - start


def _difference(pair: np.ndarray, results: dict[str, np.ndarray]) -> float:
    """Largest difference of the two implementations where either source is not background, as a share of the largest value."""
    inside = (pair != 0).any(0)
    return float(np.abs(results["paper"] - results["reference"])[:, inside].max() / np.abs(results["reference"]).max())


def _fuse_arguments(files: tuple[Path, Path], folder: Path) -> list[str]:
    return ["fuse", *map(str, files), "--align", "none", "--device", "cpu", "--out", str(folder / "result"), "--overwrite"]


def _fuse_command(files: tuple[Path, Path], folder: Path) -> list[str]:
    return [sys.executable, "-m", "FusionINNLib.cli", *_fuse_arguments(files, folder)]


def _launched(command: list[str]) -> dict:
    """What `bench_child.launch` says of a command."""
    done = subprocess.run([sys.executable, "-m", "training.speed.child", "launch", *command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


# ---- memory ----------------------------------------------------------------------------------------------------------------------


def _memory(files: tuple[Path, Path], options: argparse.Namespace, folder: Path, peak: float) -> list[tuple]:
    """What the network's work adds to a process that holds libraries, weights and images; `peak` MiB is the whole command's."""
    pair = _stored(files)
    middle = pair.shape[1] // 2  # where the head is largest
    np.savez(folder / "slices.npz", pair=pair[:, max(0, middle - 12):middle + 12])
    work, whole = {}, {}
    for name in ("reference", "paper", "default"):
        command = [sys.executable, "-m", "training.speed.child", "memory", name, str(folder / "slices.npz"), str(options.threads)]
        found = json.loads(_launched(command)["output"].splitlines()[-1])
        work[name], whole[name] = max(found["peak_mib"] - found["before_mib"], 0.1), found["peak_mib"]
    rows = [(f"memory for the work, reference at batch {REFERENCE_BATCH}", f"{work['reference']:.0f} MiB", "1", "", "")]
    for name in ("paper", "default"):
        ratio = work[name] / work["reference"]
        rows.append((f"memory for the work, `{name}`", f"{work[name]:.0f} MiB", f"{ratio:.2f}", "at most 0.5", _met(ratio <= 0.5)))
    rows.append(("peak of the whole command, PyTorch, volumes and all", f"{peak:.0f} MiB",
                 f"(the reference's process on 24 slices: {whole['reference']:.0f} MiB)", "", ""))
    return rows


def _large(folder: Path) -> tuple:
    place = folder / "large"
    place.mkdir()
    peak = _launched(_fuse_command(write_made_up_pair(LARGE, place), folder))["peak_mib"]
    met = _met(peak * 2 ** 20 < 2e9)
    return "peak of the whole command on a made-up 512x512x300 pair, int16", f"{peak:.0f} MiB", "", "below 2000 MB", met


# ---- training --------------------------------------------------------------------------------------------------------------------


def _training(files: tuple[Path, Path], options: argparse.Namespace, folder: Path) -> list[tuple]:
    """Steps of the released training and of this program's, in turns."""
    from training.speed.training_steps import TrainingBench, rows

    bench = TrainingBench(_stored(files), 32 if options.quick else 240, folder, options.threads)
    difference = bench.difference()
    times: dict[str, list[float]] = {name: [] for name in bench.steps}
    for step in bench.steps.values():
        step()
    for _ in range(options.rounds):
        for name, step in bench.steps.items():
            times[name].append(_timed(step, options.clock))
    return rows(times, bench, difference)


# ---- the page --------------------------------------------------------------------------------------------------------------------


def _page(rows: list[tuple], parts: dict[str, float], case: str, options: argparse.Namespace) -> str:
    import torch

    clock = "wall clock" if options.clock == "wall" else "processor time"
    lines = ["# Speed", "",
             f"Medians of {options.rounds} interleaved round(s), {options.threads} thread(s), {clock}, on {case}.",
             f"{_cpu_model()}, PyTorch {torch.__version__}, Python {platform.python_version()}. The reference's normalisation is left out.",
             "", "| what | measured | against the reference | target | met |", "|---|---|---|---|---|"]
    if options.quick:
        lines.insert(2, "**A quick look at a few slices: these numbers say nothing about speed.**\n")
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", "Parts of the whole command:", "", "| part | time |", "|---|---|"]
    lines += [f"| {part} | {seconds:.2f} s |" for part, seconds in parts.items()]
    return "\n".join(lines)


def _cpu_model() -> str:
    try:
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    except OSError:
        names = []
    return (names or [platform.processor() or platform.machine()])[0]


def _seconds(times: list[float]) -> str:
    return f"{np.median(times):.2f} s"


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
