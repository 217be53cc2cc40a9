"""Notes that a server makes for itself: what was measured last, and when. One a name, as JSON."""

import contextlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from postroom.db.database import Tx

T = TypeVar("T")


def find(tx: Tx, name: str, kind: type[T]) -> tuple[int, T] | None:
    """When it was made (UTC milliseconds), and what it says.

    None when there is none, or one of another shape that an older version has made.
    """
    row = tx.one("SELECT at, content FROM note WHERE name = :name", name=name)
    if row is None:
        return None
    try:
        return row[0], msgspec.json.decode(row[1], type=kind)
    except msgspec.ValidationError:
        return None


def among(tx: Tx, names: Sequence[str], kind: type[T]) -> dict[str, T]:
    """What those of these names say that there are; a few hundred at most."""
    given = {f"n{number}": name for number, name in enumerate(names)}
    if not given:
        return {}
    rows = tx.all(
        f"SELECT name, content FROM note WHERE name IN ({', '.join(f':{one}' for one in given)})",
        **given,
    )
    found: dict[str, T] = {}
    for name, content in rows:
        with contextlib.suppress(msgspec.ValidationError):
            found[name] = msgspec.json.decode(content, type=kind)
    return found


def put(tx: Tx, name: str, at: int, content: object) -> None:
    """Make it, in place of the last."""
    tx.execute(
        "INSERT INTO note (name, at, content) VALUES (:name, :at, :content)"
        " ON CONFLICT (name) DO UPDATE SET at = excluded.at, content = excluded.content",
        name=name,
        at=at,
        content=msgspec.json.encode(content).decode(),
    )


def claim(tx: Tx, name: str, now: int, every: int) -> bool:
    """Whether it is time again, ``every`` milliseconds after the last: then nobody else is told so.

    A time in the future, from a clock that was wrong, is over. The note says nothing but when.
    """
    last = tx.one("SELECT at FROM note WHERE name = :name", name=name)
    if last is not None and now - every < last[0] <= now:
        return False
    put(tx, name, now, None)
    return True
