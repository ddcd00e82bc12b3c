"""Where results are put, and what is in the way: links, long names, the folder that is read, other users' files."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT

from FusionINNLib import leftovers
from FusionINNLib.atomic import check_free, new_folder, replacing
from FusionINNLib.errors import ResultError

NAMES = frozenset({"a", "b"})


def write(folder, **options):
    with new_folder(folder, True, NAMES, **options) as part:
        for name in NAMES:
            (part / name).write_text("new")


def test_two_dots_behind_a_link(tmp_path):
    """As every other program understands them: the folder above the one that is linked to."""
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far/deep")
    write(tmp_path / "link/../out")
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["deep", "out"] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["x" * 255, "\U0001f9e0" * 63])
def test_names_as_long_as_the_file_system_has_them(tmp_path, name):
    for _ in range(2):
        write(tmp_path / name)
        with replacing(tmp_path / name / name) as file:
            file.write(b"x")
        (tmp_path / name / name).unlink()
    hidden = leftovers.draw_name(tmp_path, name)
    leftovers.release(leftovers.claim(hidden))  # as a killed run leaves it
    write(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_to_itself_is_no_input_that_would_go(tmp_path):
    write(tmp_path / "out")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    check_free(tmp_path / "out", True, NAMES, [tmp_path / "loop"])
    with pytest.raises(ResultError, match="not a folder"):
        check_free(tmp_path / "loop/out", True, NAMES)


def test_a_folder_that_is_read_is_not_replaced(tmp_path):
    """Itself, or the only one in the folder that was given, where readers look for files one level deeper."""
    out = tmp_path / "study/out"
    write(out)
    for read in (out, tmp_path / "study"):
        with pytest.raises(ResultError, match="is read by this run"):
            check_free(out, True, NAMES, [read])
    (tmp_path / "study/.DS_Store").write_text("x")
    with pytest.raises(ResultError, match="is read by this run"):
        check_free(out, True, NAMES, [tmp_path / "study"])
    (tmp_path / "study/slice.dcm").write_text("x")
    check_free(out, True, NAMES, [tmp_path / "study"])
    check_free(out, True, NAMES, [tmp_path])


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only the superuser can")
def test_results_that_another_user_keeps(tmp_path):
    """In a folder like /tmp, where all may write and only owners may replace, this is said before any work."""
    out = tmp_path / "out"
    write(out)
    out.chmod(0o1777)
    code = (f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; "
            "from FusionINNLib.atomic import check_free; from FusionINNLib.errors import ResultError\n"
            "os.setuid(65534)\n"
            "try: check_free(Path(sys.argv[1]), True, frozenset('ab'))\n"
            "except ResultError as problem: print(problem)\n")
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):  # pytest's own folders are closed to others
        folder.chmod(folder.stat().st_mode | 0o711)
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True)
    assert done.returncode == 0 and "holds 'a' of another user" in done.stdout, done.stderr
    assert {Path(path).read_text() for path in out.iterdir()} == {"new"}
