"""What every long-lived process of ours does first: the server, its delivery process."""

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

_M_TRIM_THRESHOLD: Final = -1  # mallopt(3)
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 8  # heaps of malloc: fewer, and threads that unpack messages wait for each other
_LARGE: Final = 4 << 20  # octets of a block that goes back to the kernel
_NEW_OBJECTS: Final = 20_000  # between two looks for garbage
_OTHER_FILES: Final = 256  # that are no connections of clients: bodies, the database, other servers
_WORTH: Final = 8 << 20  # octets that a process grows by before malloc is asked for what is free
_BUSY: Final = 0.5  # seconds of processor time after which there may be something to give back
_SMALL: Final = 65_536  # octets at the end of a heap that are not worth to be given back
_PATIENCE: Final = 1.0


def prepare() -> None:
    """No core dumps (they would hold passwords), all the files we may open, frugal malloc.

    glibc keeps large freed blocks for reuse; each password hash is one of 19 MiB. What an answer
    to a client takes is kept: to get it from the kernel anew, page by page, can cost more than
    to write the answer. Garbage in circles is rare here, and messages under way are many objects
    that are none: to look at them after every 700th costs some percent of the time.

    By itself glibc gives each thread a heap of its own, up to eight a core, and each keeps the
    most that its thread ever needed.
    """
    gc.set_threshold(_NEW_OBJECTS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(AttributeError, OSError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def connections(most: int) -> int:
    """``most``, or as many as this process may have open beside its other files.

    Who is one too many can be told so; without a file left, nobody can be told anything.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return most
    return min(most, files - min(_OTHER_FILES, files // 2))


class Trimmer:
    """Gives the kernel what the process does not use any more, as after a few large messages.

    What is free is spread over the heaps of all threads, and nobody but its thread can shorten a
    heap at its end. A thread that has packed or unpacked messages keeps some megabytes for the
    next ones as well. So the threads of ``to_thread`` are replaced now and then by new ones: who
    has nothing to do ends at once, the others after their work.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._threads: list[threading.Thread] = []
        self._least: int | None = None
        self._used = 0.0

    def begin(self) -> None:
        """On the loop, before anything there has used ``to_thread``."""
        self._renew()

    def _renew(self) -> Sequence[threading.Thread]:
        """Those that leave."""
        old, leaving = self._pool, self._threads
        mine: list[threading.Thread] = []
        self._threads = mine
        self._pool = ThreadPoolExecutor(
            thread_name_prefix="pool", initializer=lambda: mine.append(threading.current_thread())
        )
        asyncio.get_running_loop().set_default_executor(self._pool)
        if old is not None:
            old.shutdown(wait=False)
        return leaving

    async def trim(self, patience: float = _PATIENCE) -> bool:
        """Do so if the process has grown, and was busy since the last time; whether it was done.

        ``patience`` is how many seconds threads that work have until they end. The rest takes
        some milliseconds.
        """
        used = time.process_time()
        with contextlib.suppress(AttributeError, OSError):  # no /proc, another C library
            least = self._least
            if least is not None and (resident() < least + _WORTH or used < self._used + _BUSY):
                return False
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_TRIM_THRESHOLD, _SMALL)
            try:
                await asyncio.to_thread(_give_back, libc, self._renew(), patience)
            finally:
                libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
            now = resident()
            self._used, self._least = used, now if least is None else min(least, now)
            return True
        return False


def _give_back(libc: ctypes.CDLL, leaving: Sequence[threading.Thread], patience: float) -> None:
    """What has left, and what is free at the end of each heap and in between.

    Connections that have ended lately may be garbage in circles, with all that waited in them;
    what is older, and much, is left to the collector's own time.

    To free a large block at the end of a heap shortens it. A new thread takes a heap that no
    thread has, or else the next one of those there are.
    """
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free.restype = None
    gc.collect(1)
    end = time.monotonic() + patience
    for thread in leaving:
        thread.join(max(0.0, end - time.monotonic()))
    all_have_one = threading.Barrier(_ARENAS, timeout=_PATIENCE)

    def shorten() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):  # no more threads could be had
            all_have_one.wait()
        libc.free(libc.malloc(2 * _SMALL))

    threads = [threading.Thread(target=shorten) for _ in range(_ARENAS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    libc.malloc_trim(0)


def resident() -> int:
    """Octets of memory that are this process's own. Raises OSError where nobody can tell."""
    _, pages, shared, *_ = Path("/proc/self/statm").read_text("ascii").split()
    return (int(pages) - int(shared)) * resource.getpagesize()


def yielding() -> None:
    """Let this thread have a tenth of a processor that others want, too.

    Linux only, where threads have a niceness each; elsewhere it has what others have.
    """
    thread = threading.get_native_id()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + 10)


def interruptible() -> None:
    """Let Ctrl-C end this process, also where a shell has made it ignore that.

    Shells without job control start what runs in the background like that, and asyncio then
    leaves the signal alone.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def loop_factory() -> Callable[[], AbstractEventLoop] | None:
    """The loops of uvloop where it exists; None: what asyncio has."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
