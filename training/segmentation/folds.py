"""Five folds by patient. The first is the split itself, so that no patient it holds back has been seen by the model that is shipped."""
from pathlib import Path

from training.data.splits import read_splits
from training.data.targets import WHOLE, Target

NUMBER = 5

Split = dict[str, dict[str, list[str]]]
"""Set -> part (`train`, `val`) -> case names."""


def folds(splits: Path, target: Target = WHOLE) -> list[Split]:
    """`NUMBER` splits of the sets of glioma patients in which the target was drawn; each patient is held back ('val') in exactly one."""
    table = {name: parts for name, parts in read_splits(splits).items() if name in target.titles}
    held_back = [{name: sorted(parts["val"]) for name, parts in table.items()}]
    for fold in range(NUMBER - 1):
        held_back.append({name: sorted(parts["train"])[fold::NUMBER - 1] for name, parts in table.items()})
    everyone = {name: sorted(parts["train"] + parts["val"]) for name, parts in table.items()}
    return [{name: {"train": [case for case in everyone[name] if case not in held[name]], "val": held[name]} for name in table}
            for held in held_back]
