"""Writes the newest versions that pyproject.toml allows: `tools/pin.py constraints.txt`.

Installs everything into a fresh environment in a temporary directory, without the pins of today, and lists
what came. Only names and versions are written: no addresses, no hashes.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*")


def newest() -> list[str]:
    """Return `name==version` of every package that all extras bring, in alphabetical order."""
    with tempfile.TemporaryDirectory(prefix="dunwell-pin-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-qq", "-e", ".[dev]"], cwd=ROOT, check=True)
        listed = subprocess.run(
            [*pip, "freeze", "--exclude-editable"], capture_output=True, text=True, check=True
        )
    return sorted((line for line in listed.stdout.splitlines() if PINNED.fullmatch(line)), key=str.lower)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(newest()) + "\n", encoding="utf-8")
