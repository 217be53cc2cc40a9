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
import asyncio, threading, time
from postroom.process import Trimmer, prepare, resident
prepare()
local = threading.local()
together = threading.Barrier(4)
above = []
def fill(what):
    together.wait(60)
    if what == "between":
        pieces = [bytearray(b"x") * 100_000 for _ in range(60)]
        above.append(bytearray(b"x") * 100_000)
    elif what == "end":
        pieces = [bytearray(b"x") * 3_000_000 for _ in range(2)]
    elif what == "circles":
        circle = [bytearray(b"x") * 1_000_000 for _ in range(6)]
        circle.append(circle)
    else:
        local.kept = [bytearray(b"x") * 1_000_000 for _ in range(6)]
    together.wait(60)
async def main(what):
    trimmer = Trimmer()
    trimmer.begin()
    print(await trimmer.trim(60), await trimmer.trim(60))
    small = resident()
    await asyncio.gather(*[asyncio.to_thread(fill, what) for _ in range(4)])
    print(resident() - small > 16 << 20)
    busy = time.process_time()
    while time.process_time() < busy + 0.6:
        pass
    print(await trimmer.trim(60), resident() - small < 8 << 20, await trimmer.trim(60))
asyncio.run(main(WHAT))
"""


@pytest.mark.parametrize("what", ["between", "end", "circles", "kept"])
def test_what_a_peak_has_taken_is_given_back(what: str) -> None:
    """What is free between others or at the end of heaps, in circles, or kept by threads."""
    code = _TRIMMING.replace("WHAT", repr(what))
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["True False", "True", "True True False"]


_WORKING = """
import asyncio, threading
from postroom.process import Trimmer
go = threading.Event()
async def main():
    trimmer = Trimmer()
    trimmer.begin()
    working = asyncio.create_task(asyncio.to_thread(lambda: go.wait(60) and "done"))
    await asyncio.to_thread(int)
    print(await trimmer.trim(0), working.done())
    print(await asyncio.to_thread(lambda: threading.current_thread().name[:4]))
    go.set()
    print(await working)
asyncio.run(main())
"""


def test_threads_that_work_finish_what_they_have_begun() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WORKING], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["True False", "pool", "done"]


_FEW_THREADS = """
import asyncio, threading
from postroom.process import Trimmer
start, left = threading.Thread.start, 4
def meagre(thread):
    global left
    left -= 1
    if left < 0:
        raise RuntimeError("can't start new thread")
    start(thread)
async def main():
    trimmer = Trimmer()
    trimmer.begin()
    threading.Thread.start = meagre
    try:
        await trimmer.trim(0)
    except RuntimeError as error:
        print(error)
    threading.Thread.start = start
asyncio.run(main())
"""


def test_where_threads_are_short_nobody_waits_for_them_for_good() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FEW_THREADS], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "can't start new thread\n"


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
