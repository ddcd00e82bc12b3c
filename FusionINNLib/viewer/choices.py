"""Uploads that hold several series, or a series of several stacks of slices: kept until the user has chosen one."""
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from FusionINNLib.errors import ChoiceError, FusionINNError
from FusionINNLib.viewer import messages
from FusionINNLib.viewer.app import Viewer
from FusionINNLib.viewer.uploads import Uploads


@dataclass(frozen=True)
class _Held:
    slot: str
    path: Path
    kind: str
    chosen: dict[str, str]


class Choices:
    """Reads uploads. state: of the trame server, whose `choices` is what there is to choose from, None for nothing."""

    def __init__(self, viewer: Viewer, uploads: Uploads, state: Any):
        self._viewer, self._uploads, self._state = viewer, uploads, state
        self._held: _Held | None = None

    async def load(self, slot: str, path: Path) -> None:
        """Read what came for a slot, and drop it, unless one of several has to be chosen first. Raises FusionINNError, which was told."""
        if self._held is not None:
            self._uploads.drop(self._held.path)
        self._hold(None)
        await self._read(slot, path, {})

    async def choose(self, number: int) -> None:
        """The user has chosen one, by its place in the list, from 1."""
        held = self._held
        if held is None:
            return
        self._hold(None)
        try:
            await self._read(held.slot, held.path, {**held.chosen, held.kind: str(number)})
        except FusionINNError:
            pass  # the page has said it

    async def _read(self, slot: str, path: Path, chosen: dict[str, str]) -> None:
        try:
            await self._viewer.load(slot, path, **chosen)
        except ChoiceError as several:
            self._hold(_Held(slot, path, several.kind, chosen), several.choices)
            self._viewer.say(messages.WHICH[several.kind])
            return
        except BaseException:
            self._uploads.drop(path)
            raise
        self._uploads.drop(path)

    def _hold(self, held: _Held | None, listed: tuple[str, ...] = ()) -> None:
        self._held = held
        with self._state:
            self._state.choices = None if held is None else {"slot": held.slot, "title": messages.WHICH[held.kind], "list": list(listed)}
