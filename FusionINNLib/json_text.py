"""JSON that others may have damaged: whatever is wrong with it is a ValueError."""
import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """As `json.loads`, also where brackets are nested deeper than Python can follow. Raises ValueError."""
    try:
        return json.loads(text)
    except RecursionError as problem:
        raise ValueError("nested too deep") from problem
