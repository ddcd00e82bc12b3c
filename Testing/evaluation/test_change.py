"""What changed between two time points: scales matched, cavities kept, nothing outside of the heads."""
from dataclasses import replace

import numpy as np
import pytest
from making import head, volume

from FusionINNLib.errors import GeometryError
from FusionINNLib.evaluation.change import change

BEFORE = head().astype(np.float32)


def after(**places: float) -> np.ndarray:
    """The same head with a bright lesion or a dark cavity."""
    array = BEFORE.copy()
    for value in places.values():
        array[2:4, 20:26, 20:26] = value
    return array


@pytest.mark.parametrize("value", [0.0, 2.0 * float(BEFORE.max())])
def test_a_scanner_with_another_scale_is_matched_and_the_lesion_remains(value):
    later = after(lesion=value)
    found = change(volume(BEFORE * 0.5 + np.float32(30) * (BEFORE > 0), "pre"), volume(later, "post"))
    assert found.matched is not None and found.matched == pytest.approx((2.0, -60.0), rel=0.05, abs=10)
    wanted = later - BEFORE
    lesion = wanted != 0
    assert np.abs(found.volume.array - wanted)[lesion].max() < 0.05 * np.abs(wanted).max(), "a cavity is inside of the head"
    assert np.abs(found.volume.array[~lesion]).max() < 0.05 * BEFORE.max()
    assert found.half_width > 0 and np.all(found.volume.array[:, :3] == 0), "nothing outside of the heads"


def test_values_with_a_unit_are_compared_as_they_are():
    earlier, later = (volume(array, name) for array, name in ((BEFORE, "a"), (BEFORE + 10 * (BEFORE > 0), "b")))
    found = change(replace(earlier, unit="um2/s"), replace(later, unit="um2/s"))
    assert found.matched is None and found.volume.unit == "um2/s"
    assert np.median(found.volume.array[BEFORE > 0]) == pytest.approx(10, abs=1e-3)


def test_two_grids_are_refused():
    with pytest.raises(GeometryError, match="different grids"):
        change(volume(BEFORE, "a"), volume(BEFORE[1:], "b"))
