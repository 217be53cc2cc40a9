"""Locks between processes on one data folder: ``write.lock`` and ``serve.lock``.

They are flock(2) locks: the kernel drops them when the process ends, however it ends.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from postroom.errors import Refused

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class FileLock:
    """Held for one batch of writes; others wait in the kernel, without polling."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, _FLAGS, 0o600)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, keep it inside the ``with``."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_served(data: Path) -> bool:
    """Whether a server runs on this data folder."""
    return server(data) is not None


def server(data: Path) -> int | None:
    """The process id of the server that runs on this data folder; 0 when it does not tell."""
    try:
        fd = os.open(data / "serve.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(fd, 20).strip()
        return int(said) if said.isdigit() else 0
    finally:
        os.close(fd)
    return None


class ServeLock:
    """Held by ``serve`` as long as it runs: a second server on the same data is refused."""

    def __init__(self, data: Path) -> None:
        """Take the lock or raise ``Refused``."""
        path = data / "serve.lock"
        try:
            self._fd = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise Refused(f"{path} can't be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 20).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise Refused(
                f"a server is already running on {data}"
                + (f" (process {holder})" if holder else "")
                + ": stop it first"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another server start."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
