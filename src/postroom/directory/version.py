"""The version row of the directory: one number, bumped by every change.

``read`` is the first query of a cached look-up, so what is read after it is never older
than the number it is remembered under.
"""

from postroom.db.database import Tx, number


def read(tx: Tx) -> int:
    """The version now."""
    return number(tx, "SELECT value FROM version WHERE name = 'directory'")


def bump(tx: Tx) -> None:
    """Say that something changed; last in the transaction that changed it."""
    tx.execute("UPDATE version SET value = value + 1 WHERE name = 'directory'")
