"""Uploads that hold several series or stacks: listed, kept until one is chosen, dropped then."""
import asyncio
import pickle
import types

import numpy as np
import pytest
from dicom_making import save, slices

from FusionINNLib.errors import ChoiceError, InputError
from FusionINNLib.viewer.choices import Choices
from FusionINNLib.viewer.inputs import read_input
from FusionINNLib.viewer.uploads import Uploads


class State(types.SimpleNamespace):
    """As trame's: told within a block."""

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return None


class Reader:
    """The viewer as far as it reads files."""

    def __init__(self):
        self.read, self.said = [], []

    async def load(self, slot, path, **chosen):
        self.read.append(read_input(slot, path, **chosen))

    def say(self, sentence):
        self.said.append(sentence)


def stored(n: int) -> np.ndarray:
    return (np.arange(5 * 8 * 9).reshape(5, 8, 9) % 97 + 100 * n).astype(np.int16)


@pytest.fixture
def made():
    uploads, reader, state = Uploads(10 ** 8), Reader(), State(choices=None)
    yield Choices(reader, uploads, state), uploads, reader, state
    uploads.close()


def test_one_of_two_series_and_then_one_of_its_stacks(made):
    choices, uploads, reader, state = made
    folder = save(slices(stored(1), series="localizer"), uploads.new_folder())
    for b, n in ((0, 2), (1000, 3)):
        save(slices(stored(n), series="DWI", DiffusionBValue=float(b)), folder)
    asyncio.run(choices.load("first", folder))
    assert reader.read == [] and state.choices["slot"] == "first" and len(state.choices["list"]) == 2 and folder.is_dir()
    number = next(n for n, words in enumerate(state.choices["list"], 1) if words.startswith("DWI"))
    asyncio.run(choices.choose(number))
    assert "stacks" in state.choices["title"] and [("1000" in words) for words in state.choices["list"]] == [False, True]
    asyncio.run(choices.choose(2))
    assert state.choices is None and not folder.exists()
    np.testing.assert_array_equal(np.sort(reader.read[0].volume.array, None), np.sort(stored(3), None))
    asyncio.run(choices.choose(1))
    assert len(reader.read) == 1, "nothing is left to choose from"


def test_other_files_take_the_place_of_what_waits(made):
    choices, uploads, reader, state = made
    waiting = save(slices(stored(1), series="a") + slices(stored(2), series="b"), uploads.new_folder())
    asyncio.run(choices.load("first", waiting))
    other = save(slices(stored(4), series="c"), uploads.new_folder())
    asyncio.run(choices.load("second", other))
    assert state.choices is None and not waiting.exists() and not other.exists() and len(reader.read) == 1
    empty = uploads.new_folder()
    with pytest.raises(InputError):
        asyncio.run(choices.load("second", empty))
    assert not empty.exists()


def test_a_choice_comes_whole_from_another_process():
    again = pickle.loads(pickle.dumps(ChoiceError("Which?", "series", ("a", "b"))))
    assert str(again) == "Which?" and (again.kind, again.choices) == ("series", ("a", "b"))
