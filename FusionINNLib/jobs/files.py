"""Arguments and answers of a job as files: volumes of hundreds of megabytes, written and read in parts, each of which takes a moment.

A file holds sizes, a pickle (protocol 5) and behind it the memory of its arrays as it is. Both ends are this program.
"""
import pickle
import struct
from pathlib import Path
from typing import Any

from FusionINNLib.atomic import appearing
from FusionINNLib.steps import Steps

_PART = 8 * 2 ** 20  # bytes; some milliseconds
_NUMBER = struct.Struct("<Q")


def writing(path: Path, content: Any) -> Steps[None]:
    """Write a file, in steps; under another name first, so that whoever finds it finds all of it. Raises OSError."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(content, protocol=5, buffer_callback=arrays.append)
    blocks = [memoryview(head), *(array.raw() for array in arrays)]
    with appearing(path) as file:
        for number in (len(blocks), *(len(block) for block in blocks)):
            file.write(_NUMBER.pack(number))
        for block in blocks:
            for start in range(0, len(block), _PART):
                file.write(block[start:start + _PART])
                yield


def reading(path: Path) -> Steps[Any]:
    """Read what `writing` wrote, in steps. Raises OSError, EOFError, pickle.UnpicklingError."""
    with open(path, "rb") as file:
        blocks = []
        for size in [_number(file) for _ in range(_number(file))]:
            block = bytearray(size)
            for start in range(0, size, _PART):
                view = memoryview(block)[start:start + _PART]
                if file.readinto(view) < len(view):
                    raise EOFError(f"{path.name} ends early")
                yield
            blocks.append(block)
    return pickle.loads(blocks[0], buffers=blocks[1:])


def _number(file) -> int:
    data = file.read(_NUMBER.size)
    if len(data) < _NUMBER.size:
        raise EOFError("the file ends early")
    return _NUMBER.unpack(data)[0]
