"""Result folders: whole or not at all, in a folder that exists too, with nothing lost when a run is killed at any moment of it."""
import linecache
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ROOT, everything_in

from FusionINNLib import leftovers
from FusionINNLib.atomic import check_free, new_folder
from FusionINNLib.errors import ResultError
from FusionINNLib.results.folder import FUSION_FILES

NAMES = frozenset({"a", "b", "c.json"})


def write(folder, words, overwrite=True, **options):
    with new_folder(folder, overwrite, NAMES, **options) as part:
        for name in NAMES:
            (part / name).write_text(words)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    out = tmp_path / "deep/er/out"
    with pytest.raises(ValueError):
        with new_folder(out, False, NAMES) as folder:
            (folder / "a").write_text("half")
            raise ValueError
    assert names_in(tmp_path) == [], "folders on the way are taken away again"
    with new_folder(out, False, NAMES) as folder:
        (folder / "a").write_text("whole")
        assert not out.exists()
    assert names_in(out.parent) == ["out"] and (out / "a").read_text() == "whole"
    with new_folder(out, True, NAMES) as folder:
        (folder / "b").write_text("newer")
        assert (out / "a").read_text() == "whole"
    assert names_in(out.parent) == ["out"] and names_in(out) == ["b"]


def test_results_appear_inside_a_folder_that_exists(tmp_path, monkeypatch):
    """Whoever stands in it, has mounted it or reaches it by a link sees them."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    before = out.stat().st_ino
    monkeypatch.chdir(out)
    for folder in (Path("."), tmp_path / "link", Path("../out")):
        write(folder, str(folder))
        assert names_in(Path(".")) == sorted(NAMES) and out.stat().st_ino == before and (out / "a").read_text() == str(folder)
    assert (tmp_path / "link").is_symlink() and names_in(tmp_path) == ["link", "out"]


def test_what_desktops_leave_is_nobodys(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in (".DS_Store", "._a", "Thumbs.db", "desktop.ini"):
        (out / name).write_text("x")
    write(out, "first", overwrite=False)
    write(out, "second")
    assert (out / "a").read_text() == "second" and (out / ".DS_Store").read_text() == "x"
    with pytest.raises(ResultError, match="already holds"):
        write(out, "third", overwrite=False)


def test_occupied_folders(tmp_path):
    out = tmp_path / "out"
    check_free(out, False, frozenset())
    out.mkdir()
    check_free(out, False, frozenset())
    (out / "fused.nii.gz").write_text("x")
    with pytest.raises(ResultError, match="already holds"):
        check_free(out, False, FUSION_FILES)
    check_free(out, True, FUSION_FILES)
    (out / "thesis.docx").write_text("x")
    with pytest.raises(ResultError, match="thesis.docx"):
        check_free(out, True, FUSION_FILES)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "link", out / "thesis.docx"):
        with pytest.raises(ResultError, match="not a folder"):
            check_free(path, True, FUSION_FILES)
    with pytest.raises(ResultError, match="cannot be made"):
        with new_folder(out / "thesis.docx" / "inside", False, FUSION_FILES):
            pass


def test_an_input_among_the_results_is_not_replaced(tmp_path):
    out = tmp_path / "out"
    write(out, "first")
    (tmp_path / "link").symlink_to(out / "b")
    for one in (out / "a", tmp_path / "link", tmp_path / "out/../out/a"):
        with pytest.raises(ResultError, match="is read by this run"):
            check_free(out, True, NAMES, [tmp_path / "elsewhere", one, None])
    check_free(out, True, NAMES, [tmp_path / "elsewhere", out / "none"])


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only the superuser can")
def test_folders_of_others(tmp_path):
    """Refused before any work where nothing can be written, and used where it can although the folder above is not ours."""
    (tmp_path / "theirs/mine").mkdir(parents=True)
    (tmp_path / "theirs/mine").chmod(0o777)
    code = (f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; "
            "from FusionINNLib.atomic import check_free, new_folder; from FusionINNLib.errors import ResultError\n"
            "os.setuid(65534); there = Path(sys.argv[1])\n"
            "try: check_free(there / 'new', False, frozenset())\n"
            "except ResultError as problem: print(problem, flush=True)\n"
            "with new_folder(there / 'mine', False, frozenset()) as part: (part / 'a').write_text('x')\n")
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):  # pytest's own folders are closed to others
        folder.chmod(folder.stat().st_mode | 0o711)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "theirs")], capture_output=True, text=True)
    assert done.returncode == 0 and "read-only for you" in done.stdout, done.stderr
    assert names_in(tmp_path / "theirs/mine") == ["a"]


# ---- killed ----------------------------------------------------------------------------------------------------------------------


def die_at(number, out, words):
    """Write results, and die without any clearing away at the n-th rename or removal."""
    calls = []

    def deadly(function):
        def one(*arguments, **options):
            calls.append(1)
            if len(calls) == number:
                os._exit(9)
            return function(*arguments, **options)
        return one

    os.rename, os.rmdir, os.unlink = deadly(os.rename), deadly(os.rmdir), deadly(os.unlink)
    write(out, words)
    os._exit(0)


def killed(*arguments):
    process = multiprocessing.get_context("fork").Process(target=die_at, args=arguments)
    process.start()
    process.join(30)
    return process.exitcode


def test_killed_at_any_moment(tmp_path):
    """After a death at each step of the way, the next run finds all of the earlier results or all of the new ones."""
    out, number, code = tmp_path / "out", 0, 9
    out.mkdir()
    (out / ".DS_Store").write_text("x")
    while code == 9:
        number += 1
        write(out, "earlier")
        code = killed(number, out, "newer")
        leftovers.clear(out)
        found = {(out / name).read_text() for name in NAMES}
        assert len(found) == 1 and names_in(out) == sorted({*NAMES, ".DS_Store"}) and names_in(tmp_path) == ["out"], number
    assert number > 9, "both renames of each file and the removals were tried"


def test_putting_back_may_be_killed_too(tmp_path, monkeypatch):
    out = tmp_path / "out"
    for number in range(1, 12):
        write(out, "earlier")
        assert killed(6, out, "newer") == 9
        rename, calls = os.rename, []

        def fail(*arguments, number=number, calls=calls, rename=rename):
            calls.append(1)
            if len(calls) == number:
                raise OSError("the power fails")
            return rename(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(leftovers.os, "rename", fail)
            leftovers.clear(out)
        leftovers.clear(out)
        assert {(out / name).read_text() for name in NAMES} == {"earlier"} and names_in(out) == sorted(NAMES)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_earlier_results_survive_a_failure_among_the_renames(tmp_path, monkeypatch, error):
    out, rename = tmp_path / "out", os.rename
    for number in range(1, 8):
        write(out, "earlier")
        calls = []

        def fail_once(source, target, number=number, calls=calls):
            calls.append(1)
            if len(calls) == number:
                raise error
            rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(leftovers.os, "rename", fail_once)
            with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else ResultError):
                write(out, "newer")
        assert {(out / name).read_text() for name in NAMES} == {"earlier"} and names_in(out) == sorted(NAMES)
        assert names_in(tmp_path) == ["out"]


def test_stopped_at_any_line_before_the_first_result(tmp_path):
    """A signal may come between the making of the folder and the next line, whichever that is."""
    rooms, lines, stopped = {leftovers.__file__, new_folder.__wrapped__.__code__.co_filename}, 0, True

    def stop_at(number):
        passed = 0

        def trace(frame, event, _):
            nonlocal passed
            if frame.f_code.co_filename not in rooms:
                return None
            passed += event == "line" and linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() != "try:"  # no signal there
            if passed == number:
                sys.settrace(None)
                raise KeyboardInterrupt
            return trace
        return trace

    while stopped:
        lines, stopped = lines + 1, False
        before = sys.gettrace()
        sys.settrace(stop_at(lines))
        try:
            with new_folder(tmp_path / "a/b/out", False, NAMES):
                sys.settrace(before)
        except KeyboardInterrupt:
            stopped = True
        finally:
            sys.settrace(before)
        if stopped:
            assert names_in(tmp_path) == [], lines
        else:
            assert lines > 50, "the lines of both files were counted"


def test_two_runs_that_draw_one_name(tmp_path, monkeypatch):
    drawn = leftovers.draw_name(tmp_path, "out")
    lock = leftovers.claim(drawn)
    monkeypatch.setattr(leftovers, "draw_name", lambda parent, name: drawn)
    with pytest.raises(ResultError, match="File exists"), new_folder(tmp_path / "out", False, NAMES):
        raise AssertionError("its folder is another's")
    leftovers.release(lock)
    assert names_in(tmp_path) == [drawn.name]


def test_the_folder_of_a_living_run_is_left_alone(tmp_path):
    out = tmp_path / "out"
    with new_folder(out, False, NAMES) as part:
        check_free(out, False, NAMES)
        code = "import sys; from pathlib import Path; from FusionINNLib import leftovers; leftovers.clear(Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, str(out)], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        (part / "a").write_text("x")
    assert names_in(out) == ["a"]


def test_leftovers_of_other_machines_wait_a_day(tmp_path, monkeypatch):
    """Their locks may not be seen here."""
    part = leftovers.draw_name(tmp_path, "out")
    leftovers.release(leftovers.claim(part))
    monkeypatch.setattr(leftovers, "_machine", lambda: "none")
    check_free(tmp_path / "out", False, NAMES)
    assert part.is_dir()
    os.utime(part, (time.time() - 2 * 24 * 3600,) * 2)
    check_free(tmp_path / "out", False, NAMES)
    assert not part.exists()


def test_what_version_010_left_is_put_right(tmp_path):
    for name in (".out.0123abcd.part", ".out.0123abce.earlier", ".other.0123abcd.part"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out.0123abce.earlier/a").write_text("earlier")
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        os.utime(path, (0, 0))
    with pytest.raises(ResultError, match="already holds"):
        check_free(tmp_path / "out", False, NAMES)
    assert names_in(tmp_path) == [".other.0123abcd.part", "out"] and everything_in(tmp_path / "out") == {Path("a"): b"earlier"}
