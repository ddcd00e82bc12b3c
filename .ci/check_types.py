"""Types by pyright: the number of findings may only fall. What is found now is kept in `type_errors` beside this file."""
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).with_name("type_errors")


def main() -> int:
    """0 where there are no more than are kept. Fewer are a hint and no failure: new stubs of a library may see less."""
    done = subprocess.run([str(Path(sys.executable).with_name("pyright")), "--outputjson", "--pythonpath", sys.executable], cwd=ROOT,
                          capture_output=True, text=True)
    try:
        found = [one for one in json.loads(done.stdout)["generalDiagnostics"] if one["severity"] == "error"]
    except (ValueError, KeyError):
        print(f"pyright did not run: {done.stdout[-500:]}{done.stderr[-500:]}", file=sys.stderr)
        return 1
    allowed = int(KEPT.read_text())
    if len(found) > allowed:
        for one in found:
            print(f"{Path(one['file']).relative_to(ROOT)}:{one['range']['start']['line'] + 1}: {one['message'].splitlines()[0]}")
        print(f"pyright finds {len(found)} errors, {allowed} are known: mend the new ones.", file=sys.stderr)
        return 1
    rooms = Counter(str(Path(one["file"]).relative_to(ROOT).parent) for one in found)
    most = ", ".join(f"{room} ({count})" for room, count in rooms.most_common(3))
    print(f"pyright: {len(found)} known errors{', most in ' if most else ''}{most}")
    if len(found) < allowed:
        print(f"That is fewer than the {allowed} that are kept: write {len(found)} into {KEPT.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
