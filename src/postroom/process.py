"""What every long-lived process of ours does first: the server, its delivery process."""

import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
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
    """Gives the kernel what is free below the top of a heap, as after a few large messages.

    It takes some milliseconds: for a thread, and now and then.
    """

    def __init__(self) -> None:
        self._before = 0

    def trim(self) -> bool:
        """Do so if the process has grown since the last time; whether it was done."""
        with contextlib.suppress(AttributeError, OSError):  # no /proc, another C library
            if resident() < self._before + _WORTH:
                return False
            ctypes.CDLL(None).malloc_trim(0)
            self._before = resident()
            return True
        return False


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
