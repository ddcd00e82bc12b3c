"""No file over 10 MB; in text, line ends are line feeds. Files as arguments, or all that git knows."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 10 * 2 ** 20
TEXT = {".cff", ".cfg", ".css", ".html", ".js", ".json", ".md", ".py", ".toml", ".txt", ".ui", ".yaml", ".yml"}


def main(names: list[str]) -> int:
    """0 where all is well."""
    if not names:
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    bad = []
    for path in (ROOT / name for name in names if name):
        if not path.is_file() or "golden" in path.parts:
            continue
        if path.stat().st_size > LARGEST:
            bad.append(f"{path.relative_to(ROOT)}: over 10 MB")
        if path.suffix in TEXT and b"\r" in path.read_bytes():
            bad.append(f"{path.relative_to(ROOT)}: carriage returns")
    print("\n".join(bad) or "files: sizes and line ends are right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
