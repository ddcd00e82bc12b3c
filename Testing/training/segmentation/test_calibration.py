"""Temperature, islands rule and calibration error on made-up logits whose answers are known."""
import numpy as np
import pytest

from FusionINNLib.outlining.outline import Rule
from training.segmentation.calibration import Example, Reliability, chosen_rule, fitted_temperature


def example(temperature=1.0, seed=0):
    """Labels that are drawn with the probability that logits / temperature give."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (8, 60, 60))
    drawn = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    return Example(logits * temperature, drawn, np.ones(drawn.shape, bool), 0.01)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature):
    assert fitted_temperature([example(temperature, seed) for seed in range(3)]) == pytest.approx(temperature, rel=0.1)


def test_calibrated_probabilities_have_next_to_no_error_and_others_have_theirs():
    one = example()
    probability = 1 / (1 + np.exp(-one.logits))
    assert Reliability.of(probability.ravel(), one.drawn.ravel()).error < 0.02
    always = Reliability.of(np.full(1000, 0.9), np.arange(1000) < 300)
    assert always.error == pytest.approx(0.6)
    assert (always + always).error == pytest.approx(0.6) and (always + always).count.sum() == 2000


def test_islands_that_are_never_drawn_are_left_out():
    logits, drawn = np.full((10, 40, 40), -5.0), np.zeros((10, 40, 40), bool)
    logits[2:8, 10:30, 10:30], drawn[2:8, 10:30, 10:30] = 5, True
    logits[0:2, 0:3, 0:3] = 5  # a speck
    one = Example(logits, drawn, np.ones(drawn.shape, bool), 0.01)
    rule = chosen_rule([one])
    assert rule.least_ml > 0 or rule.least_share > 0
    assert chosen_rule([Example(np.where(drawn, 5.0, -5.0), drawn, one.head, 0.01)]).threshold == Rule().threshold == 0.5
