"""Time of the networks alone on one slice, all methods in turn, so that what else the machine does hits each of them alike."""
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from training.benchmark.methods import Method

ROUNDS, ENOUGH = 7, 10.0  # rounds at most; seconds after which a slow method takes part in no further round


def time_methods(methods: list[Method], first: np.ndarray, second: np.ndarray, device: str,
                 report: Callable[[str], None]) -> dict[str, float]:
    """Seconds to fuse one slice (J, I), the median of the rounds, by name; the first round warms up where there is another."""
    pair = [torch.from_numpy(image)[None, None].to(device) for image in (first, second)]
    taken: dict[str, list[float]] = {method.key: [] for method in methods if method.fuser is not None}
    for number in range(ROUNDS):
        report(f"timing: round {number + 1} of {ROUNDS}")
        for method in methods:
            if method.key in taken and sum(taken[method.key]) < ENOUGH:
                taken[method.key].append(_once(method, pair, device))
    return {name: statistics.median(times[1:] or times) for name, times in taken.items()}


def _once(method: Method, pair: list[torch.Tensor], device: str) -> float:
    _wait(device)
    started = time.perf_counter()
    with torch.inference_mode():
        method.ready.fuse(*pair)
    _wait(device)
    return time.perf_counter() - started


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
