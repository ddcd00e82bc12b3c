"""The application behind the page: one case, one computation at a time, and what the page is told."""
import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from FusionINNLib import mrml
from FusionINNLib.errors import Cancelled, ChoiceError, FusionINNError, InputError
from FusionINNLib.jobs.job import JobError, Said, Step
from FusionINNLib.methods import model_card, registry
from FusionINNLib.methods.settings import from_text
from FusionINNLib.progress import TimeLeft
from FusionINNLib.viewer import computations, messages, typed
from FusionINNLib.viewer.case import ROLES, Case
from FusionINNLib.viewer.display import Look
from FusionINNLib.viewer.inputs import SLOTS, Input, read_input
from FusionINNLib.viewer.patient import why_nobody
from FusionINNLib.viewer.run import Run
from FusionINNLib.viewer.state import Facts, reasons
from FusionINNLib.viewer.trame_views import SliceViews

_log = logging.getLogger("FusionINN")


@dataclass(frozen=True)
class Opening:
    """What the page opens with. inputs: by slot; result: folder of a fusion; nothing at all for the sample case."""

    inputs: dict[str, Input] = field(default_factory=dict)
    result: Path | None = None


class Viewer:
    """Runs in the event loop; what takes long runs elsewhere.

    Args:
        state: of the trame server, as `state.INITIAL` has it.
        model, device: as on the command line.
    """

    def __init__(self, state, views: SliceViews, model: str | None, device: str):
        self.state, self._model, self._device = state, model, device
        self.case = Case(views.scene)
        self.look = Look(views, self.case)
        self._run: Run | None = None
        self._left = TimeLeft()
        self._kept: mrml.FusionNodes | None = None  # the fusion that is on disk too
        self._starting = False
        self._compared: tuple | None = None  # the voxels whose difference was asked for last

    # ---- files -----------------------------------------------------------------------------------------------------------------------

    async def open(self, opening: Opening) -> None:
        """Show what the page opens with."""
        for slot, one in opening.inputs.items():
            self.case.set_input(slot, one)
        self.show()
        if (folder := opening.result) is not None:
            if await self.compute(lambda: computations.load(self.case, folder)) and self.case.fusion is not None:
                self._keep(self.case.fusion)
        elif not opening.inputs:
            await self.compute(lambda: computations.sample(self.case))

    async def load(self, slot: str, path: Path, **chosen: str) -> None:
        """Read a file into one of SLOTS. What is wrong with it is said on the page, and raised; raised alone where one of several has to be
        chosen. chosen: as of `read_input`."""
        try:
            self._refuse_while_busy()
            scans = [one for known, one in self.case.inputs.items() if known != "segmentation"]
            new = await asyncio.to_thread(partial(read_input, slot, path, beside=scans, **chosen))
            self._refuse_while_busy()
            self.case.set_input(slot, new)
            self._tell(named=False)  # somebody wanted that of another patient, perhaps
        except ChoiceError:
            raise
        except MemoryError as problem:
            self.complain(too_large := InputError("There is not enough memory for this file: resample the volume to fewer voxels."))
            raise too_large from problem
        except Exception as problem:
            self.complain(problem)
            raise
        self.say(" ".join([f"Loaded {new.file}.", *(f"Note: {note}." for note in new.volume.notes)]))
        self.show()

    def remove_segmentation(self) -> None:
        """Take the outlines away."""
        self.case.remove_segmentation()
        self.show()

    def remove_suggestion(self) -> None:
        """Take the suggested outline away."""
        self.case.remove_suggestion()
        self.show()

    # ---- computing -------------------------------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed, or about to end after Cancel."""
        return self._starting or self._run is not None

    async def sample(self) -> None:
        """Make the sample case and load it."""
        await self.compute(lambda: computations.sample(self.case))

    async def fuse(self) -> None:
        """Fuse the two inputs."""
        await self.compute(lambda: computations.fuse(self.case, alignment=self.state.alignment, reference=self.state.reference,
                                                     method=self.state.fusion_method, model=self._model_of(self.state.fusion_method),
                                                     device=self._device, settings=from_text(self.state.method_settings),
                                                     seed=typed.seed(self.state.fusion_seed)))

    async def suggest(self) -> None:
        """Have an outline suggested, by the model that comes with the program."""
        await self.compute(lambda: computations.suggest(self.case, alignment=self.state.alignment, reference=self.state.reference,
                                                        device=self._device))

    async def decompose(self) -> None:
        """Take the fused image apart, in the chosen way."""
        if self.state.method == "exact":
            await self.compute(lambda: computations.decompose(self.case, difference_of=self.state.difference_of, **self._way_back()))
        else:
            await self.compute(lambda: computations.estimate(self.case, difference_of=self.state.difference_of, **self._way_back(),
                                                             samples=typed.samples(self.state.samples),
                                                             seed=typed.seed(self.state.seed)))

    async def numbers(self) -> None:
        """Metrics, and figures of the estimate."""
        if await self.compute(lambda: computations.numbers(self.case, **self._way_back())):
            self._tell(numbers_open=True)

    async def export(self, folder: Path) -> bool:
        """Write the result folder; whether it was written."""
        fusion = self.case.fusion
        done = await self.compute(lambda: computations.export(self.case, folder, **self._way_back()))
        if done:
            self._keep(fusion)
        return done

    async def export_dicom(self, folder: Path) -> bool:
        """Write DICOM series; whether they were written. They hold no latent image, so nothing is kept by them."""
        named = bool(self.state.named) and not why_nobody(self.case)
        return await self.compute(lambda: computations.export_dicom(self.case, folder, **self._way_back(), named=named))

    async def export_outline(self, folder: Path) -> bool:
        """Write the suggested outline as a DICOM Segmentation; whether it was written."""
        return await self.compute(lambda: computations.export_outline(self.case, folder))

    async def compute(self, make: Callable[[], computations.Computation]) -> bool:
        """Have one thing computed, and say how it ended; whether it ended well. What has nothing to say leaves what was said before."""
        if self.is_busy:
            return False
        self._starting, before = True, self.state.said
        try:
            self._tell(problem="", said="", step_text="Starting ...", progress=None, cancelling=False, blink=False)
            self.look.stop_blinking()
            computation = make()
            self._run, self._left = Run(computation.task, self._on_event), TimeLeft()
            self.refresh()
            self.say(computation.keep(await self._run.result()) or before)
            return True
        except Cancelled:
            self.say("Stopped: nothing was changed.")
        except Exception as problem:  # all of them end here: nobody is above
            self.complain(problem)
        finally:
            self._run, self._starting = None, False
            self.show()
        return False

    def cancel(self) -> None:
        """Ask the computation to end."""
        if self._run is not None and not self._run.is_cancelled:
            self._run.cancel()
            self._tell(cancelling=True, step_text="Stopping ...")

    def close(self) -> None:
        """End it now: the server goes away."""
        if self._run is not None:
            self._run.close()
        self.look.close()

    # ---- what the page is told -------------------------------------------------------------------------------------------------------

    def say(self, sentence: str) -> None:
        """Tell the user."""
        self._tell(said=sentence, problem="")

    def complain(self, problem: Exception) -> None:
        """Tell the user what went wrong and what to do; what is no message for users goes to the log."""
        if not isinstance(problem, FusionINNError) or isinstance(problem, JobError):
            _log.error("%s", getattr(problem, "details", "") or problem, exc_info=problem)
        sentence = (str(problem) if isinstance(problem, FusionINNError) else
                    f"This is a defect of FusionINN ({type(problem).__name__}): please report it with what the terminal says.")
        self._tell(problem=sentence, said="")

    def show(self) -> None:
        """Bring the views, then the page, up to date."""
        self.look.method, self.look.difference_of = self.state.method, self.state.difference_of
        self.look.interval = bool(self.state.interval)
        self.look.update()
        self.refresh()
        self._compare()

    def refresh(self) -> None:
        """Bring all that the page says up to date."""
        case = self.case
        chosen, ready = registry.info(self.state.fusion_method), registry.state(self.state.fusion_method)
        shown = frozenset(view for view, node in self.look.volumes.items() if node is not None)
        facts = Facts(frozenset(case.inputs), self.is_busy, case.fusion is not None, case.exact_problem, case.only_fuses,
                      messages.unusable(chosen, ready), shown, case.colored, messages.no_dicom_outline(case.outline, case.outline_headers),
                      why_nobody(case))
        self._tell(
            busy=facts.running, why=reasons(facts, self.state.method, self.state.pair), notes=list(case.said),
            inputs={slot: messages.described(case.inputs[slot]) if slot in case.inputs else None for slot in SLOTS},
            only_fuses=facts.only_fuses, **self._about_fusing(),
            suggested=messages.SUGGESTED if case.suggestion is not None else None,
            has_exact=case.exact is not None, has_estimate=case.estimate is not None, views=self._views(),
            unkept=case.fusion is not None and case.fusion is not self._kept,
            moved=messages.moved(case.alignment), numbers=messages.table(case.rows) if case.rows else None,
            estimate_numbers=messages.table(case.estimate_rows) if case.estimate_rows else None, plane=self.look.plane)
        self.refresh_slice()
        self.refresh_window()

    def refresh_slice(self) -> None:
        """Where the slice lies."""
        where = self.look.where()
        self._tell(offset=where.pop("offset"), where=where)

    def refresh_window(self, chosen: str | None = None) -> None:
        """The window of a volume: the chosen one, unless that changes."""
        chosen = chosen or self.state.window_of
        window = self.look.window(chosen)
        ends = [window["low"], window["high"]] if window else [0.0, 1.0]
        self._tell(window_of=chosen, window=messages.window(window) if window else None, window_range=ends)

    # ---- parts -----------------------------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Have the difference computed that is to be shown and is not there; once for the same volumes, whatever comes of it."""
        method, of = self.state.method, self.state.difference_of
        if self.is_busy or not self.case.lacks_difference(method, of):
            return
        if (back := self.case.decomposed(method)) is None:
            return
        decomposed = back[ROLES.index(of)]
        compared = decomposed.GetID(), decomposed.GetImageData().GetMTime(), self.case.nodes[of].GetID()
        if compared != self._compared:
            self._compared = compared
            self._comparing = asyncio.get_running_loop().create_task(
                self.compute(lambda: computations.difference(self.case, method, of)))

    def _keep(self, fusion: mrml.FusionNodes) -> None:
        self._kept = fusion
        self.refresh()

    def _views(self) -> dict[str, dict]:
        estimated, names = self.look.estimated, {slot: one.volume.name for slot, one in self.case.inputs.items()}
        if self.case.sources is not None:
            names = dict(zip(ROLES, (source.name for source in self.case.sources))) | names
        views = {view: messages.view(view, names, self.look.volumes[view] is not None, estimated.get(view, False), self.state.method,
                                    self.state.difference_of, self.case.decomposed(self.state.method) is not None,
                                    self.case.lacks_difference(self.state.method, self.state.difference_of), self.case.colored)
                 for view in mrml.VIEWS}
        views["difference"]["identical"] = self.case.is_identical(self.state.method, self.state.difference_of)
        return views

    def _model_of(self, method: str) -> str | None:
        """The model that the page was started with, for the method that it belongs to; others take their own."""
        return self._model if self._model is not None and model_card.find(self._model).method == method else None

    def _about_fusing(self) -> dict:
        reference = self.case.inputs.get(self.state.reference)
        return messages.about_fusing(self.state.fusion_method, self._model_of(self.state.fusion_method), self.state.method_settings,
                                     reference.volume.shape if reference is not None else None, "first" in self.case.colored)

    def _way_back(self) -> dict:
        """A model that was chosen by its folder is not found by the name that the fused image has of it."""
        model = self._model_of(self.case.method.name) if self.case.method is not None else self._model
        return {"model": None if model in model_card.available() else model, "device": self._device}

    def _on_event(self, event: Step | Said) -> None:
        if isinstance(event, Said):
            self._tell(said=event.sentence)
        elif self._run is not None and not self._run.is_cancelled:
            left = self._left.words(event.task, event.done, event.total)
            share = round(100 * event.done / event.total) if event.total > 1 else None
            self._tell(step_text=messages.step_text(event, left), progress=share)

    def _refuse_while_busy(self) -> None:
        if self.is_busy:
            raise InputError("Wait until the computation is over, or cancel it.")

    def _tell(self, **values) -> None:
        with self.state:
            self.state.update(values)
