"""What a long-lived process does first."""

import resource
import subprocess
import sys

from postroom.process import loop_factory

_PREPARED = """
import gc
import resource
from postroom.process import prepare
prepare()
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE))
print(gc.isenabled(), gc.get_threshold()[0] > 10_000)
"""


def test_no_core_all_the_files_it_may_have_and_few_looks_for_garbage() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PREPARED], check=True, capture_output=True, text=True
    )
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert done.stdout == f"(0, 0) ({most}, {most})\nTrue True\n"


def test_a_loop() -> None:
    factory = loop_factory()
    if factory is not None:
        loop = factory()
        assert not loop.is_running()
        loop.close()
