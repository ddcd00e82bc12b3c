"""What a user is told of the time before the work: every method of this program has a cost, and it grows as the work does."""
from dataclasses import replace

import pytest

from FusionINNLib.errors import InputError
from FusionINNLib.methods import cost, registry
from FusionINNLib.methods.cost import Cost

SMALL, LARGE = (10, 100, 100), (100, 100, 100)


@pytest.fixture
def slow():
    """A method that takes two minutes for a million voxels, without being slow."""
    row = replace(registry.info("average"), name="slow", title="Slow", cost=Cost(120.0))
    registry.register(row)
    yield row
    registry.unregister("slow")


@pytest.mark.parametrize("name", list(registry.METHODS))
def test_every_method_says_what_it_takes(name):
    small, large = registry.seconds_of(name, SMALL), registry.seconds_of(name, LARGE)
    assert small is not None and large == pytest.approx(10 * small) and 0.01 < large < 1000
    assert "155" in registry.cost_in_words(name)


def test_settings_and_models_count():
    whole = registry.seconds_of("ddfm", LARGE)
    assert registry.seconds_of("ddfm", LARGE, given={"steps": "50"}) == pytest.approx(whole / 2)
    of_network = registry.seconds_of("ddfm", LARGE, "ddfm-unet", {"steps": 100})
    assert of_network is not None and of_network > 3 * whole, "a network at each step, and not a table of numbers"
    with pytest.raises(InputError, match="steps takes"):
        registry.seconds_of("ddfm", LARGE, given={"steps": "0"})


def test_what_cannot_be_said_is_not_said(slow):
    assert registry.cost_in_words("slow", LARGE, "no such model") == ""
    assert registry.cost_in_words("slow", LARGE, settings="this is none") == registry.cost_in_words("slow", LARGE)
    registry.register(replace(slow, name="unmeasured", cost=None))
    try:
        assert registry.seconds_of("unmeasured", LARGE) is None and registry.cost_in_words("unmeasured", LARGE) == ""
    finally:
        registry.unregister("unmeasured")


@pytest.mark.parametrize("seconds, words", [(0.2, "a few seconds"), (47.3, "about 47 s"), (123.0, "about 2 min"), (7300.0, "about 2.0 h")])
def test_in_words(seconds, words):
    assert cost.in_words(seconds) == words and words in cost.sentence(seconds, (46, 256, 240))
    assert cost.sentence(seconds, (46, 256, 240)).startswith("Fusing 240 x 256 x 46 voxels takes ")
