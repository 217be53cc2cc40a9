"""What programs sent with a key, so that the same request is answered and not done twice.

A key belongs to its token and is kept for a day (draft-ietf-httpapi-idempotency-key-header).
The row is written before the message is; the answer after it was accepted. Where there is no
answer, the process may have died in between: the Message-ID tells whether the message is ours.
"""

from typing import Final

import msgspec

from postroom.db.database import Tx

KEPT_MS: Final = 24 * 3_600_000


class SentOnce(msgspec.Struct, frozen=True):
    """A request of a program. ``answer`` is JSON, "" while it is not known."""

    token_id: int
    key: str
    at: int
    digest: bytes
    message_id: str
    answer: str = ""


def begin(tx: Tx, one: SentOnce) -> SentOnce:
    """Note a request; what was noted before under this key, else ``one`` itself."""
    tx.execute("DELETE FROM sent_once WHERE at < :old", old=one.at - KEPT_MS)
    tx.execute(
        "INSERT INTO sent_once (token_id, key, at, digest, message_id, answer)"
        " VALUES (:token, :key, :at, :digest, :message, '') ON CONFLICT (token_id, key) DO NOTHING",
        token=one.token_id,
        key=one.key,
        at=one.at,
        digest=one.digest,
        message=one.message_id,
    )
    row = tx.one(
        "SELECT token_id, key, at, digest, message_id, answer FROM sent_once"
        " WHERE token_id = :token AND key = :key",
        token=one.token_id,
        key=one.key,
    )
    if row is None:
        return one
    token_id, key, at, digest, message_id, answer = row
    return SentOnce(token_id, key, at, bytes(digest), message_id, answer)


def finish(tx: Tx, one: SentOnce, answer: str) -> None:
    """The message was accepted."""
    tx.execute(
        "UPDATE sent_once SET answer = :answer WHERE token_id = :token AND key = :key",
        token=one.token_id,
        key=one.key,
        answer=answer,
    )


def forget(tx: Tx, one: SentOnce) -> None:
    """The message was refused: the key may be used again."""
    tx.execute(
        "DELETE FROM sent_once WHERE token_id = :token AND key = :key",
        token=one.token_id,
        key=one.key,
    )
