"""What every long-lived process of ours does first: the server, its delivery process."""

import contextlib
import ctypes
import gc
import resource
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Final

_M_TRIM_THRESHOLD: Final = -1  # mallopt(3)
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 4 << 20  # octets of a block that goes back to the kernel
_NEW_OBJECTS: Final = 20_000  # between two looks for garbage


def prepare() -> None:
    """No core dumps (they would hold passwords), all the files we may open, frugal malloc.

    glibc keeps large freed blocks for reuse; each password hash is one of 19 MiB. What an answer
    to a client takes is kept: to get it from the kernel anew, page by page, can cost more than
    to write the answer. Garbage in circles is rare here, and messages under way are many objects
    that are none: to look at them after every 700th costs some percent of the time.
    """
    gc.set_threshold(_NEW_OBJECTS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(AttributeError, OSError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)


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
