"""postroom that dies at a statement of its upgrade: python -m proof.dying NUMBER FILE ...

It counts from the first that asks which migrations have run, and notes each in FILE; with
NUMBER 0 it does not die.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import apsw

from postroom.cli.main import main


def counting(number: int, path: Path) -> Callable[[str], None]:
    """What is to be called before each statement."""
    told = 0

    def count(text: str) -> None:
        nonlocal told
        if told == 0 and "schema_version" not in text:
            return
        told += 1
        with path.open("a") as log:
            log.write(" ".join(text.split())[:70] + "\n")
        if told == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def hook(count: Callable[[str], None]) -> None:
    """Let both engines call it."""

    def trace(_cursor: object, text: str, _bindings: object) -> bool:
        count(text)
        return True

    apsw.connection_hooks.append(lambda made: setattr(made, "exec_trace", trace))
    try:
        import psycopg
    except ImportError:
        return

    class Counted(psycopg.Cursor):
        def execute(self, query, *rest, **named):  # type: ignore[no-untyped-def]
            count(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *rest, **named)

    plain = psycopg.Connection.cursor

    def cursor(self, *rest, **named):  # type: ignore[no-untyped-def]
        self.cursor_factory = Counted
        return plain(self, *rest, **named)

    psycopg.Connection.cursor = cursor  # type: ignore[method-assign]


if __name__ == "__main__":
    hook(counting(int(sys.argv.pop(1)), Path(sys.argv.pop(1))))
    main()
