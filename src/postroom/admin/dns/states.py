"""In which state the required records of domains were found last, whoever looked.

Each check of a domain notes it (the page of the domain, a command, the daily look); the health of
the server is judged by it. A record that nobody tells of stays in the state it had.
"""

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import domains
from postroom.ledger import notes

MOST_DOMAINS: Final = 50  # that are judged
_NOTE: Final = "dns "
_WRONG: Final = frozenset({"missing", "different"})

States = dict[str, str]


class Found(Protocol):
    """A record that was looked for: ``dns.Row``."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def use(self) -> str: ...

    @property
    def need(self) -> str: ...

    @property
    def state(self) -> str | None: ...


class Lacking(msgspec.Struct, frozen=True):
    """A domain of which required records are missing, or other than they should be."""

    domain: str
    records: tuple[str, ...]


def label(row: Found) -> str:
    """A record in words: ``MX example.org (incoming mail)``."""
    return f"{row.type} {row.name} ({row.use})"


async def note(office: Office, domain: str, rows: Iterable[Found]) -> None:
    """What a check has found."""
    now = office.now()
    required = [one for one in rows if one.need == "required"]

    def write(tx: Tx) -> None:
        last = notes.find(tx, _NOTE + domain, States)
        before = last[1] if last else {}
        states = {
            label(one): before.get(label(one), "unknown") if one.state == "unknown" else one.state
            for one in required
        }
        notes.put(tx, _NOTE + domain, now, states)

    await office.db.write(write, bulk=True)


async def lacking(office: Office) -> tuple[Lacking, ...]:
    """The first domains of which a record that they need was not right the last time."""

    def read(tx: Tx) -> tuple[Lacking, ...]:
        names = [own.name for own in domains.page(tx, "", MOST_DOMAINS, "")]
        found = notes.among(tx, [_NOTE + name for name in names], States)
        wrong = [
            Lacking(name, tuple(record for record, state in states.items() if state in _WRONG))
            for name in names
            if (states := found.get(_NOTE + name)) is not None
        ]
        return tuple(one for one in wrong if one.records)

    return await office.directory.look(read)
