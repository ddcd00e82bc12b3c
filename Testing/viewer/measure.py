"""How fast the page is and what it takes, on the sample case; and its picture for the documentation.

    .venv-viewer/bin/python Testing/viewer/measure.py [--json FILE] [--picture docs/pictures/viewer.png]

A slice step ends when the browser has got the new picture of every view that shows something. Fusing is compared with `fusioninn fuse` on
the same files, one after the other. Times are of the clock on the wall: say what else the machine was doing. Needs Chromium.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE), str(HERE.parent / "support")]

import numpy as np
from browsing import Served, Visit, launch
from PIL import Image

from FusionINNLib.phantom.case import write_sample_case

STEPS = 20
PATIENCE_MS = 900_000  # also on a machine that does other work
COLOURS = 160
# Counts the pictures that arrive, and tells when all views have got one since it was last asked.
COUNT = """() => {
    window.arrived = new Map();
    const look = (image) => image.addEventListener('load', () => window.arrived.set(image.closest('.view').id, performance.now()));
    document.querySelectorAll('.view img').forEach(look);
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(
        (node) => node.querySelectorAll && [node, ...node.querySelectorAll('img')].filter((one) => one.tagName === 'IMG').forEach(look))))
        .observe(document.body, {childList: true, subtree: true});
}"""
STEP = """async (views) => {
    window.arrived.clear();
    const start = performance.now();
    window.trame.trigger('step', [1]);
    while (views.some((view) => !window.arrived.has('view-' + view))) {
        if (performance.now() - start > 20000) return null;
        await new Promise((next) => setTimeout(next, 2));
    }
    return Math.max(...views.map((view) => window.arrived.get('view-' + view))) - start;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--picture", type=Path, help="write a picture of the page there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.picture)
    for name, value in figures.items():
        print(f"{name:40} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(folder: Path, picture: Path | None) -> dict[str, float]:
    """All figures; seconds, milliseconds and megabytes as their names say."""
    write_sample_case(folder / "sample")
    files = [folder / f"sample/{name}.nii.gz" for name in ("adc", "flair")]
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    figures = {"load average at the start": round(os.getloadavg()[0], 1)}
    with launch(chromium, root=os.geteuid() == 0) as browser:
        start = time.monotonic()
        served = Served(folder / "temporary", *map(str, files), "--segmentation", str(folder / "sample/segmentation.nii.gz"))
        try:
            figures["server answers, s"] = since(start)
            figures["server answers, s of processor"] = processor_s(served)
            visit = Visit(browser, served)
            visit.page.set_default_timeout(PATIENCE_MS)
            visit.page.wait_for_function("() => window.trame.state.get('views').second.filled")
            figures["page usable after start, s"] = since(start)
            figures |= use(visit, served)
            if picture is not None:
                save(visit, picture)
        finally:
            served.stop()
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "FusionINNLib.cli", "fuse", *map(str, files), "--out", str(folder / "fused")], check=True,
                   capture_output=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])})
    figures["fuse by command line with report, s"] = since(start)
    figures["load average at the end"] = round(os.getloadavg()[0], 1)
    return figures


def use(visit: Visit, served: Served) -> dict[str, float]:
    """Fuse, decompose, step through the slices."""
    figures, answers, start = {}, [], time.monotonic()
    visit.do("Fuse")
    figures["fuse on the page, s"] = since(start)
    visit.click("Fuse")  # once more, asked for a picture of each view every second
    while visit.state("busy"):
        asked = time.monotonic()
        visit.page.evaluate("async () => { await window.trame.trigger('step', [0]) }")
        answers.append(1000 * (time.monotonic() - asked))
        visit.page.wait_for_timeout(1000)
    figures["a step answered while fusing, median ms"] = round(statistics.median(answers))
    visit.do("Decompose")
    visit.page.get_by_label("Estimated").check()
    visit.do("Decompose")
    views = [view for view, about in visit.state("views").items() if about["filled"]]
    visit.page.wait_for_timeout(2000)
    visit.page.evaluate(COUNT)
    visit.page.evaluate("async () => { await window.trame.trigger('step', [-12]) }")
    visit.page.wait_for_timeout(2000)
    before = processor_s(served)
    times = [visit.page.evaluate(STEP, views) for _ in range(STEPS)]
    figures["slice step, server's processor time, ms"] = round(1000 * (processor_s(served) - before) / STEPS)
    figures[f"slice step in {len(views)} views, median ms"] = round(statistics.median(times))
    figures[f"slice step in {len(views)} views, worst of {STEPS}, ms"] = round(max(times))
    figures["server's memory at most, MB"] = round(int(status(served, "VmHWM")) / 1024)
    return figures


def save(visit: Visit, path: Path) -> None:
    """The page as it is, in few colours, as a picture for a page of text is to be small; few pixels have colours, but those count."""
    visit.page.get_by_role("button", name="To segmentation").click()
    visit.page.evaluate("() => { document.querySelector('.side').scrollTop = 0; }")
    visit.page.mouse.move(5, 5)
    visit.page.wait_for_timeout(1500)
    visit.page.screenshot(path=path)
    picture = Image.open(path).convert("RGB")
    pixels = np.asarray(picture)
    coloured = pixels[np.ptp(pixels.astype(int), axis=2) > 60]
    weighted = np.concatenate([pixels.reshape(-1, 3), *[coloured] * 6])
    palette = Image.fromarray(weighted[:, np.newaxis]).quantize(COLOURS)
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def since(start: float) -> float:
    """Seconds on the wall."""
    return round(time.monotonic() - start, 1)


def processor_s(served: Served) -> float:
    """Seconds that the server has computed so far."""
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    return round((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 2)


def status(served: Served, name: str) -> str:
    """A number of /proc/<pid>/status, without its unit."""
    return next(line.split()[1] for line in Path(f"/proc/{served.process.pid}/status").read_text().splitlines() if line.startswith(name))


if __name__ == "__main__":
    main()
