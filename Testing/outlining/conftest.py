"""Model folders that the tests of suggested outlines share."""
import pytest
from outline_models import write_loud_model, write_silent_model


@pytest.fixture(scope="session")
def outline_model(tmp_path_factory) -> str:
    return write_loud_model(tmp_path_factory.mktemp("models") / "loud")


@pytest.fixture(scope="session")
def silent_model(tmp_path_factory) -> str:
    return write_silent_model(tmp_path_factory.mktemp("models") / "silent")
