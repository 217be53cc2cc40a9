"""Letters to file, for the tests of state packages."""

import itertools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from postroom.db.database import Database, Row, Tx
from postroom.quota import Quota
from postroom.store.filing import Copy

P = ParamSpec("P")
T = TypeVar("T")

_numbers = itertools.count(1000)


def copy(
    account_id: int = 1,
    *,
    mailbox: str | int = "INBOX",
    size: int = 100,
    flags: int = 0,
    keywords: str = "",
    quota: int = 0,
    message_quota: int = 0,
    room: int = 1,
    received: int = 1_790_000_000_000,
    message_id: int = 0,
    blob_id: int = 0,
    special_use: str = "",
    fresh: tuple[int, ...] = (),
) -> Copy:
    """One copy; ids are new unless given."""
    ident = message_id or next(_numbers)
    return Copy(
        account_id=account_id,
        mailbox=mailbox,
        message_id=ident,
        blob_id=blob_id or ident,
        prefix=b"Delivered-To: a@example.org\r\n",
        received=received,
        size=size,
        envelope=b"(NIL NIL)",
        bodystructure=b"NIL",
        thread_id=ident,
        flags=flags,
        keywords=keywords,
        quota=Quota(quota, message_quota),
        recipient="a@example.org",
        room=room,
        special_use=special_use,
        fresh=fresh,
    )


async def read(
    db: Database, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function of the store in a read transaction."""
    return await db.read(lambda tx: fn(tx, *args, **kwargs))


async def write(
    db: Database, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function of the store in a write transaction."""
    return await db.write(lambda tx: fn(tx, *args, **kwargs))


def query(tx: Tx, sql: str) -> list[Row]:
    """Look into the tables."""
    return tx.all(sql)
