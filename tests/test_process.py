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


_IGNORING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-c", '''
import os, signal
from postroom.process import interruptible
interruptible()
try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
'''])
"""


def test_ctrl_c_ends_what_a_shell_has_started_in_the_background() -> None:
    done = subprocess.run([sys.executable, "-c", _IGNORING], check=True, stdout=subprocess.PIPE)
    assert done.stdout == b"interrupted\n"


def test_a_loop() -> None:
    factory = loop_factory()
    if factory is not None:
        loop = factory()
        assert not loop.is_running()
        loop.close()
