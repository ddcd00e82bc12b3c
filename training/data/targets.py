"""What a network that suggests outlines is asked for, one table: name -> which drawn labels belong to it, and where they were drawn."""
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import InputError


@dataclass(frozen=True)
class Target:
    """labels: of the drawn ones, None for all of them. titles: set in which it was drawn -> what it is called there; only
    these sets are trained on and measured. files: what its pages are called."""

    labels: tuple[int, ...] | None
    titles: Mapping[str, str]
    files: str

    def drawn(self, labels: np.ndarray) -> np.ndarray:
        """Boolean, where any array of labels shows it."""
        return labels > 0 if self.labels is None else np.isin(labels, self.labels)


WHOLE = Target(None, {"brats18": "BraTS 2018, whole tumour", "lgg": "LGG, FLAIR abnormality"}, "outlines")
CORE = Target((1, 4), {"brats18": "BraTS 2018, tumour core"}, "core")
"""Necrotic, non-enhancing and enhancing tumour, without oedema. LGG's outlines know no parts."""

TARGETS = {"whole": WHOLE, "core": CORE}


def target_of(name: str) -> Target:
    """By name. Raises InputError for one that there is not."""
    if name not in TARGETS:
        raise InputError(f"{name!r} cannot be outlined: choose among {', '.join(TARGETS)}.")
    return TARGETS[name]
