"""How a run of the command begins and ends: what stops it, what it says at last, and its exit code.

Exit codes: 0 done, 2 bad input (one sentence on standard error), 129 the connection broke (SIGHUP), 130 stopped by the user (Ctrl-C),
143 ended from outside (SIGTERM).
"""
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from FusionINNLib import __version__
from FusionINNLib.cli.streams import steady_streams
from FusionINNLib.cli.terminal import on_one_line
from FusionINNLib.cli.voice import Voice, raised
from FusionINNLib.errors import Cancelled, FusionINNError

_OWN_MODULE = {"adc": "adc", "cohort": "cohort", "evaluate": "evaluate", "export": "export", "import_model": "import_model",
               "methods": "methods", "segment": "segment", "view": "view"}

_PRINTS_RESULTS = ("evaluate", "methods", "view")
_NO_MEMORY = "There is not enough memory for these volumes: close other programs, or resample the volumes to fewer voxels."
_WORDS_OF_MEMORY = ("failed to map segment", "cannot allocate", "can't allocate", "not enough memory", "out of memory", "bad_alloc",
                    "can't start new thread", "error return without exception set")
"""In what libraries raise, of many kinds, when they are loaded or at work and the system gives no more."""
AGAIN_S = 10.0  # in which a signal is the one that came before, told again


def run(arguments: list[str] | None) -> int:
    """Run one command and return its exit code. Leaves with SystemExit where the arguments make no sense, and after --help."""
    with steady_streams(), _stop_signals() as received:
        try:
            from FusionINNLib.cli.parser import parse

            options = parse(arguments)
            _check_working_folder()
            _check_log(options)
            with raised(options.quiet, options.verbose, options.log, options.command in _PRINTS_RESULTS) as voice:
                return _logged(voice, options)
        except KeyboardInterrupt:
            return _stopped()
        except FusionINNError as problem:
            return _fail(str(problem), problem.exit_code)
        except MemoryError:
            return _fail(_NO_MEMORY, 2)
        except OSError as problem:
            return _fail(f"A file or folder cannot be read or written ({problem.strerror or problem}): check the paths and the free space.",
                         2)
        except Exception as problem:
            if received:  # a library that is interrupted while it is loaded may say so in an error of its own
                return _stopped()
            if _is_memory(problem):
                return _fail(_NO_MEMORY, 2)
            raise


def _logged(voice: Voice, options) -> int:
    """The command, its end in the log; what ends it otherwise goes on."""
    voice.record("start", command=options.command, version=__version__)
    try:
        name = options.command.replace("-", "_")
        command = importlib.import_module(f"FusionINNLib.cli.{_OWN_MODULE.get(name, 'commands')}")
        getattr(command, name)(options)
    except BaseException as problem:
        code = getattr(problem, "exit_code", problem.code if isinstance(problem, SystemExit) else 130 if isinstance(
            problem, KeyboardInterrupt) else 2 if isinstance(problem, (OSError, MemoryError)) else 1)
        voice.record("error", message=str(problem), kind=type(problem).__name__, exit_code=code)
        raise
    voice.record("end", exit_code=0)
    return 0


def _stopped() -> int:
    return _fail("Stopped: nothing was written.", Cancelled.exit_code)


def _fail(sentence: str, code: int) -> int:
    print("\n" * sys.stderr.isatty() + on_one_line(f"fusioninn: {sentence}"), file=sys.stderr)
    return code


def _is_memory(problem: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that memory ran out."""
    while problem is not None:
        if isinstance(problem, MemoryError) or any(words in str(problem).lower() for words in _WORDS_OF_MEMORY):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _check_working_folder() -> None:
    """Raise FusionINNError where it was deleted: libraries for mathematics end the process there, in words of their own."""
    try:
        os.getcwd()
    except OSError as problem:
        raise FusionINNError("The folder in which you stand does not exist any more: change to another one, and try again.") from problem


def _check_log(options) -> None:
    """Raise FusionINNError for a log in the folder for the results, where it would be in their way."""
    out = getattr(options, "dicom", None) or getattr(options, "out", None)
    if options.log is None or out is None or getattr(options, "resume", False):
        return
    log, out = os.path.realpath(options.log), os.path.realpath(out)
    if log == out or log.startswith(os.path.join(out, "")):
        raise FusionINNError(f"The log {options.log} would lie inside the folder for the results: choose another place for it.")


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Signals that end a run become exceptions, so that half-written results are cleared away. Gives those that came.

    `timeout`, `make` and schedulers tell the same stop twice, within moments: the second one must not break off the clearing away.
    """
    received: list[int] = []
    last = -AGAIN_S
    if threading.current_thread() is not threading.main_thread():  # elsewhere signals cannot be set, and need not be
        yield received
        return

    def is_repeated(number: int) -> bool:
        nonlocal last
        received.append(number)
        if (now := time.monotonic()) - last < AGAIN_S:
            return True
        last = now
        return False

    def interrupt(number: int, _) -> None:
        if not is_repeated(number):
            raise KeyboardInterrupt

    def leave(number: int, _) -> None:
        if not is_repeated(number):
            sys.exit(128 + number)

    handlers = {signal.SIGTERM: leave, signal.SIGINT: interrupt}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = leave
    ignored = [number for number in handlers if signal.getsignal(number) == signal.SIG_IGN]  # as `nohup` and a shell's `&` start it
    before = {number: signal.signal(number, handler) for number, handler in handlers.items() if number not in ignored}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
