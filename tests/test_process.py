"""What a long-lived process does first."""

import os
import resource
import subprocess
import sys
import threading

import pytest

from postroom.process import loop_factory, yielding

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


_ANSWERING = """
import resource
from postroom.process import prepare
prepare()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def answer():
    return b"".join([b"* %d FETCH (FLAGS ())\\r\\n" % number for number in range(10_000)])
for _ in range(3):
    answer()
before = faults()
for _ in range(20):
    answer()
usual = faults() - before
before = faults()
for _ in range(20):
    bytearray(19 << 20)
print(usual < 1000, faults() - before > 20 * 1000)
"""


def test_memory_of_answers_is_kept_that_of_password_hashes_is_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ANSWERING], check=True, capture_output=True, text=True
    )
    assert done.stdout == "True True\n"


_TRIMMING = """
import threading
from postroom.process import Trimmer, prepare, resident
prepare()
trimmer = Trimmer()
trimmer.trim()
small = resident()
kept = []
def fill():
    pieces = [bytes(100_000) for _ in range(300)]
    kept.append(bytes(100_000))  # above them in the heap
    pieces.clear()
threads = [threading.Thread(target=fill) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
large = resident()
print(large - small > 16 << 20, trimmer.trim(), resident() - small < 8 << 20, trimmer.trim())
"""


def test_what_a_peak_has_taken_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TRIMMING], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[0] == "True True True False"


@pytest.mark.parametrize(
    ("files", "most", "found"),
    [(1024, 500, 500), (1024, 2000, 768), (80, 2000, 40), (resource.RLIM_INFINITY, 9, 9)],
)
def test_connections_leave_files_for_other_things(files: int, most: int, found: int) -> None:
    said = "import resource; from postroom.process import connections;"
    if files != resource.RLIM_INFINITY:
        said += f"resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}));"
    elif resource.getrlimit(resource.RLIMIT_NOFILE)[0] != files:
        most = found = 1
    done = subprocess.run(
        [sys.executable, "-c", said + f"print(connections({most}))"],
        check=True,
        capture_output=True,
    )
    assert int(done.stdout) == found


def test_a_thread_yields_and_the_others_do_not() -> None:
    seen: list[int] = []

    def work() -> None:
        yielding()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    assert seen == [min(before + 10, 19) if sys.platform == "linux" else before]


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
