"""A disk that fails when told: an SQLite VFS over the real one."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import apsw

_numbers = itertools.count(1)


class Disk:
    """Counts writes and fsyncs from ``fail`` on and fails those that ``when`` chooses."""

    def __init__(self) -> None:
        self.name = f"faulty{next(_numbers)}"
        self.count = 0
        self.failed = 0
        self._when: Callable[[int, str], bool] = lambda _number, _kind: False
        self._error: type[apsw.Error] = apsw.IOError

    def fail(
        self, when: Callable[[int, str], bool], error: type[apsw.Error] = apsw.IOError
    ) -> None:
        """``when(number, "write" or "sync")``; numbers begin at 1 again."""
        self.count = self.failed = 0
        self._when = when
        self._error = error

    def work(self) -> None:
        """Be a good disk again."""
        self._when = lambda _number, _kind: False

    def operation(self, kind: str) -> None:
        self.count += 1
        if self._when(self.count, kind):
            self.failed += 1
            raise self._error(f"{kind} {self.count} fails")


@contextmanager
def disk() -> Iterator[Disk]:
    """A disk, known to SQLite by its name."""
    faulty = Disk()

    class File(apsw.VFSFile):
        def __init__(self, name: Any, flags: list[int]) -> None:
            super().__init__("unix", name, flags)

        def xWrite(self, octets: Any, offset: int) -> None:  # noqa: N802
            faulty.operation("write")
            super().xWrite(octets, offset)

        def xSync(self, flags: int) -> None:  # noqa: N802
            faulty.operation("sync")
            super().xSync(flags)

    class Vfs(apsw.VFS):
        def __init__(self) -> None:
            super().__init__(faulty.name, "unix")

        def xOpen(self, name: Any, flags: list[int]) -> File:  # noqa: N802
            return File(name, flags)

    vfs = Vfs()
    try:
        yield faulty
    finally:
        vfs.unregister()
