"""Who is logged in to the web pages: rows that survive a restart, without the secret itself.

A session ends eight hours after its last request, a week after its beginning, with the password
that began it, or when its account is disabled.
"""

import hashlib
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx, number
from postroom.directory.administrators import IN_REACH

IDLE_MS: Final = 8 * 3_600_000
WHOLE_MS: Final = 7 * 86_400_000
AHEAD_MS: Final = 3_600_000  # what clocks of servers may differ by
TOUCH_MS: Final = 60_000  # the time of the last request is written no oftener
MAX_AGENT: Final = 200  # characters


Method = Literal["password", "code", "passkey", "oidc"]
"""How it was begun: password alone, second factor as well, passkey, another's login page."""


class WebSession(msgspec.Struct, frozen=True):
    """One browser. ``token`` is the digest of its secret; times in UTC milliseconds.

    ``credential_id`` is what began it: a row of ``credential``, or of ``passkey``, 0 for oidc.
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
        """Whether it counts no more; nor does one that began when the clock was ahead."""
        is_to_come = self.created > now + AHEAD_MS
        return is_to_come or now - self.seen > IDLE_MS or now - self.created > WHOLE_MS


class Listed(msgspec.Struct, frozen=True):
    """A session and the main address of its account."""

    session: WebSession
    address: str


class Chosen(msgspec.Struct, frozen=True):
    """Which sessions of all: those not over ``now``, with a text in them, of an administrator."""

    now: int
    search: str = ""
    within: int | None = None


_COLUMNS: Final = "token, account_id, credential_id, created, seen, peer, agent, method"

_OF_ACCOUNTS: Final = (
    "FROM web_session s JOIN address a ON a.account_id = s.account_id AND a.main = 1"
    " JOIN domain d ON d.id = a.domain_id"
)


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


def page(tx: Tx, chosen: Chosen, after: tuple[int, bytes] | None, limit: int) -> list[Listed]:
    """The next sessions of all, the newest first; ``after``: when and which was the last."""
    where, given = _matching(chosen)
    columns = ", ".join(f"s.{name}" for name in _COLUMNS.split(", "))
    if after is not None:
        where += " AND s.created <= :created AND (s.created < :created OR s.token > :token)"
        given |= {"created": after[0], "token": after[1]}
    rows = tx.all(
        f"SELECT {columns}, a.written || '@' || d.name {_OF_ACCOUNTS} WHERE {where}"
        " ORDER BY s.created DESC, s.token LIMIT :limit",
        limit=limit,
        **given,
    )
    return [Listed(WebSession(bytes(row[0]), *row[1:-1]), row[-1]) for row in rows]


def count(tx: Tx, chosen: Chosen) -> int:
    """How many there are."""
    where, given = _matching(chosen)
    return number(tx, f"SELECT count(*) {_OF_ACCOUNTS} WHERE {where}", **given)


def _matching(chosen: Chosen) -> tuple[str, dict[str, object]]:
    where = "s.seen >= :idle AND s.created >= :whole"
    given: dict[str, object] = {"idle": chosen.now - IDLE_MS, "whole": chosen.now - WHOLE_MS}
    if chosen.within is not None:
        where += f" AND d.id {IN_REACH}"
        given["within"] = chosen.within
    if chosen.search:
        text = "lower(a.written || '@' || d.name || ' ' || s.peer || ' ' || s.agent)"
        where += f" AND instr({text}, :search) > 0"
        given["search"] = chosen.search
    return where, given


def touch(tx: Tx, token: bytes, now: int) -> None:
    """Note that a session was used."""
    tx.execute("UPDATE web_session SET seen = :now WHERE token = :token", now=now, token=token)


def remove(tx: Tx, token: bytes) -> None:
    """End a session."""
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
