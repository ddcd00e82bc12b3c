"""How long a click takes: python Testing/panel/measure_clicks.py MODEL

The sample case through the panel, from the click on Fuse to the screen, beside the command line with the same model, in turns; and the
longest time that the window did not answer, in processor time of its own thread. The environment is that of the panel's tests.
"""
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.path[:0] = [str(HERE), str(HERE / "shim")]

import slicer_application  # noqa: E402

ROUNDS = 3


def main(model: str) -> None:
    """Measure and print; each time is the best of the rounds, as other work on the machine disturbs both."""
    application = slicer_application.start(Path(os.environ["SLICER_SOURCE_DIR"]))
    python, _ = slicer_application.load_module(HERE.parents[1] / "FusionINN" / "FusionINN.py")
    application.finishStartup()
    import driver  # the module has made the library importable

    from FusionINNLib.phantom.case import write_sample_case

    user = driver.Driver(python, model)
    user.compute("sampleButton")
    user.longest_pause_s = 0.0
    by_panel, by_command = [], []
    with tempfile.TemporaryDirectory() as folder:
        write_sample_case(Path(folder) / "sample")
        words = [sys.executable, "-m", "FusionINNLib", "fuse", f"{folder}/sample/adc.nii.gz", f"{folder}/sample/flair.nii.gz",
                 "--model", model, "--device", "cpu", "--out"]
        for attempt in range(ROUNDS):
            by_panel.append(_seconds(lambda: user.compute("fuseButton")))
            by_command.append(_seconds(lambda: subprocess.run([*words, f"{folder}/out{attempt}"], check=True, capture_output=True,
                                                              cwd=HERE.parents[1])))
    user.close()
    print(f"click on Fuse to screen {min(by_panel):.1f} s, command line {min(by_command):.1f} s: {min(by_panel) / min(by_command):.2f}")
    print(f"longest time that the window did not answer: {user.longest_pause_s:.2f} s")


def _seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default")
