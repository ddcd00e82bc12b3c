"""What is said where the system refuses the page something."""
import errno
from types import SimpleNamespace

import pytest

from FusionINNLib.errors import InputError
from FusionINNLib.viewer import server


@pytest.mark.parametrize("problem, words", [
    (OSError(errno.EADDRINUSE, "Address already in use"), "on port 8123 (Address already in use): choose another --port"),
    (OSError(errno.EACCES, "Permission denied"), "on port 8123 (Permission denied): choose another --port"),
    (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "cannot be served (/tmp/x: No space left on device)"),
    (OSError(errno.EACCES, "Permission denied", "/tmp/y"), "cannot be served (/tmp/y: Permission denied)"),
    (OSError(errno.EMFILE, "Too many open files"), "cannot be served (Too many open files)"),
])
def test_only_what_is_about_the_port_is_said_of_it(problem, words, monkeypatch):
    def fail(serving):
        serving.close()
        raise problem

    monkeypatch.setattr(server, "asyncio", SimpleNamespace(run=fail))
    page = server.PageServer(None, port=8123, open_browser=False, most_bytes=1, model=None, device="cpu")
    with pytest.raises(InputError) as refused:
        page.run()
    assert words in str(refused.value) and ("--port" in str(refused.value)) == ("--port" in words)
