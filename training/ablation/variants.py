"""The rows of Table 2: what is different in each from the published settings."""
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

PRIORS: dict[str, Callable[[Tensor], Tensor]] = {
    "normal": torch.randn_like, "zeros": torch.zeros_like, "ones": torch.ones_like, "uniform": torch.rand_like}
"""What is put in the place of the latent on the way back, by name: numbers of the shape of a given latent."""


@dataclass(frozen=True)
class Variant:
    """One network to train.

    key: name of its folder of runs. group: which setting it varies, "" for the published one. k: coupling blocks. alpha: share of the way
    there in the loss. lam: lambda, share of SSIM against mean squares. prior: of `PRIORS`, in training and in the test.
    """

    key: str
    group: str = ""
    k: int = 3
    alpha: float = 0.5
    lam: float = 0.8
    prior: str = "normal"

    @property
    def settings(self) -> list[str]:
        """As `python -m training fit --set` takes them; the prior is no setting there."""
        return ["preset=paper", f'settings={{"k": {self.k}}}', f"forward_share={self.alpha}", f"ssim_share={self.lam}"]


PUBLISHED = Variant("published")
VARIANTS = (
    PUBLISHED,
    Variant("alpha_0.2", "alpha", alpha=0.2), Variant("alpha_0.8", "alpha", alpha=0.8), Variant("alpha_1", "alpha", alpha=1.0),
    Variant("lambda_0.9", "lambda", lam=0.9), Variant("lambda_0.99", "lambda", lam=0.99), Variant("lambda_0.999", "lambda", lam=0.999),
    Variant("k_1", "k", k=1), Variant("k_2", "k", k=2), Variant("k_4", "k", k=4),
    Variant("prior_zeros", "prior", prior="zeros"), Variant("prior_ones", "prior", prior="ones"),
    Variant("prior_uniform", "prior", prior="uniform"),
)
USUAL, MORE = 3, {"k_1": 12}
"""How often a row is trained, with seeds 0, 1, 2 and so on: some trainings end with one source lost, whatever the settings are. That one
block cannot decompose, where three can in about every third training, takes as many to tell from chance."""
TRAININGS = tuple((seed, variant) for seed in range(max(USUAL, *MORE.values())) for variant in VARIANTS
                  if seed < MORE.get(variant.key, USUAL))
"""All of them, (seed, row): each row's first, then each row's second, and so on."""


@dataclass(frozen=True)
class Group:
    """A setting that is varied, for readers: its name, and what it is where the name does not say it."""

    name: str
    meaning: str = ""

    @property
    def title(self) -> str:
        """Both."""
        return f"{self.name} ({self.meaning})" if self.meaning else self.name


GROUPS = {"alpha": Group("alpha", "share of the way there in the loss"), "lambda": Group("lambda", "share of SSIM in the loss"),
          "k": Group("k", "coupling blocks"), "prior": Group("latent on the way back, in training and test")}
"""The settings that are varied."""


def family(group: str) -> list[Variant]:
    """The rows of one setting, the published one among them, in ascending order of numbers, priors as listed."""
    rows = [variant for variant in VARIANTS if variant.group in ("", group)]
    return rows if group == "prior" else sorted(rows, key=lambda variant: value_of(variant, group))


def value_of(variant: Variant, group: str) -> float | str:
    """What a row has for a setting."""
    return getattr(variant, {"lambda": "lam"}.get(group, group))
