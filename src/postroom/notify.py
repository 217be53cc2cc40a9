"""Wake-ups: who watches a mailbox learns that it has changed.

A wake-up says "look", never what happened, and may come twice or for nothing. Inside the
process ``publish`` is called after a commit, from any thread, and costs one hop onto the
loop a batch. Other processes send hints over the datagram socket ``data/notify.sock``;
a hint that is lost is harmless: watchers also look by themselves from time to time.
"""

import asyncio
import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from postroom.errors import Refused

DIRECTORY: Final = 0  # the key of changes to domains, accounts and aliases
CHALLENGES: Final = 2  # of proofs for certificate authorities (1 is the queue's)
FETCHING: Final = 3  # of wishes to fetch mail from elsewhere now
JOBS: Final = 4  # of jobs that wait to be done

_NAME: Final = "notify.sock"
_MOST_KEYS: Final = 500  # in a datagram of 4,000 octets
_LONGEST_PATH: Final = 100  # sun_path holds 108 octets on Linux, 104 elsewhere


class Notify:
    """One a process. ``subscribe`` and ``listen`` are called on the loop."""

    def __init__(self, data: Path | None = None) -> None:
        """``data`` is the folder of the socket; without it there are no hints."""
        self._data = data
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watchers: dict[int, set[Callable[[], None]]] = {}
        self._pending: set[int] = set()
        self._lock = threading.Lock()
        self._sender: socket.socket | None = None
        self._listener: socket.socket | None = None

    def subscribe(self, key: int, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` on the loop after each change of ``key``; how to end that."""
        self._loop = asyncio.get_running_loop()

        def wakes() -> None:  # the same ``wake`` may subscribe twice
            wake()

        self._watchers.setdefault(key, set()).add(wakes)

        def unsubscribe() -> None:
            watchers = self._watchers.get(key, set())
            watchers.discard(wakes)
            if not watchers:
                self._watchers.pop(key, None)

        return unsubscribe

    def watched(self) -> list[int]:
        """What somebody waits for."""
        return list(self._watchers)

    def publish(self, keys: Iterable[int]) -> None:
        """These have changed. Thread safe; returns at once."""
        with self._lock:
            idle = not self._pending
            self._pending.update(keys)
            if not idle or not self._pending:
                return
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._wake)
                return
        except RuntimeError:  # the loop is closed
            pass
        with self._lock:
            self._pending.clear()

    def _wake(self) -> None:
        with self._lock:
            keys, self._pending = self._pending, set()
        for key in keys:
            for wake in tuple(self._watchers.get(key, ())):
                wake()

    def hint(self, keys: Iterable[int]) -> None:
        """Tell the server process on the same data folder. Never blocks, never fails."""
        if self._data is None:
            return
        waiting = sorted(set(keys))
        with self._lock, contextlib.suppress(OSError), _short(self._data) as folder:
            if self._sender is None:
                self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._sender.setblocking(False)
            for at in range(0, len(waiting), _MOST_KEYS):
                some = waiting[at : at + _MOST_KEYS]
                self._sender.sendto(struct.pack(f">{len(some)}q", *some), f"{folder}/{_NAME}")

    def listen(self) -> None:
        """Take hints of other processes. For ``serve`` alone, which holds ``serve.lock``."""
        if self._data is None or self._listener is not None:
            return
        self._loop = asyncio.get_running_loop()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.setblocking(False)
        try:
            (self._data / _NAME).unlink(missing_ok=True)
            with _short(self._data) as folder:
                listener.bind(f"{folder}/{_NAME}")
            (self._data / _NAME).chmod(0o600)
        except OSError as error:
            listener.close()
            raise Refused(f"{self._data / _NAME} can't be made: {error.strerror}") from error
        self._listener = listener
        self._loop.add_reader(listener.fileno(), self._take)

    def _take(self) -> None:
        keys: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            while self._listener is not None:
                octets = self._listener.recv(65536)
                if len(octets) % 8 == 0:
                    keys.update(struct.unpack(f">{len(octets) // 8}q", octets))
        self.publish(keys)

    def close(self) -> None:
        """End hints in both directions."""
        with self._lock:
            if self._sender is not None:
                self._sender.close()
                self._sender = None
        if self._listener is not None and self._loop is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
            if self._data is not None:
                (self._data / _NAME).unlink(missing_ok=True)


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path of the folder that fits into a socket address."""
    if len(os.fsencode(folder / _NAME)) <= _LONGEST_PATH or not sys.platform.startswith("linux"):
        yield str(folder)
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
