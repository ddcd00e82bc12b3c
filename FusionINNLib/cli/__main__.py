"""The command `fusioninn`: nothing is loaded here before somebody listens for Ctrl-C. How a run goes is in `cli/run.py`."""
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see `cli/run.py`."""
    try:
        from FusionINNLib.cli.run import run

        return run(arguments)
    except KeyboardInterrupt:  # in the first moment, while that was being loaded
        if sys.stderr is not None:
            sys.stderr.write("fusioninn: Stopped: nothing was written.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
