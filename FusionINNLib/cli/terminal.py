"""What a command says while it works, on standard error: sentences, and a line that counts. Standard output is for results."""
import sys

from FusionINNLib.progress import Progress


def say(sentence: str) -> None:
    """One line on standard error."""
    print(sentence, file=sys.stderr)


def progress() -> Progress:
    """A line that counts on a terminal, nothing in a log."""
    def warn(sentence: str) -> None:
        say(f"Warning: {sentence}")

    if not sys.stderr.isatty():
        return Progress(say=warn)

    def report(task: str, done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{task}: {done} of {total} ", end=end, file=sys.stderr, flush=True)

    return Progress(report, warn)
