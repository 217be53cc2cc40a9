"""Who is logged in to the web pages: rows that survive a restart, without the secret itself.

A session ends eight hours after its last request, a week after its beginning, with the password
that began it, or when its account is disabled.
"""

import hashlib
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx

IDLE_MS: Final = 8 * 3_600_000
WHOLE_MS: Final = 7 * 86_400_000
TOUCH_MS: Final = 60_000  # the time of the last request is written no oftener
MAX_AGENT: Final = 200  # characters


Method = Literal["password", "code", "passkey"]
"""How it was begun: with the password alone, with a second factor as well, with a passkey."""


class WebSession(msgspec.Struct, frozen=True):
    """One browser. ``token`` is the digest of its secret; times in UTC milliseconds.

    ``credential_id`` is what began it: a row of ``credential``, or of ``passkey``.
    """

    token: bytes
    account_id: int
    credential_id: int
    created: int
    seen: int
    peer: str
    agent: str
    method: Method = "password"

    def is_over(self, now: int) -> bool:
        """Whether it counts no more."""
        return now - self.seen > IDLE_MS or now - self.created > WHOLE_MS


_COLUMNS: Final = "token, account_id, credential_id, created, seen, peer, agent, method"


def digest(secret: str) -> bytes:
    """What is kept of the secret in a cookie."""
    return hashlib.sha256(secret.encode()).digest()


def add(tx: Tx, session: WebSession) -> None:
    """Begin one; those that are over go."""
    purge(tx, session.created)
    tx.execute(
        f"INSERT INTO web_session ({_COLUMNS}) VALUES"
        " (:token, :account, :credential, :created, :seen, :peer, :agent, :method)",
        token=session.token,
        account=session.account_id,
        credential=session.credential_id,
        created=session.created,
        seen=session.seen,
        peer=session.peer,
        agent=session.agent,
        method=session.method,
    )


def find(tx: Tx, token: bytes) -> WebSession | None:
    """The one of this digest, over or not."""
    row = tx.one(f"SELECT {_COLUMNS} FROM web_session WHERE token = :token", token=token)
    return WebSession(bytes(row[0]), *row[1:]) if row else None


def of(tx: Tx, account_id: int) -> list[WebSession]:
    """All of an account, the newest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM web_session WHERE account_id = :account"
        " ORDER BY seen DESC, created DESC",
        account=account_id,
    )
    return [WebSession(bytes(row[0]), *row[1:]) for row in rows]


def touch(tx: Tx, token: bytes, now: int) -> None:
    """It was used."""
    tx.execute("UPDATE web_session SET seen = :now WHERE token = :token", now=now, token=token)


def remove(tx: Tx, token: bytes) -> None:
    """End it."""
    tx.execute("DELETE FROM web_session WHERE token = :token", token=token)


def remove_all(tx: Tx, account_id: int, but: bytes = b"") -> int:
    """End all of an account except one; how many ended."""
    return tx.execute(
        "DELETE FROM web_session WHERE account_id = :account AND token <> :but",
        account=account_id,
        but=but,
    )


def purge(tx: Tx, now: int) -> int:
    """Forget those that are over."""
    return tx.execute(
        "DELETE FROM web_session WHERE seen < :idle OR created < :whole",
        idle=now - IDLE_MS,
        whole=now - WHOLE_MS,
    )
