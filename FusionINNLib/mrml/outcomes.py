"""What the tasks of `mrml/tasks.py` give: facts, which panel and page put into their own words. Also what a difference is to show."""
from dataclasses import dataclass, field
from typing import Any

from FusionINNLib.mrml.nodes import Node
from FusionINNLib.mrml.results import EstimateNodes, FusionNodes
from FusionINNLib.outlining.agreement import Agreement
from FusionINNLib.outlining.records import Origin
from FusionINNLib.results.scene_folder import Export
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume


@dataclass(frozen=True)
class Compare:
    """A difference that is wanted beside a decomposition. role: of the source, 0 first, 1 second; differenceVolume: output, None for a new
    one."""

    role: int
    differenceVolume: Node | None = None


@dataclass(frozen=True)
class Fused:
    """nodes: fused and latent. alignment: how the inputs came together, as `pipeline.fuse` tells it. reference: "first" or "second".
    warnings: of the library, sentences for the user."""

    nodes: FusionNodes
    alignment: Any
    reference: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Exact:
    """nodes: first and second as they were fused. difference: node, None where none was wanted or the source is gone."""

    nodes: tuple[Node, Node]
    difference: Node | None


@dataclass(frozen=True)
class Estimated:
    """nodes: the images of the estimate. trust: what became of the fused image before. warnings: sentences for the user. difference: as in
    `Exact`."""

    nodes: EstimateNodes
    trust: Trust
    warnings: tuple[str, ...]
    difference: Node | None


@dataclass(frozen=True)
class SuggestedNode:
    """node: a new segmentation. volume_ml: inside of the outline. agreement: with what somebody drew, None where nothing was. warnings:
    sentences for the user. labels: the outline, 1 inside, on the grid of the reference. origin: the network."""

    node: Node
    volume_ml: float
    agreement: Agreement | None
    warnings: tuple[str, ...]
    labels: Volume
    origin: Origin


@dataclass(frozen=True)
class Loaded:
    """nodes: fused and latent. others: what else there was, by the names of `storeExport`. export: the folder as it was read."""

    nodes: FusionNodes
    others: dict[str, Node] = field(default_factory=dict)
    export: Export | None = None
