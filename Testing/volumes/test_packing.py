"""Packed files are read by whoever reads gzip, and hold nothing but the content, with ISA-L and without."""
import gzip
import io

import numpy as np
import pytest

from FusionINNLib.volumes import packing


@pytest.mark.parametrize("fast", [True, False])
def test_packed(monkeypatch, fast):
    if not fast:
        monkeypatch.setattr(packing, "igzip", None)
    assert fast is (packing.igzip is not None), "isal is among what is installed with the program"
    content = np.random.default_rng(0).normal(size=200_000).astype(np.float32).round(2).tobytes()
    made = []
    for _ in range(2):
        file = io.BytesIO()
        with packing.packed(file) as inside:
            for start in range(0, len(content), 70_000):
                inside.write(content[start:start + 70_000])
        made.append(file.getvalue())
    assert made[0] == made[1] and gzip.decompress(made[0]) == content and made[0][4:8] == b"\0\0\0\0" and not made[0][3]
