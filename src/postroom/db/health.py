"""Are the pages of the database in use whole? For ``postroom doctor``."""

import contextlib
from pathlib import Path
from typing import Final

import apsw

from postroom.db.connection import open_connection
from postroom.db.folder import DATABASE

MOST: Final = 20


def faults(data: Path, *, deep: bool) -> list[str]:
    """What is wrong with the SQLite database of a data folder; nothing when all is well.

    ``deep`` compares every index with its table. Blocks: for a thread.
    """
    path = data / DATABASE
    if not path.exists():
        return []
    check = "integrity_check" if deep else "quick_check"
    try:
        with contextlib.closing(open_connection(path, writes=False)) as connection:
            rows = connection.execute(f"PRAGMA {check}({MOST})").fetchall()
            found = [str(row[0]) for row in rows if row[0] != "ok"]
            keys = connection.execute("PRAGMA foreign_key_check").fetchall()
            return found + [f"a row of {row[0]} names none of {row[2]}" for row in keys[:MOST]]
    except apsw.Error as error:
        return [str(error)]
