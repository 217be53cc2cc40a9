"""Sieve scripts of accounts and of the site: rows of ``script``.

An account has any number of scripts, told apart by name, and at most one of them is active:
it runs on every letter that arrives. Whoever stores a script has compiled it before; here a
script is text with a name. Names are RFC 5804 §1.6 with two more bounds: no "/", so that no
name looks like a path, and no name that is "." or "..".
"""

import unicodedata
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.errors import AlreadyExists, Invalid, NotAllowed, NotFound, Refused

SITE: Final = 0  # the account_id of scripts of the site
MAX_NAME: Final = 128  # characters, RFC 5804 §1.6
_CONTROLS: Final = {"Cc", "Cs", "Zl", "Zp"}  # categories of what no name holds
_COLUMNS: Final = "name, octets, active, updated"


class Script(msgspec.Struct, frozen=True):
    """One script without its text. ``updated`` is UTC milliseconds."""

    name: str
    octets: int
    is_active: bool
    updated: int


class Room(msgspec.Struct, frozen=True):
    """How many scripts an account may have, and the octets of one in UTF-8."""

    scripts: int
    octets: int


class TooMany(Refused):
    """The account has as many scripts as it may have (RFC 5804 QUOTA/MAXSCRIPTS)."""

    kind = "quota"


class TooLarge(Refused):
    """The script is larger than scripts may be (RFC 5804 QUOTA/MAXSIZE)."""

    kind = "quota"


def named(name: str) -> str:
    """The name as it is stored and compared (NFC); raises Invalid (RFC 5804 §1.6)."""
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= MAX_NAME:
        raise Invalid(f"the name of a script has 1 to {MAX_NAME} characters")
    if any(unicodedata.category(letter) in _CONTROLS for letter in name):
        raise Invalid("the name of a script holds no control characters")
    if "/" in name or name in {".", ".."}:
        raise Invalid(f"{name!r} is no name of a script; choose one without '/'")
    return name


def of(tx: Tx, account_id: int) -> list[Script]:
    """The scripts of an account by name."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM script WHERE account_id = :account ORDER BY name",
        account=account_id,
    )
    return [_script(row) for row in rows]


def find(tx: Tx, account_id: int, name: str) -> str | None:
    """The text of the script of exactly this name, to the octet as it was put."""
    row = tx.one(
        "SELECT content FROM script WHERE account_id = :account AND name = :name",
        account=account_id,
        name=name,
    )
    return str(row[0]) if row else None


def text(tx: Tx, account_id: int, name: str) -> str:
    """The text of a script; raises NotFound."""
    found = find(tx, account_id, named(name))
    if found is None:
        raise _missing(name)
    return found


def active(tx: Tx, account_id: int) -> tuple[str, str] | None:
    """Name and text of the active script; None for most accounts."""
    row = tx.one(
        "SELECT name, content FROM script WHERE account_id = :account AND active = 1",
        account=account_id,
    )
    return (row[0], row[1]) if row else None


def check_room(tx: Tx, account_id: int, name: str, octets: int, room: Room) -> None:
    """Whether a script of this name and size may be put; raises TooMany, TooLarge, Invalid."""
    name = named(name)
    if octets > room.octets:
        raise TooLarge(f"the script has {octets} octets; at most {room.octets} are allowed")
    row = tx.one(
        "SELECT count(*) FROM script WHERE account_id = :account AND name <> :name",
        account=account_id,
        name=name,
    )
    if row is not None and row[0] >= room.scripts:
        raise TooMany(f"there are {row[0]} scripts already, the most allowed; remove one first")


def put(tx: Tx, account_id: int, ident: int, name: str, content: str, now: int) -> Script:
    """Store a script, in place of one of that name, which stays active if it was.

    ``ident`` is new, ``content`` was checked by the caller. Raises Invalid.
    """
    if "\0" in content:
        raise Invalid("a script holds no NUL")
    row = tx.one(
        "INSERT INTO script (id, account_id, name, content, octets, active, updated)"
        " VALUES (:id, :account, :name, :content, :octets, 0, :now)"
        " ON CONFLICT (account_id, name) DO UPDATE SET content = excluded.content,"
        " octets = excluded.octets, updated = excluded.updated"
        f" RETURNING {_COLUMNS}",
        id=ident,
        account=account_id,
        name=named(name),
        content=content,
        octets=len(content.encode()),
        now=now,
    )
    if row is None:
        raise AssertionError("an upsert returns its row")
    return _script(row)


def activate(tx: Tx, account_id: int, name: str) -> None:
    """Make this the one active script of the account; raises NotFound and changes nothing."""
    found = _require(tx, account_id, name)
    if not found.is_active:
        deactivate(tx, account_id)
        tx.execute(
            "UPDATE script SET active = 1 WHERE account_id = :account AND name = :name",
            account=account_id,
            name=found.name,
        )


def deactivate(tx: Tx, account_id: int) -> None:
    """Let no script of the account run; it is no error when none does."""
    tx.execute(
        "UPDATE script SET active = 0 WHERE account_id = :account AND active = 1",
        account=account_id,
    )


def rename(tx: Tx, account_id: int, old: str, new: str) -> None:
    """Give a script another name; an active one stays active (RFC 5804 §2.11.1).

    Raises NotFound, and AlreadyExists when another script has the name.
    """
    found, new = _require(tx, account_id, old), named(new)
    if new == found.name:
        return
    if any(one.name == new for one in of(tx, account_id)):
        raise AlreadyExists(f"there is a script {new!r} already; remove it first")
    tx.execute(
        "UPDATE script SET name = :new WHERE account_id = :account AND name = :old",
        account=account_id,
        old=found.name,
        new=new,
    )


def remove(tx: Tx, account_id: int, name: str) -> None:
    """Delete a script; raises NotFound, and NotAllowed for the active one."""
    found = _require(tx, account_id, name)
    if found.is_active:
        raise NotAllowed(f"the script {found.name!r} is active; deactivate it first")
    tx.execute(
        "DELETE FROM script WHERE account_id = :account AND name = :name",
        account=account_id,
        name=found.name,
    )


def forget(tx: Tx, account_id: int) -> None:
    """The account is gone for good, and its scripts with it."""
    tx.execute("DELETE FROM script WHERE account_id = :account", account=account_id)


def _require(tx: Tx, account_id: int, name: str) -> Script:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM script WHERE account_id = :account AND name = :name",
        account=account_id,
        name=named(name),
    )
    if row is None:
        raise _missing(name)
    return _script(row)


def _missing(name: str) -> NotFound:
    return NotFound(f"there is no script {name!r}")


def _script(row: Row) -> Script:
    name, octets, is_active, updated = row
    return Script(name, octets, bool(is_active), updated)
