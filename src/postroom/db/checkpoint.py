"""Moves the WAL into the database in a thread of its own, never on the writer.

PASSIVE when the WAL has grown to 32 MB: nobody waits. RESTART at 256 MB: it waits for
readers, so that the WAL begins anew; readers here never last longer than a page of rows.

When it holds 4 MB its file is made as long as it is kept (``reserve``): a command or an idle
server never comes that far.
"""

import contextlib
import threading
from pathlib import Path
from typing import Final

import apsw

from postroom.db.connection import PAGE, WAL_KEPT, open_connection
from postroom.db.reserve import reserve
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

PASSIVE_PAGES: Final = 32 * 1024 * 1024 // PAGE
RESTART_PAGES: Final = 256 * 1024 * 1024 // PAGE
RESERVE_PAGES: Final = 4 * 1024 * 1024 // PAGE
_STEP_PAGES: Final = 8 * 1024 * 1024 // PAGE  # try again after so much when readers hindered


class Checkpointer:
    """A thread that sleeps until ``grew`` has seen enough pages."""

    def __init__(
        self,
        path: Path,
        *,
        passive: int = PASSIVE_PAGES,
        restart: int = RESTART_PAGES,
        reserve_at: int = RESERVE_PAGES,
        kept: int = WAL_KEPT,
        vfs: str | None = None,
    ) -> None:
        """``kept``: octets that the WAL has from ``reserve_at`` pages on."""
        self._path = path
        self._vfs = vfs
        self._passive = passive
        self._restart = restart
        self._reserve_at = reserve_at
        self._kept = kept
        self._is_reserved = False
        self._next = passive
        self._pages = 0
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self._thread.start()

    def grew(self, pages: int) -> None:
        """The WAL holds so many pages now. Called by the writer after each commit."""
        if pages < self._pages:
            self._next = self._passive
        self._pages = pages
        if pages >= self._next:
            self._next = pages + _STEP_PAGES
            self._wake.set()
        elif pages >= self._reserve_at and not self._is_reserved:
            self._wake.set()

    def close(self) -> None:
        """End the thread (blocks until a checkpoint that runs is done)."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closing:
                break
            try:
                if connection is None:
                    connection = open_connection(self._path, writes=True, vfs=self._vfs)
                if self._pages >= self._reserve_at and not self._is_reserved:
                    self._is_reserved = True
                    reserve(connection, self._path, self._kept)
                if self._pages >= self._passive:
                    connection.wal_checkpoint(mode=self._mode())
            except apsw.BusyError:  # a reader or another process was in the way
                continue
            except (apsw.Error, OSError) as error:
                sink.emit(StorageTrouble(where="checkpoint", reason=str(error)))
        if connection is not None:
            with contextlib.suppress(apsw.Error):
                connection.close()

    def _mode(self) -> int:
        if self._pages >= self._restart:
            return apsw.SQLITE_CHECKPOINT_RESTART
        return apsw.SQLITE_CHECKPOINT_PASSIVE
