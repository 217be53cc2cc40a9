"""What an account answers while its owner is away: rows of ``vacation``.

RFC 5230 (the Sieve action that it becomes), RFC 3834 (what is never answered).
"""

from typing import Final

import msgspec

from postroom.db.database import Tx

DAYS: Final = 7  # between two answers to the same sender
TEXT: Final = "I am away at the moment, and will read your message when I am back."


class Vacation(msgspec.Struct, frozen=True, omit_defaults=True):
    """``begins`` and ``ends`` are the first and the last day, YYYY-MM-DD; "" is always.

    ``days`` pass between two answers to the same sender. ``addresses`` are further ones of the
    owner: letters are answered only when one of the owner's addresses is in To or Cc.

    ``html`` says the same; without any text the answer is ``TEXT``. ``begins_at`` and ``ends_at``
    (HH:MM:SS) are when of the first day it begins, and when of the last day it is over; "" is all
    of that day. One that is not ``is_enabled`` is kept, and answers nothing.
    """

    text: str
    subject: str = ""
    begins: str = ""
    ends: str = ""
    days: int = DAYS
    addresses: tuple[str, ...] = ()
    html: str = ""
    begins_at: str = ""
    ends_at: str = ""
    is_enabled: bool = True


_DECODER: Final = msgspec.json.Decoder(Vacation)


def of(tx: Tx, account_id: int) -> Vacation | None:
    """The vacation of an account, also one that has not begun or is over."""
    found = kept(tx, account_id)
    return found if found is not None and found.is_enabled else None


def kept(tx: Tx, account_id: int) -> Vacation | None:
    """The same, also where it is not enabled."""
    row = tx.one("SELECT body FROM vacation WHERE account_id = :account", account=account_id)
    return _DECODER.decode(row[0]) if row else None


def put(tx: Tx, account_id: int, vacation: Vacation) -> None:
    """Set it, in place of the one before."""
    tx.execute(
        "INSERT INTO vacation (account_id, body) VALUES (:account, :body)"
        " ON CONFLICT (account_id) DO UPDATE SET body = excluded.body",
        account=account_id,
        body=msgspec.json.encode(vacation).decode(),
    )


def remove(tx: Tx, account_id: int) -> bool:
    """End it; whether there was one."""
    return bool(tx.execute("DELETE FROM vacation WHERE account_id = :account", account=account_id))
