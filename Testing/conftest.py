"""What all tests share."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of real data and reference values beside the checkout. Skips where it is absent; CI must not skip where it is present."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout: real data and reference values are not distributed with the project")
    return SHARED
