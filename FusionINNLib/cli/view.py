"""fusioninn view: what is on the command line, and whether the page can be had here."""
import argparse
import ctypes
import importlib.util
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from FusionINNLib.errors import FusionINNError, InputError, ResultError
from FusionINNLib.viewer.inputs import Input, read_input

MISSING = ("The page needs trame-slicer, which is not installed here: say 'make view' in a checkout, or install FusionINN with its extra "
           "'viewer' into an environment of its own.")
_MEGABYTE = 2 ** 20


def view(options: argparse.Namespace) -> None:
    """fusioninn view [FIRST SECOND [--segmentation SEG]] [RESULT_DIR]"""
    if importlib.util.find_spec("trame_slicer") is None:
        raise FusionINNError(MISSING)
    check_libraries()
    if options.model is not None:
        from FusionINNLib.methods import model_card

        model_card.find(options.model)
    paths, result = split(options.paths, options.segmentation)
    if result is not None:
        check_result(result)
    inputs: dict[str, Input] = {}
    for slot, path in paths.items():  # the segmentation comes last
        inputs[slot] = read_input(slot, path, beside=inputs.values())
    with undisturbed():
        from FusionINNLib.viewer.app import Opening
        from FusionINNLib.viewer.server import PageServer

    PageServer(Opening(inputs, result), port=options.port, open_browser=not options.no_browser, model=options.model,
               device=options.device, most_bytes=options.max_upload * _MEGABYTE).run()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals wait while VTK is loaded: interrupted in that, it ends the process with a fault, or forgets that it was."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def check_libraries() -> None:
    """Raise FusionINNError where the views could not be drawn: without these libraries VTK ends the process, and says nothing."""
    if sys.platform == "linux" and not (_has("libX11.so.6") and (_has("libEGL.so.1") or _has("libOSMesa.so.8"))):
        raise FusionINNError("The views need the libraries libX11 and libEGL, which are not installed here: on Debian or Ubuntu, say "
                             "'apt-get install libx11-6 libegl1 libgl1-mesa-dri'.")


def _has(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def split(paths: list[Path], segmentation: Path | None) -> tuple[dict[str, Path], Path | None]:
    """Paths as given to inputs by slot, and the result folder. Raises InputError for more or fewer than can be told apart."""
    if len(paths) > 3:
        raise InputError("These are more than three paths: give the first and the second volume, a result folder, or all three.")
    result = paths[-1] if len(paths) in (1, 3) else None
    inputs: dict[str, Path] = dict(zip(("first", "second"), paths[:2])) if len(paths) > 1 else {}
    if segmentation is not None:
        if not paths:
            raise InputError("A segmentation alone shows nothing: give the first and the second volume too.")
        inputs["segmentation"] = segmentation
    return inputs, result


def check_result(folder: Path) -> None:
    """Raise ResultError unless this looks like a result folder; all of it is checked when it is read."""
    if folder.is_file():
        raise ResultError(f"{folder} is a file: give the first and the second volume, or the folder that 'fusioninn fuse' wrote.")
    if not folder.is_dir():
        raise ResultError(f"{folder}: there is no such folder; give the folder that 'fusioninn fuse' wrote.")
    if not (folder / "fusion.json").is_file():
        raise ResultError(f"{folder} holds no fusion.json: give the folder that 'fusioninn fuse' wrote.")
