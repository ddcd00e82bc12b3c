"""The command `fusioninn`: nothing is loaded here before somebody listens for Ctrl-C. How a run goes is in `cli/run.py`."""
import os
import sys

LEAST_BYTES, FEW_BYTES = 160 << 20, 8 << 30
"""Of memory that a limit on the process (ulimit -v) leaves: below the first nothing can be loaded, below the second there is no room
for what libraries for mathematics take for each core."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see `cli/run.py`."""
    try:
        limit = _limit_of_memory()
        if limit < LEAST_BYTES:
            return _say(f"This program may take {limit >> 20} MiB of memory here, too few to be loaded: raise the limit (ulimit -v).", 2)
        if limit < FEW_BYTES:
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it ends the process where that memory is not to be had
        from FusionINNLib.cli.run import run

        return run(arguments)
    except KeyboardInterrupt:  # in the first moment, while that was being loaded
        return _say("Stopped: nothing was written.", 130)


def _say(sentence: str, code: int) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"fusioninn: {sentence}\n")
    return code


def _limit_of_memory() -> int:
    """Bytes that the process may take; where nothing limits them, more than any machine has."""
    try:
        import resource
    except ImportError:  # Windows
        return sys.maxsize
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


if __name__ == "__main__":
    sys.exit(main())
