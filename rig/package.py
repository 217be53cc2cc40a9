"""The Debian package of this checkout, made in a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import docs


def debian_package(folder: Path) -> Path:
    """Made from a copy of what git knows here; nothing of the checkout is touched."""
    source = folder / "postroom"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=docs.ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(docs.ROOT / name, target)
    environment = {**os.environ, "PYTHONPATH": str(source / "src")}
    for command in (
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", "dist", "."],
        ["tools/deb.sh", sys.prefix],
    ):
        done = subprocess.run(
            command, cwd=source, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
    (package,) = (source / "dist").glob("*.deb")
    return package
