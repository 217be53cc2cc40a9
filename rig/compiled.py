"""Tests start thousands of processes: Python compiles what they import once, not in each.

Usually it keeps the outcome beside the sources. Where it is told not to (PYTHONDONTWRITEBYTECODE,
as images of containers like to), to compile takes half of what a command costs; then the outcome
is kept in a folder that lasts as long as the tests.
"""

import atexit
import os
import shutil
import tempfile


def keep() -> None:
    """For all processes that this one starts from here on."""
    if not os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        return
    if "PYTHONPYCACHEPREFIX" not in os.environ:
        folder = tempfile.mkdtemp(prefix="postroom-compiled-")
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
