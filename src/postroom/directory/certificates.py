"""Certificates from an authority: kept with their keys, and when to see to them again.

A certificate is known by ``name``, the first of its names. Its private key is sealed, is made
with the first order and stays (so that a TLSA record stays true). Answers to challenges stand
here as well: any server of a cluster may be asked for them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx

_COLUMNS: Final = (
    "name, names, key, chain, issued, expires, due, failures, problem, next_key, next_at, way"
)
_CONTEXT: Final = "certificate:"
CHALLENGE_MS: Final = 3_600_000  # how long an answer stands
CLAIM_MS: Final = 600_000  # how long nobody else orders the same


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate or, while ``chain`` is "", one that is wanted. Times in UTC milliseconds.

    ``key`` is sealed. ``due``: nothing is ordered before. ``problem`` is why the latest order
    failed, "" when it did not; ``failures`` counts those in a row. ``next_key``, sealed as well, is
    what the key is to change to, not before ``next_at``; while that is 0 it is not known when.
    ``way`` is the challenge that proved its names the last time, "" for none yet.
    """

    name: str
    names: tuple[str, ...]
    key: bytes
    chain: str = ""
    issued: int = 0
    expires: int = 0
    due: int = 0
    failures: int = 0
    problem: str = ""
    next_key: bytes | None = None
    next_at: int = 0
    way: str = ""


def context(name: str) -> bytes:
    """What the sealed key of a certificate is for (see ``sealing``)."""
    return f"{_CONTEXT}{name}".encode()


def listing(tx: Tx) -> list[Held]:
    """All of them, by name."""
    return [_read(row) for row in tx.all(f"SELECT {_COLUMNS} FROM certificate ORDER BY name")]


def find(tx: Tx, name: str) -> Held | None:
    """The one of this name."""
    row = tx.one(f"SELECT {_COLUMNS} FROM certificate WHERE name = :name", name=name)
    return _read(row) if row else None


def want(tx: Tx, name: str, key: bytes, now: int) -> Held:
    """Begin to want one; what is there already stays."""
    tx.execute(
        "INSERT INTO certificate (name, names, key, chain, issued, expires, due, failures, problem)"
        " VALUES (:name, '', :key, '', 0, 0, :now, 0, '') ON CONFLICT (name) DO NOTHING",
        name=name,
        key=key,
        now=now,
    )
    return find(tx, name) or Held(name=name, names=(), key=key, due=now)


def claim(tx: Tx, name: str, due: int, now: int) -> bool:
    """Take it on oneself to order it, for ten minutes; False when another was faster."""
    return bool(
        tx.execute(
            "UPDATE certificate SET due = :until WHERE name = :name AND due = :due",
            name=name,
            due=due,
            until=now + CLAIM_MS,
        )
    )


def put(
    tx: Tx, name: str, names: Sequence[str], chain: str, *, issued: int, expires: int, due: int
) -> None:
    """A new certificate has come; ``due`` is when to renew it."""
    tx.execute(
        "UPDATE certificate SET names = :names, chain = :chain, issued = :issued,"
        " expires = :expires, due = :due, failures = 0, problem = '' WHERE name = :name",
        name=name,
        names=" ".join(names),
        chain=chain,
        issued=issued,
        expires=expires,
        due=due,
    )


def proven(tx: Tx, name: str, way: str) -> None:
    """Its names were proven in this way."""
    tx.execute("UPDATE certificate SET way = :way WHERE name = :name", name=name, way=way)


def change_key(tx: Tx, name: str, next_key: bytes) -> None:
    """Begin to change the key."""
    tx.execute(
        "UPDATE certificate SET next_key = :key, next_at = 0 WHERE name = :name",
        name=name,
        key=next_key,
    )


def change_key_at(tx: Tx, name: str, moment: int) -> None:
    """From when on the next key may be used."""
    tx.execute("UPDATE certificate SET next_at = :at WHERE name = :name", name=name, at=moment)


def use_next_key(tx: Tx, name: str, next_key: bytes) -> None:
    """A certificate with this next key has come: it is the key from now on."""
    tx.execute(
        "UPDATE certificate SET key = next_key, next_key = NULL, next_at = 0"
        " WHERE name = :name AND next_key = :key",
        name=name,
        key=next_key,
    )


def postpone(tx: Tx, name: str, due: int) -> None:
    """See to it at another time."""
    tx.execute("UPDATE certificate SET due = :due WHERE name = :name", name=name, due=due)


def failed(tx: Tx, name: str, problem: str, due: int) -> None:
    """An order came to nothing; try again at ``due``."""
    tx.execute(
        "UPDATE certificate SET failures = failures + 1, problem = :problem, due = :due"
        " WHERE name = :name",
        name=name,
        problem=problem,
        due=due,
    )


def remove(tx: Tx, name: str) -> bool:
    """Forget one with its key."""
    return bool(tx.execute("DELETE FROM certificate WHERE name = :name", name=name))


def version(tx: Tx) -> tuple[int, int]:
    """Another value whenever a certificate has come or gone."""
    row = tx.one("SELECT count(*), coalesce(max(issued), 0) FROM certificate WHERE chain <> ''")
    return (int(row[0]), int(row[1])) if row else (0, 0)


def account(tx: Tx, directory: str) -> tuple[bytes, str] | None:
    """Sealed key and URL of our account at an authority."""
    row = tx.one("SELECT key, url FROM acme_account WHERE directory = :d", d=directory)
    return (bytes(row[0]), str(row[1])) if row else None


def put_account(tx: Tx, directory: str, key: bytes, url: str) -> None:
    """Remember it."""
    tx.execute(
        "INSERT INTO acme_account (directory, key, url) VALUES (:directory, :key, :url)"
        " ON CONFLICT (directory) DO UPDATE SET key = excluded.key, url = excluded.url",
        directory=directory,
        key=key,
        url=url,
    )


def put_challenge(tx: Tx, token: str, answer: str, now: int, kind: str = "http-01") -> None:
    """Let an answer stand for an hour; those whose hour is over go.

    ``token`` is the name that is proven where the ``kind`` is tls-alpn-01.
    """
    tx.execute("DELETE FROM acme_challenge WHERE expires < :now", now=now)
    tx.execute(
        "INSERT INTO acme_challenge (token, answer, expires, kind)"
        " VALUES (:token, :answer, :expires, :kind) ON CONFLICT (token) DO UPDATE"
        " SET answer = excluded.answer, expires = excluded.expires, kind = excluded.kind",
        token=token,
        answer=answer,
        expires=now + CHALLENGE_MS,
        kind=kind,
    )


def challenge(tx: Tx, token: str) -> str | None:
    """The answer at a token of http-01."""
    row = tx.one(
        "SELECT answer FROM acme_challenge WHERE token = :token AND kind = 'http-01'", token=token
    )
    return str(row[0]) if row else None


def handshakes(tx: Tx, now: int) -> dict[str, str]:
    """Key authorizations of tls-alpn-01 that are to be shown, by name."""
    found = tx.all(
        "SELECT token, answer FROM acme_challenge WHERE kind = 'tls-alpn-01' AND expires >= :now",
        now=now,
    )
    return {str(name): str(answer) for name, answer in found}


def remove_challenge(tx: Tx, token: str) -> None:
    """An answer is not needed any more."""
    tx.execute("DELETE FROM acme_challenge WHERE token = :token", token=token)


def _read(row: Row) -> Held:
    name, names, key, chain, issued, expires, due, failures, problem, next_key, next_at, way = row
    return Held(
        name=name,
        names=tuple(names.split()),
        key=bytes(key),
        chain=chain,
        issued=issued,
        expires=expires,
        due=due,
        failures=failures,
        problem=problem,
        next_key=None if next_key is None else bytes(next_key),
        next_at=next_at,
        way=way,
    )
