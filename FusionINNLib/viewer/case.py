"""What is loaded and what was made of it, as nodes of the scene: inputs, fusion, both ways back, numbers. Main thread only."""
from dataclasses import dataclass, field, replace
from typing import Any

from FusionINNLib import mrml
from FusionINNLib.errors import ResultError
from FusionINNLib.evaluation.case_metrics import Row
from FusionINNLib.methods.base import MethodInfo, no_estimate
from FusionINNLib.mrml.nodes import PREFIX, recordOf
from FusionINNLib.outlining.records import Origin
from FusionINNLib.reports.columns import window
from FusionINNLib.results.scene_folder import Export, Segment, Segments, Source
from FusionINNLib.viewer.inputs import Input
from FusionINNLib.volumes.color import ColorVolume
from FusionINNLib.volumes.volume import Volume

Node = Any
ROLES = ("first", "second")
SUGGESTED = "SUGGESTED by a network"  # in place of the name of a file


@dataclass(frozen=True)
class Outline:
    """A suggested outline as the network left it. labels: 1 inside, on the grid of the input `role`."""

    labels: Volume
    origin: Origin
    role: str


@dataclass
class Case:
    """One case of a scene.

    inputs, nodes: by "first", "second", "segmentation"; what is not loaded is not in them. sources: of the fusion, by name and checksum.
    suggestion: an outline that a network suggested, where somebody drew one too; else it is the segmentation, and called what it is.
    outline: the same as labels, in both cases.
    exact, estimate: of the fusion as it is now, None where it was not decomposed so. intervals: of the estimate, as far as somebody wanted
    to see them. differences: by way back and source ("exact", "first"). said: sentences on how the inputs came together.
    """

    scene: Any
    inputs: dict[str, Input] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    suggestion: Node | None = None
    outline: Outline | None = None
    fusion: mrml.FusionNodes | None = None
    sources: tuple[Source, Source] | None = None
    exact: tuple[Node, Node] | None = None
    estimate: mrml.EstimateNodes | None = None
    intervals: dict[str, Node] = field(default_factory=dict)
    differences: dict[tuple[str, str], Node] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    estimate_rows: tuple[Row, ...] = ()
    said: tuple[str, ...] = ()

    # ---- inputs ----------------------------------------------------------------------------------------------------------------------

    def set_input(self, slot: str, new: Input) -> None:
        """Put an input into the scene. A fusion of other volumes goes away, one of this very file stays."""
        node = self._outlines(new) if slot == "segmentation" else self._scan(slot, new)
        self._remove(self.nodes.get(slot))
        if slot == "segmentation":
            self._forget_outline()
        self.inputs[slot], self.nodes[slot] = new, node
        if slot == "segmentation":
            self.rows = self.estimate_rows = ()
        elif not self._is_source(slot, new):
            self.forget_fusion()
            self.remove_suggestion()
            if "segmentation" in self.inputs and self.inputs["segmentation"].file == SUGGESTED:  # it was of the volume that is gone
                self.remove_segmentation()
        else:
            self._refer(slot)
        self._anchor_outlines()

    def remove_segmentation(self) -> None:
        """Take the outlines away."""
        self._remove(self.nodes.pop("segmentation", None))
        self._forget_outline()
        self.inputs.pop("segmentation", None)
        self.rows = self.estimate_rows = ()

    def set_suggestion(self, suggested: mrml.SuggestedNode, role: str) -> None:
        """An outline that was suggested just now, on the grid of the input `role`: in place of an earlier one, and of the segmentation
        where nobody has drawn one."""
        self.remove_suggestion()
        node, drawn = suggested.node, self.nodes.get("segmentation")
        if drawn is not None and not mrml.isSuggestion(drawn):
            self.suggestion = node
        else:
            segments = mrml.segmentsFromNode(node, suggested.labels)
            labels = {one.label: (one.name, one.color) for one in segments.segments}
            self._remove(node)
            self.set_input("segmentation", Input(replace(segments.labels, name="suggested"), SUGGESTED, "", labels))
        self.outline = Outline(suggested.labels, suggested.origin, role)

    def remove_suggestion(self) -> None:
        """Take what was suggested away, unless it is the segmentation."""
        if self.suggestion is not None:
            self._remove(self.suggestion)
            self.suggestion = self.outline = None

    def clear(self) -> None:
        """Take everything away."""
        self.forget_fusion()
        self.remove_suggestion()
        for node in self.nodes.values():
            self._remove(node)
        self.inputs, self.nodes, self.outline = {}, {}, None

    def source(self, slot: str) -> Source:
        """An input as provenance names it: as the command line does."""
        one = self.inputs[slot]
        grid = {"shape_kji": list(one.volume.shape), "ijk_to_ras_mm": one.volume.affine.tolist()}
        return Source(one.volume.name, one.file, one.sha256, one.volume.unit, grid)

    # ---- results ---------------------------------------------------------------------------------------------------------------------

    def set_fusion(self, nodes: mrml.FusionNodes, sources: tuple[Source, Source], said: tuple[str, ...]) -> None:
        """A new fusion; what was decomposed from an earlier one goes away."""
        self.forget_decompositions()
        self.fusion, self.sources, self.said, self.rows = nodes, sources, said, ()

    def check_sources(self, export: Export) -> None:
        """Raise ResultError where a result folder was fused from other files than the inputs."""
        for slot, source in zip(ROLES, export.sources):
            if slot in self.inputs and self.inputs[slot].sha256 != source.sha256:
                raise ResultError(f"{self.inputs[slot].file} is not the file that this result was fused from ({source.file}): give the two "
                                  "volumes that were fused, or the result folder alone.")

    def set_loaded(self, loaded: mrml.Loaded) -> None:
        """A result folder instead of the fusion that is shown."""
        export, others = loaded.export, loaded.others
        self.forget_fusion()
        self.set_fusion(loaded.nodes, export.sources, export.notes)
        for slot in ROLES:
            if slot in self.nodes:
                self._refer(slot)
        if "firstExact" in others:
            self.exact = others["firstExact"], others["secondExact"]
        if "first" in others:
            self.estimate = mrml.EstimateNodes(**{name: others[name] for name in mrml.EstimateNodes.__dataclass_fields__})
        if "segmentation" in others and "segmentation" not in self.nodes:
            labels = {one.label: (one.name, one.color) for one in export.segments.segments}
            self.inputs["segmentation"] = Input(export.segments.labels, "segmentation of the result", "", labels)
            self.nodes["segmentation"] = others["segmentation"]

    def set_exact(self, nodes: tuple[Node, Node]) -> None:
        """(first, second) as decomposed exactly."""
        self.exact = nodes
        self._forget_differences("exact")

    def set_estimate(self, nodes: mrml.EstimateNodes) -> None:
        """As estimated from the fused image alone."""
        self.estimate, self.estimate_rows = nodes, ()
        self._forget_differences("estimated")

    def set_difference(self, method: str, difference_of: str, node: Node | None) -> None:
        """Decomposed minus source, see `shown`; None where there is none."""
        if node is not None:
            self.differences[method, difference_of] = node

    def forget_fusion(self) -> None:
        """Take fusion and decompositions away."""
        self.forget_decompositions()
        if self.fusion is not None:
            self._remove(self.fusion.fused)
            self._remove(self.fusion.latent)
        self.fusion, self.sources, self.said, self.rows = None, None, (), ()

    def forget_decompositions(self) -> None:
        """Take both ways back away."""
        self._forget_differences("exact", "estimated")
        for node in (*(self.exact or ()), *(vars(self.estimate).values() if self.estimate else ()), *self.intervals.values()):
            self._remove(node)
        self.exact, self.estimate, self.intervals, self.estimate_rows = None, None, {}, ()

    @property
    def alignment(self) -> dict:
        """As fusion.json has it, and "moved": the name of the source that was moved; empty where nothing is fused."""
        if self.fusion is None or self.sources is None:
            return {}
        moved = self.sources[1 if recordOf(self.fusion.fused, "Settings", {}).get("reference") == "first" else 0]
        return recordOf(self.fusion.fused, "Alignment", {}) | {"moved": moved.name}

    def is_identical(self, method: str, difference_of: str) -> bool:
        """Whether what was decomposed is the source in every voxel."""
        node = self.differences.get((method, difference_of))
        return node is not None and node.GetImageData().GetScalarRange() == (0.0, 0.0)

    def shown(self, method: str, difference_of: str) -> dict[str, Node | None]:
        """What each of `mrml.VIEWS` shows. method: "exact" or "estimated"; difference_of: "first" or "second"."""
        back = self.decomposed(method) or (None, None)
        return {"first": self.nodes.get("first"), "second": self.nodes.get("second"), "fused": self.fusion.fused if self.fusion else None,
                "decomposedFirst": back[0], "decomposedSecond": back[1], "difference": self.differences.get((method, difference_of))}

    def interval_over(self, method: str) -> dict[str, Node]:
        """How sure what is shown below is, to lay over it, by the names that `mrml.showCase` has for it: made, or brought up to date, when
        it is asked for. What is exact has nothing of the kind."""
        if method != "estimated" or (one := self.estimate) is None:
            return {}
        self.intervals = {"overFirst": mrml.intervalOf(self.scene, one.first, one.firstSpread),
                          "overSecond": mrml.intervalOf(self.scene, one.second, one.secondSpread)}
        return self.intervals

    def decomposed(self, method: str) -> tuple[Node, Node] | None:
        """(first, second) as decomposed in one of the two ways; None where that was not done."""
        if method == "exact":
            return self.exact
        return (self.estimate.first, self.estimate.second) if self.estimate else None

    @property
    def method(self) -> MethodInfo | None:
        """How the fused image was made; None where there is none, or by a method that is not installed here."""
        return mrml.methodOf(self.fusion.fused) if self.fusion else None

    @property
    def outline_headers(self) -> tuple[Any, ...]:
        """Of the series on whose grid the suggested outline lies; () where it came as something else, or there is no outline."""
        return self.inputs[self.outline.role].headers if self.outline is not None and self.outline.role in self.inputs else ()

    @property
    def exact_problem(self) -> str:
        """Why the fused image has no exact way back, "" where it has one or there is none."""
        stored = mrml.fusionFromNodes(self.fusion.fused, self.fusion.latent) if self.fusion is not None else None
        return "" if stored is None or stored.obstacle is None else stored.obstacle.sentence

    @property
    def only_fuses(self) -> str:
        """Why the fused image has no way back at all, "" where its method has one."""
        row = self.method
        return "" if row is None or row.capabilities.exact or row.capabilities.estimate else no_estimate(row)

    @property
    def colored(self) -> frozenset[str]:
        """Which of ROLES are in colour: of the inputs, and of what was fused."""
        return frozenset({*(slot for slot, one in self.inputs.items() if one.chroma is not None),
                          *filter(None, [mrml.colorRole(self.fusion.fused) if self.fusion else None])})

    def lacks_difference(self, method: str, difference_of: str) -> bool:
        """Whether there is something to compare that was not compared yet."""
        return self.decomposed(method) is not None and difference_of in self.nodes and (method, difference_of) not in self.differences

    # ---- parts -----------------------------------------------------------------------------------------------------------------------

    def _forget_outline(self) -> None:
        """A segmentation goes that was a suggested outline, if it was."""
        if "segmentation" in self.inputs and self.inputs["segmentation"].file == SUGGESTED:
            self.outline = None

    def _forget_differences(self, *methods: str) -> None:
        for key in [key for key in self.differences if key[0] in methods]:
            self._remove(self.differences.pop(key))  # a new node gets a window that fits it

    def _scan(self, slot: str, new: Input) -> Node:
        if isinstance(new.scan, ColorVolume):
            return mrml.addColorVolumeNode(self.scene, new.scan)
        node = mrml.addVolumeNode(self.scene, new.volume.name)
        mrml.updateVolumeNode(node, new.volume)
        mrml.setWindow(node, *window(new.volume, new.volume.through_plane_axis))
        return node

    def _outlines(self, new: Input) -> Node:
        segments = tuple(Segment(f"Segment_{label}", name, color, label) for label, (name, color) in new.labels.items())
        return mrml.segmentationFromLabels(self.scene, Segments(new.volume, segments), new.volume.name)

    def _anchor_outlines(self) -> None:
        """Say on which volume the segments were drawn, so that they move along with it."""
        if "segmentation" not in self.nodes:
            return
        labels = self.inputs["segmentation"].volume
        for slot in ("second", "first"):
            if slot in self.inputs and labels.same_grid(self.inputs[slot].volume):
                self.nodes["segmentation"].SetReferenceImageGeometryParameterFromVolumeNode(self.nodes[slot])

    def _is_source(self, slot: str, new: Input) -> bool:
        return self.sources is not None and self.sources[ROLES.index(slot)].sha256 == new.sha256

    def _refer(self, slot: str) -> None:
        for node in filter(None, vars(self.fusion).values()):
            node.SetNodeReferenceID(PREFIX + slot.capitalize(), self.nodes[slot].GetID())

    def _remove(self, node: Node | None) -> None:
        if node is None:
            return
        for color in mrml.colorsOf(node):
            self._remove(color)
        for n in reversed(range(node.GetNumberOfDisplayNodes())):
            self.scene.RemoveNode(node.GetNthDisplayNode(n))
        self.scene.RemoveNode(node)
