"""What a person writes as: names, copies and signatures of addresses (RFC 8621 §6).

Each address that an account may write from is an identity of its own; a row is there for one whose
owner has said more of it, and for those that the owner has made besides.
"""

from typing import Final

import msgspec

from postroom.db.database import Tx, number


class Mailbox(msgspec.Struct, frozen=True):
    """An address with a name, "" for none."""

    email: str
    name: str = ""


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of one. ``email`` is "" for one that belongs to an address of the account.

    ``name`` None: the name of the account. ``text`` is not kept for those of addresses, which have
    the signature that the browser knows.
    """

    email: str = ""
    name: str | None = None
    reply_to: tuple[Mailbox, ...] | None = None
    bcc: tuple[Mailbox, ...] | None = None
    text: str = ""
    html: str = ""


_DECODER: Final = msgspec.json.Decoder(Kept)


def of(tx: Tx, account_id: int) -> dict[str, Kept]:
    """All that is kept, by id."""
    rows = tx.all(
        "SELECT id, body FROM identity WHERE account_id = :account ORDER BY id", account=account_id
    )
    return {row[0]: _DECODER.decode(row[1]) for row in rows}


def made(tx: Tx, account_id: int) -> int:
    """How many rows there are."""
    return number(
        tx, "SELECT count(*) FROM identity WHERE account_id = :account", account=account_id
    )


def put(tx: Tx, account_id: int, ident: str, kept: Kept) -> None:
    """Keep it, in place of what was kept under this id."""
    tx.execute(
        "INSERT INTO identity (account_id, id, body) VALUES (:account, :id, :body)"
        " ON CONFLICT (account_id, id) DO UPDATE SET body = excluded.body",
        account=account_id,
        id=ident,
        body=msgspec.json.encode(kept).decode(),
    )


def remove(tx: Tx, account_id: int, ident: str) -> bool:
    """Forget it; whether it was there."""
    return bool(
        tx.execute(
            "DELETE FROM identity WHERE account_id = :account AND id = :id",
            account=account_id,
            id=ident,
        )
    )
