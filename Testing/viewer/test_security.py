"""Who is let in, what may be sent, and what is left when the server ends. Without a browser."""
import asyncio
import http.client
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from FusionINNLib.errors import InputError
from FusionINNLib.viewer.security import REFUSED, Gate
from FusionINNLib.viewer.uploads import Uploads, safe_name

HOST = "127.0.0.1:8123"


def request(host=HOST, token=None, cookie=None, origin=None):
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    return SimpleNamespace(headers=headers, query={"token": token} if token else {}, cookies={"fusioninn_8123": cookie} if cookie else {})


@pytest.mark.parametrize(("admitted", "asked"), [
    (True, {"token": "secret"}), (True, {"cookie": "secret"}), (True, {"cookie": "secret", "origin": f"http://{HOST}"}),
    (False, {}), (False, {"token": "Secret"}), (False, {"cookie": "wrong"}),
    (False, {"token": "secret", "host": "evil.example:8123"}), (False, {"token": "secret", "host": "127.0.0.1.evil.example:8123"}),
    (False, {"cookie": "secret", "origin": "http://evil.example"}), (False, {"cookie": "secret", "origin": "null"}),
    (False, {"cookie": "secret", "origin": "http://127.0.0.1:9999"})])
def test_the_gate(admitted, asked):
    assert Gate("secret").admits(request(**asked)) is admitted


def test_tokens_cannot_be_guessed():
    assert len({Gate().token for _ in range(50)}) == 50 and len(Gate().token) >= 32


@pytest.mark.parametrize("name", ["../evil.nii.gz", "..", ".", "", "/etc/passwd", "a/b.nii", "a\\b.nii", "C:\\x.nii", ".hidden.nii.gz",
                                  "a\0.nii", "a\n.nii", "con.nii", "x" * 300, "a\u202egz.nii", "trailing.", "trailing "])
def test_path_tricks(name):
    with pytest.raises(InputError, match="file name is not allowed"):
        safe_name(name)


@pytest.mark.parametrize("name", ["adc.nii.gz", "T1 post (2).nrrd", "Übersicht.mha", "IM_0001", "console.nii"])
def test_names_that_are_names(name):
    assert safe_name(name) == name


def receive(uploads, *files):
    async def pieces(content):
        for start in range(0, len(content), 10):
            yield content[start:start + 10]

    async def parts():
        for name, content in files:
            yield name, pieces(content)

    return asyncio.run(uploads.receive(parts()))


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Uploads(100)
    yield made
    made.close()
    assert list(tmp_path.iterdir()) == []


def left(uploads) -> list[Path]:
    return list(uploads.folder.iterdir())


def test_the_folder_is_private(uploads):
    assert uploads.folder.stat().st_mode & 0o077 == 0


def test_what_is_to_be_read(uploads):
    assert receive(uploads, ("a.nii.gz", b"x" * 50)).read_bytes() == b"x" * 50
    assert receive(uploads, ("a.raw", b"x"), ("a.mhd", b"y")).name == "a.mhd"
    assert receive(uploads, ("1.dcm", b"x"), ("2.dcm", b"y")).is_dir()
    assert receive(uploads, ("odd.txt", b"x")).name == "odd.txt"
    assert receive(uploads, ("a.png", b"x")).name == "a.png"
    assert receive(uploads, ("1.dcm", b"x"), ("2.dcm", b"y"), ("a.png", b"z")).is_dir()


@pytest.mark.parametrize(("files", "words"), [
    ([("a.nii", b"x" * 101)], "larger than"), ([("a.dcm", b"x" * 60), ("b.dcm", b"x" * 60)], "larger than"),
    ([("a.nii", b"x"), ("a.nii", b"y")], "same name"), ([("a.nii", b"x"), ("b.nii", b"y")], "several volumes"),
    ([("a.png", b"x"), ("b.PNG", b"y")], "several pictures"),
    ([("a.nii", b"x"), ("../b", b"y")], "not allowed"), ([], "No file")])
def test_refused_uploads_leave_nothing(uploads, files, words):
    with pytest.raises(InputError, match=words):
        receive(uploads, *files)
    assert left(uploads) == []


def test_what_was_read_goes_away(uploads):
    uploads.drop(receive(uploads, ("a.nii.gz", b"x")))
    uploads.drop(receive(uploads, ("1.dcm", b"x"), ("2.dcm", b"y")))
    assert left(uploads) == []


# ---- the server itself -----------------------------------------------------------------------------------------------------------------


def ask(served, path, method="GET", body=None, **headers):
    """(status, text) of a request as some program makes it; the token only if it is in the path or the headers."""
    connection = http.client.HTTPConnection(urlsplit(served.root).netloc, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def multipart(name: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    head = f'--frontier\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--frontier--\r\n", {"Content-Type": "multipart/form-data; boundary=frontier"}


@pytest.fixture(scope="module")
def served(serve_file, files):
    """One that takes no large files."""
    return serve_file(files["first"], files["second"], "--max-upload", "1")


def test_requests_from_others_are_refused(served, files):
    port = urlsplit(served.root).port
    cookie = {"Cookie": f"fusioninn_{port}={served.token}"}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for path in ("/", "/index.html", "/?token=wrong", "/__fusioninn/viewer.js", "/download/1/fusioninn-result.zip", "/nowhere"):
        assert ask(served, path) == (403, REFUSED)
    assert ask(served, "/ws", **upgrade) == (403, REFUSED)
    assert ask(served, "/ws", **upgrade, **cookie, Origin="http://evil.example")[0] == 403
    assert ask(served, "/", **cookie, Host=f"evil.example:{port}")[0] == 403
    body, kind = multipart("adc.nii.gz", files["first"].read_bytes())
    assert ask(served, "/upload/first", "POST", body, **kind) == (403, REFUSED)
    assert ask(served, "/index.html", **cookie)[0] == 200
    assert ask(served, "/upload/first", "POST", body, **kind, **cookie) == (200, "loaded")
    assert ask(served, "/upload/elsewhere", "POST", body, **kind, **cookie)[0] == 404
    assert ask(served, "/__fusioninn/../../../inputs.py", **cookie)[0] in (403, 404)
    assert ask(served, "/__fusioninn/%2e%2e/inputs.py", **cookie)[0] in (403, 404)


def test_uploads_that_are_refused(served, files):
    cookie = {"Cookie": f"fusioninn_{urlsplit(served.root).port}={served.token}"}
    content = files["first"].read_bytes()
    for name in ("../../evil.nii.gz", "..%2fevil.nii.gz", "/tmp/evil.nii.gz", ".nii.gz"):
        body, kind = multipart(name, content)
        status, text = ask(served, "/upload/first", "POST", body, **kind, **cookie)
        assert status == 422 and "file name is not allowed" in text, (name, status, text)
    body, kind = multipart("large.nii.gz", b"\0" * (2 ** 20 + 1))
    status, text = ask(served, "/upload/first", "POST", body, **kind, **cookie)
    assert status == 422 and "larger than 1 MB" in text
    assert not list(served.temporary.parent.rglob("*evil*")) and not list(served.temporary.rglob("*.nii.gz"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_at_the_end(serve, files, sent):
    served = serve(files["first"], files["second"])
    assert list(served.temporary.iterdir())
    assert served.stop(sent) == 0
    assert list(served.temporary.iterdir()) == [] and "Traceback" not in served.errors()


def test_the_port_is_taken(served, files):
    port = str(urlsplit(served.root).port)
    done = subprocess.run([sys.executable, "-m", "FusionINNLib.cli", "view", "--no-browser", str(files["first"]), str(files["second"]),
                           "--port", port], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 2 and "choose another --port" in done.stderr and "Traceback" not in done.stderr
