"""Training that tells a waiting person, on standard error, how far it is."""
import math
import sys
import time

from training.loop.trainer import Trainer


class Spoken:
    """What a trainer says on the way, see `spoken`."""

    SECONDS = 2.0

    def run(self, report=print) -> None:
        """As `Trainer.run`."""
        self._last, self._from = (time.monotonic() if self.workers.is_first else math.inf), None
        super().run(report)

    def on_step(self, parts: dict[str, float]) -> None:
        """At most every two seconds."""
        now = time.monotonic()
        if self._from is None:
            self._from = (now, self.step)
        if now - self._last < self.SECONDS or not sys.stderr.isatty():
            return
        self._last, (start, first) = now, self._from
        left = (now - start) / max(1, self.step - first) * (self.config.steps - self.step)
        loss = sum(value for name, value in parts.items() if name != "norm")
        print(f"\rstep {self.step} of {self.config.steps}, loss {loss:.4f}, about {left / 60:.0f} minutes left   ", end="", file=sys.stderr,
              flush=True)


def spoken(trainer: type[Trainer]) -> type[Trainer]:
    """The same kind of training, telling how far it is."""
    return type(f"Spoken{trainer.__name__}", (Spoken, trainer), {})
